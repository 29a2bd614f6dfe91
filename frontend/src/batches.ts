// Batches: the whole board as a table, searched, sorted, and edited in place.
import { list, people, post } from "./lib/api";
import { confirm, debounce, find, h, icon, maybe } from "./lib/dom";
import { download } from "./lib/download";
import { type Change, listen, onChange } from "./lib/live";
import { problem } from "./lib/notice";
import { plural, number, t } from "./lib/text";
import { saved } from "./lib/undo";
import { askPerson } from "./assign/work";
import { Rows } from "./batches/rows";

const PER_PAGE = "50";

const form = find<HTMLFormElement>("#filters");
const rows = new Rows(find<HTMLTableSectionElement>("#rows"), count);
const state = new URLSearchParams(location.search);
state.delete("lang");
let names: string[] = [];
let asked = 0;

async function load(): Promise<void> {
  const question = ++asked;
  const wanted = new URLSearchParams([...state].filter(([, value]) => value !== ""));
  wanted.set("per_page", PER_PAGE);
  if (!wanted.has("sort")) wanted.set("sort", "id");
  try {
    const listing = await list(wanted);
    if (question !== asked) return; // a later one is under way
    rows.show(listing, filtered());
    paginate(listing.pagination);
  } catch (error) {
    if (question === asked) rows.failed(error instanceof Error ? error.message : String(error), () => void load());
  }
}

const filtered = () => [...state].some(([name, value]) => value !== "" && name !== "page" && name !== "sort");

function paginate(at: { page: number; per_page: number; total: number; total_pages: number }): void {
  const first = at.total === 0 ? 0 : (at.page - 1) * at.per_page + 1;
  const last = Math.min(at.page * at.per_page, at.total);
  find("#range").textContent = t("{first}–{last} de {total}", { first, last, total: at.total });
  find("#total").textContent = number(at.total);
  const previous = find<HTMLButtonElement>("#previous");
  const next = find<HTMLButtonElement>("#next");
  previous.disabled = at.page <= 1;
  next.disabled = at.page >= at.total_pages;
}

function go(changes: Record<string, string>): void {
  for (const [name, value] of Object.entries(changes)) {
    if (value) state.set(name, value);
    else state.delete(name);
  }
  history.replaceState(null, "", state.size ? `?${state}` : location.pathname);
  void load();
}

function turn(by: number): void {
  go({ page: String(Math.max(1, Number(state.get("page") ?? "1") + by)) });
  find("#batches-title").scrollIntoView({ block: "nearest" });
}

function showSort(): void {
  const sort = state.get("sort") ?? "id";
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-sort]")) {
    const mine = button.dataset.sort === sort.replace(/^-/, "");
    const down = sort.startsWith("-");
    button.closest("th")?.setAttribute("aria-sort", mine ? (down ? "descending" : "ascending") : "none");
    find("i", button).className = mine ? `bi bi-arrow-${down ? "down" : "up"}-short` : "bi bi-arrow-down-up idle";
  }
}

function fromForm(): void {
  const changes: Record<string, string> = { page: "", unassigned: "", assignee: "" };
  for (const field of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[name]")) changes[field.name] = field.value.trim();
  const assignee = changes.assignee ?? "";
  if (assignee === "\u0000nobody") Object.assign(changes, { unassigned: "1", assignee: "" });
  else changes.assignee = assignee.replace(/\\/g, "\\\\").replace(/,/g, "\\,");
  showReset(changes);
  go(changes);
}

function showReset(values: Record<string, string>): void {
  find("#reset").hidden = !Object.entries(values).some(([name, value]) => value && name !== "page");
}

function toForm(): void {
  for (const field of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[name]")) {
    const value = state.get(field.name) ?? "";
    if (field.name === "assignee") field.value = state.get("unassigned") ? "\u0000nobody" : value.replace(/\\(.)/g, "$1");
    else field.value = value;
  }
  showReset(Object.fromEntries([...state].filter(([name]) => name !== "sort")));
}

function fillAssignees(): void {
  const select = find<HTMLSelectElement>("select[name=assignee]", form);
  const options = [...names].sort((a, b) => a.localeCompare(b, "es")).map((name) => h("option", { value: name }, name));
  select.append(h("option", { value: "\u0000nobody" }, t("Sin asignar")), ...options);
  toForm();
}

/** The address of what is shown is that of its export. */
function exportShown(button: HTMLButtonElement): void {
  const wanted = new URLSearchParams([...state].filter(([name, value]) => value !== "" && name !== "page"));
  wanted.set("format", button.dataset.format ?? "csv");
  if (button.dataset.separator) wanted.set("separator", button.dataset.separator);
  find<HTMLDetailsElement>("#export").open = false;
  void download(`/api/export/batches?${wanted}`, t("Descargando los batches…"));
}

function count(): void {
  const chosen = rows.chosen().length;
  find("#selection").hidden = chosen === 0;
  find("#selection-count").textContent = plural(chosen, "{count} elegido", "{count} elegidos");
  const removing = maybe("#delete");
  removing?.replaceChildren(icon("trash3"), plural(chosen, "Eliminar {count} batch", "Eliminar {count} batches"));
}

const reloading = { ended: () => void load() };

function assignChosen(): void {
  const ids = rows.chosen();
  askPerson(ids.length, names, (name) => {
    post("/api/batches/assign", { ids, assignee: name })
      .then((receipt) => {
        saved(plural(ids.length, "{count} batch asignado a {name}", "{count} batches asignados a {name}", { name }), receipt, reloading);
        return load();
      })
      .catch(problem);
  });
}

async function deleteChosen(): Promise<void> {
  const ids = rows.chosen();
  const title = plural(ids.length, "Eliminar {count} batch", "Eliminar {count} batches");
  const few = ids.slice(0, 5).join(", ") + (ids.length > 5 ? "…" : "");
  const text = t("Se quitan del tablero: {ids}. Su historia se conserva, y se deshace aquí mismo o desde el Historial.", { ids: few });
  if (!(await confirm(title, text, title, t("Cancelar")))) return;
  try {
    const receipt = await post("/api/batches/delete", { ids });
    saved(plural(ids.length, "{count} batch eliminado", "{count} batches eliminados"), receipt, reloading);
  } catch (error) {
    problem(error);
  }
  await load();
}

/** Rows change in place; which rows are on the page changes only when somebody asks. */
function changed(change: Change): void {
  if (change.kind !== "batch") return;
  const here = change.docs.filter((id) => rows.has(id));
  if (change.count > change.docs.length || change.action === "create") return debounced();
  if (here.length === 0) return;
  const wanted = new URLSearchParams({ ids: here.map((id) => id.replace(/\\/g, "\\\\").replace(/,/g, "\\,")).join(","), per_page: "100" });
  list(wanted)
    .then((listing) => rows.update(here, listing))
    .catch(problem);
}

const debounced = debounce(800, () => void load());
const typed = debounce(200, fromForm);

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", (event) => ((event.target as HTMLElement).matches("input[type=search]") ? typed() : fromForm()));
find("#reset").addEventListener("click", () => {
  form.reset();
  fromForm();
});
for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-sort]")) {
  button.addEventListener("click", () => {
    const name = button.dataset.sort ?? "id";
    const sort = state.get("sort") ?? "id";
    go({ sort: sort === name ? `-${name}` : name, page: "" });
    showSort();
  });
}
for (const button of document.querySelectorAll<HTMLButtonElement>("#export button[data-format]")) {
  button.addEventListener("click", () => exportShown(button));
}
find("#previous").addEventListener("click", () => turn(-1));
find("#next").addEventListener("click", () => turn(1));
maybe<HTMLInputElement>("#choose-all")?.addEventListener("change", (event) => rows.chooseAll((event.target as HTMLInputElement).checked));
find("#clear").addEventListener("click", () => rows.chooseAll(false));
maybe("#assign")?.addEventListener("click", assignChosen);
maybe("#delete")?.addEventListener("click", () => void deleteChosen());

toForm();
showSort();
void load();
people()
  .then((found) => {
    names = found;
    fillAssignees();
  })
  .catch(problem);
onChange(changed);
listen(() => void load());
