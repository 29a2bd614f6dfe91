// Gestión de datos: a backup file is compared with the board, shown, and imported when somebody says so.
import { find, h, icon, maybe } from "./lib/dom";
import { download } from "./lib/download";
import { plural, t } from "./lib/text";
import { saved } from "./lib/undo";
import { takeBack } from "./data/intake";
import { mendProblems } from "./data/problems";
import { Progress, begin, followApply, result } from "./restore/apply";
import { type Applied, type Plan, type Row, upload } from "./restore/plan";
import { preview as planPreview } from "./restore/preview";

/** With the first of its changes, as they come with the answer. */
type Read = Plan & { changes: Row[] };

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
  try {
    show((await upload(file, {}, current.signal)) as Read, file.name);
  } catch (error) {
    say(error);
  } finally {
    input.value = "";
  }
}

/** What the server answers to a backup, wherever it was dropped. */
const showAnswer = (answer: unknown, name: string): void => show(answer as Read, name);

function show(plan: Read, name: string): void {
  const box = h("section", { class: "card-box", "aria-label": t("Vista previa") }, h("h2", { class: "card-title" }, icon("file-earmark-check"), name), planPreview(plan));
  if (plan.total === 0) box.append(h("p", { class: "plan-nothing" }, icon("check-circle"), t("El tablero ya tiene todo lo que hay en este archivo. No hay nada que importar.")));
  else box.append(importRow(plan));
  preview.replaceChildren(box);
  box.scrollIntoView({ block: "nearest" });
}

function importRow(plan: Read): HTMLElement {
  const go = h("button", { type: "button", class: "btn btn-primary", id: "import" }, icon("box-arrow-in-down"), importLabel(plan));
  const cancel = h("button", { type: "button", class: "btn btn-quiet", onclick: () => preview.replaceChildren() }, t("Cancelar"));
  go.addEventListener("click", () => void run(plan.plan).catch(say));
  return h("div", { class: "import-row" }, h("p", { class: "hint" }, t("Nada se borra: lo que está en el tablero y no en el archivo se queda como está.")), cancel, go);
}

async function run(plan: string): Promise<void> {
  const progress = new Progress();
  preview.replaceChildren(h("section", { class: "card-box" }, progress.root));
  progress.show({ step: "checking", seconds: 0 });
  const { task } = await begin(plan, "");
  const ended = await followApply(task, (seen) => progress.show(seen));
  if (ended.result === null) throw new Error(ended.error ?? "");
  done(ended.result);
}

/** People come first in the list of changes, so that all of them are in it. */
function importLabel(plan: Read): string {
  const team = plan.changes.filter((change) => change.kind === "segmentador").length;
  const batches = plural(plan.total - team, "Importar {count} batch", "Importar {count} batches");
  if (team === 0) return batches;
  if (team === plan.total) return plural(team, "Importar {count} segmentador", "Importar {count} segmentadores");
  return `${batches} ${plural(team, "y {count} segmentador", "y {count} segmentadores")}`;
}

function done(applied: Applied): void {
  const text = plural(applied.total, "{count} cambio importado", "{count} cambios importados");
  saved(text, { operation: applied.operation });
  preview.replaceChildren(h("section", { class: "card-box" }, result(applied, text)));
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
