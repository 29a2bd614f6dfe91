// Gestión de datos: a backup file is compared with the board, shown, and imported when somebody says so.
import { post, send, shown } from "./lib/api";
import { find, h, icon, maybe } from "./lib/dom";
import { download } from "./lib/download";
import { number, plural, t } from "./lib/text";
import { saved } from "./lib/undo";
import { takeBack } from "./data/intake";
import { mendProblems } from "./data/problems";

interface Change {
  kind?: string;
  id: string;
  fields?: string[] | Record<string, unknown>;
  action?: string;
}

interface Plan {
  plan: string;
  created: number;
  changed: number;
  brought_back: number;
  unchanged: number;
  skipped: number;
  changes: Change[];
}

const input = find<HTMLInputElement>("#backup-file");
const zone = find("#drop");
const wrong = find("#file-error");
const preview = find("#preview");
let current: AbortController | null = null;

function say(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  wrong.textContent = error instanceof Error ? error.message : String(error);
  wrong.hidden = false;
  input.setAttribute("aria-invalid", "true");
  preview.replaceChildren();
}

function busy(file: File): void {
  wrong.hidden = true;
  input.removeAttribute("aria-invalid");
  const stop = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => (current?.abort(), preview.replaceChildren()) }, t("Cancelar"));
  const text = t("Comparando {name} con el tablero…", { name: file.name });
  preview.replaceChildren(h("div", { class: "card-box reading", role: "status" }, h("span", { class: "working", "aria-hidden": "true" }), h("p", {}, text), stop));
}

async function compare(file: File): Promise<void> {
  current?.abort();
  current = new AbortController();
  busy(file);
  const body = new FormData();
  body.append("file", file);
  try {
    const answer = await send("POST", "/api/restore/plan", { body, signal: current.signal });
    showAnswer(await answer.json(), file.name);
  } catch (error) {
    say(error);
  } finally {
    input.value = "";
  }
}

function showAnswer(answer: unknown, name: string): void {
  const said = answer as Partial<Plan> & { summary?: Partial<Plan> };
  show({ ...empty(), ...said.summary, ...said } as Plan, name);
}

const empty = (): Plan => ({ plan: "", created: 0, changed: 0, brought_back: 0, unchanged: 0, skipped: 0, changes: [] });

function show(plan: Plan, name: string): void {
  const size = plan.created + plan.brought_back + plan.changed;
  const box = h("section", { class: "card-box", "aria-label": t("Vista previa") }, h("h2", { class: "card-title" }, icon("file-earmark-check"), name));
  const facts: [string, number, string][] = [
    [t("nuevos"), plan.created, "new"],
    [t("vuelven"), plan.brought_back, "new"],
    [t("cambian"), plan.changed, "changed"],
    [t("iguales"), plan.unchanged, "same"],
    [t("se pierden"), 0, "same"],
  ];
  box.append(h("dl", { class: "facts" }, ...facts.map(([label, value, kind]) => h("div", { class: `fact fact-${kind}` }, h("dd", {}, number(value)), h("dt", {}, label)))));
  if (plan.skipped) box.append(h("p", { class: "hint attention" }, plural(plan.skipped, "{count} documento no se puede traer y se deja fuera.", "{count} documentos no se pueden traer y se dejan fuera.")));
  if (size === 0) {
    box.append(h("p", { class: "hint" }, t("El tablero ya tiene todo lo que hay en este archivo. No hay nada que importar.")));
  } else {
    box.append(changeList(plan, size), importRow(plan, size));
  }
  preview.replaceChildren(box);
  box.scrollIntoView({ block: "nearest" });
}

function changeList(plan: Plan, size: number): HTMLElement {
  const words: Record<string, string> = { created: t("nuevo"), changed: t("cambia"), brought_back: t("vuelve") };
  const lines = plan.changes.map((change) => {
    const list = Array.isArray(change.fields) ? change.fields : Object.keys(change.fields ?? {});
    const action = shown(change.action) || (list.length ? "changed" : "created");
    const fields = action === "changed" ? list : [];
    return h("tr", {}, h("th", { scope: "row" }, shown(change.id)), h("td", {}, words[action] ?? action), h("td", { class: "muted" }, fields.join(", ")));
  });
  const head = h("tr", {}, ...[t("Batch o persona"), t("Qué pasa"), t("Campos")].map((text) => h("th", { scope: "col" }, text)));
  const table = h("table", { class: "table-plain" }, h("thead", {}, head), h("tbody", {}, ...lines));
  const more = size > plan.changes.length && h("p", { class: "hint" }, t("Y {count} más.", { count: size - plan.changes.length }));
  return h("div", { class: "changes", tabIndex: 0, role: "region", "aria-label": t("Cambios") }, table, more);
}

function importRow(plan: Plan, size: number): HTMLElement {
  const label = importLabel(plan, size);
  const go = h("button", { type: "button", class: "btn btn-primary", id: "import" }, icon("box-arrow-in-down"), label);
  const cancel = h("button", { type: "button", class: "btn btn-quiet", onclick: () => preview.replaceChildren() }, t("Cancelar"));
  go.addEventListener("click", () => {
    go.disabled = true;
    post("/api/restore/apply", { plan: plan.plan })
      .then((receipt) => done(size, receipt))
      .catch(say);
  });
  return h("div", { class: "import-row" }, h("p", { class: "hint" }, t("Nada se borra: lo que está en el tablero y no en el archivo se queda como está.")), cancel, go);
}

/** People come first in the list of changes, so that all of them are in it. */
function importLabel(plan: Plan, size: number): string {
  const team = plan.changes.filter((change) => change.kind === "segmentador").length;
  const batches = plural(size - team, "Importar {count} batch", "Importar {count} batches");
  if (team === 0) return batches;
  if (team === size) return plural(team, "Importar {count} segmentador", "Importar {count} segmentadores");
  return `${batches} ${plural(team, "y {count} segmentador", "y {count} segmentadores")}`;
}

function done(size: number, receipt: Record<string, unknown>): void {
  const text = plural(size, "{count} cambio importado", "{count} cambios importados");
  saved(text, receipt);
  const link = h("a", { href: "/batches", class: "btn btn-quiet" }, t("Ver los batches"));
  preview.replaceChildren(h("section", { class: "card-box result", role: "status" }, icon("check-circle-fill"), h("p", {}, `${text} · ${t("Guardado dos veces")}`), link));
}

/** A spreadsheet dropped among the backups is a list. */
const isList = (file: File) => /\.(csv|tsv|txt|xlsx|xlsm|xls|ods)$/i.test(file.name);

const lists = takeBack(showAnswer);
const open = (file: File) => void (isList(file) ? lists.open(file) : compare(file));
input.addEventListener("change", () => input.files?.[0] && open(input.files[0]));
for (const kind of ["dragenter", "dragover"]) {
  zone.addEventListener(kind, (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("over"));
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  const file = event.dataTransfer?.files[0];
  if (file) open(file);
});
maybe("#backup")?.addEventListener("click", () => void download("/api/backup/database", t("Descargando el respaldo de la base de datos…")));
mendProblems();
