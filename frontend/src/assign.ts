// Asignar batches: the unassigned ones on the left, a card per segmentador on the right.
import { type Batch, assign, assigneeOf, everything, list, literal, people } from "./lib/api";
import { find, h, may, maybe } from "./lib/dom";
import { download } from "./lib/download";
import { type Change, listen, onChange, onProgress, refreshProgress } from "./lib/live";
import { notice, problem } from "./lib/notice";
import { plural, t } from "./lib/text";
import { saved } from "./lib/undo";
import { backUp, chooseWorklist, inFormat } from "./assign/downloads";
import { PersonCards } from "./assign/cards";
import { quickCreate } from "./assign/quick";
import { UnassignedList } from "./assign/unassigned";
import { askPerson, showWork } from "./assign/work";

const MOST_LOOKED_UP = 100;

const names = new Set<string>();
const unassigned = new UnassignedList(find("#unassigned"), () => openAssign());
const cards = new PersonCards(find("#people"), {
  dropped: (name) => void give(unassigned.chosen(), name),
  opened: (name) => void showWork(name, [...names], { give, freed: (ids) => give(ids, null) }),
  chosen: () => unassigned.chosen(),
});

async function give(ids: string[], name: string | null, from: string | null = null): Promise<void> {
  if (ids.length === 0) return;
  const taken = name === null ? [] : unassigned.take(ids);
  cards.move(ids.length, from, name);
  try {
    const receipt = await assign(ids, name);
    const said =
      name === null
        ? plural(ids.length, "{count} batch devuelto a sin asignar", "{count} batches devueltos a sin asignar")
        : plural(ids.length, "{count} batch asignado a {name}", "{count} batches asignados a {name}", { name });
    saved(said, receipt, { started: () => cards.move(ids.length, name, from), ended: () => void caughtUp(ids).catch(problem) });
    if (name === null) await lookUp(ids);
  } catch (error) {
    unassigned.put(taken);
    problem(error);
  }
  await refreshProgress().catch(() => undefined);
}

async function caughtUp(ids: string[]): Promise<void> {
  if (ids.length > MOST_LOOKED_UP) await load();
  else await lookUp(ids);
  await refreshProgress();
}

function openAssign(): void {
  const ids = unassigned.chosen();
  if (ids.length === 0) return notice(t("Elige primero los batches que quieres asignar."), "info");
  askPerson(ids.length, [...names], (name) => void give(ids, name));
}

async function load(): Promise<void> {
  const found: Batch[] = [];
  unassigned.loading();
  try {
    await everything({ unassigned: "1", sort: "id" }, (batches) => {
      found.push(...batches);
      unassigned.show(found);
    });
  } catch (error) {
    unassigned.failed(error instanceof Error ? error.message : String(error), () => void load());
  }
}

async function lookUp(ids: string[]): Promise<void> {
  const wanted = new URLSearchParams({ ids: ids.map(literal).join(","), per_page: String(MOST_LOOKED_UP) });
  const { batches } = await list(wanted);
  const free = batches.filter((batch) => !assigneeOf(batch));
  const kept = new Set(free.map((batch) => batch.id));
  unassigned.take(ids.filter((id) => !kept.has(id)));
  unassigned.put(free);
}

async function loadPeople(): Promise<void> {
  for (const name of await people()) names.add(name);
  cards.know([...names]);
  fillSelect();
}

/** Everybody known, and whoever has work without being listed. */
function fillSelect(): void {
  const select = maybe<HTMLSelectElement>("#worklist-person");
  if (!select) return;
  const before = select.value;
  const sorted = [...names].sort((a, b) => a.localeCompare(b, "es"));
  select.replaceChildren(find("option", select), ...sorted.map((name) => h("option", { value: name }, name)));
  select.value = names.has(before) ? before : "";
}

function changed(change: Change): void {
  if (change.kind === "segmentador") return void reloadPeople().catch(problem);
  if (change.count > MOST_LOOKED_UP || change.docs.length > MOST_LOOKED_UP) return void load();
  void lookUp(change.docs).catch(problem);
}

async function reloadPeople(): Promise<void> {
  names.clear();
  await loadPeople();
  await refreshProgress();
}

onProgress((progress) => {
  for (const person of progress.people) names.add(person.name);
  cards.show(progress);
  fillSelect();
});
onChange(changed);

document.addEventListener("keydown", (event) => {
  const typing = (event.target as HTMLElement).closest("input:not([type=checkbox]), textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    find("#unassigned-search").focus();
  }
  if (event.key.toLowerCase() === "a" && may("assign")) {
    event.preventDefault();
    openAssign();
  }
  if (event.key === "Escape") unassigned.clear();
});

maybe("#quick")?.addEventListener("click", () => quickCreate(() => void refreshProgress()));
maybe("#summary")?.addEventListener("click", () =>
  void download(`/api/export/all-assignments${inFormat()}`, t("Descargando el resumen del equipo…")),
);
maybe("#backup")?.addEventListener("click", () => void backUp());
chooseWorklist();

void load();
void loadPeople().catch(problem);
void refreshProgress().catch(problem);
listen(() => void load());
