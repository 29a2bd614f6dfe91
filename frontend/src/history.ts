// Historial: every operation with a way to take it back, and the board as it was at any moment.
import { people } from "./lib/api";
import { find, maybe } from "./lib/dom";
import { listen, onChange } from "./lib/live";
import { problem } from "./lib/notice";
import { askSpan } from "./history/everything";
import { Operations } from "./history/list";
import { Past } from "./history/past";

const tabs = { list: find<HTMLButtonElement>("#tab-list"), past: find<HTMLButtonElement>("#tab-past") };
type View = keyof typeof tabs;

const operations = new Operations((op) => {
  show("past");
  past.before(op);
});
const past = new Past(find("#view-past"));

function show(view: View): void {
  for (const name of ["list", "past"] as const) {
    tabs[name].setAttribute("aria-selected", String(name === view));
    tabs[name].tabIndex = name === view ? 0 : -1;
    find(`#view-${name}`).hidden = name !== view;
  }
}

function open(view: View): void {
  show(view);
  if (view === "past") past.open();
  else operations.remember();
}

for (const view of ["list", "past"] as const) {
  tabs[view].addEventListener("click", () => open(view));
  tabs[view].addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = view === "list" ? "past" : "list";
    tabs[other].focus();
    open(other);
  });
}

maybe("#undo-all")?.addEventListener("click", () => askSpan(operations.actors(), () => void operations.load()));
onChange((change) => operations.happened(change));
listen(() => void operations.load());

const asked = new URLSearchParams(location.search);
if (past.wants(asked)) {
  show("past");
  past.from(asked);
  void operations.load(false);
} else {
  void operations.load();
}
people()
  .then((names) => operations.knowActors(names))
  .catch(problem);
