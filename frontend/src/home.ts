// Avance: how far the work is, of the whole board and of each segmentador; leads keep the team here.
import { type Counts, type Progress, json, people, personAddress, post } from "./lib/api";
import { confirm, dialog, find, h, icon, may, maybe } from "./lib/dom";
import { listen, onChange, onProgress, refreshProgress } from "./lib/live";
import { problem } from "./lib/notice";
import { bar, done, fillBar } from "./lib/parts";
import { number, percent, plural, t } from "./lib/text";
import { saved } from "./lib/undo";

const NOTHING: Counts = { total: 0, NS: 0, In: 0, S: 0, other: 0, overdue: 0 };

const table = find("#team");
const boardBar = bar();
let names: string[] = [];
let progress: Progress | null = null;

find("#board-bar").append(boardBar);

function draw(): void {
  if (!progress) return;
  const totals = progress.totals;
  const facts: Record<string, string> = {
    total: number(totals.total),
    unassigned: number(totals.unassigned),
    NS: number(totals.NS),
    In: number(totals.In),
    S: number(totals.S),
    percent: percent(done(totals)),
  };
  for (const [name, value] of Object.entries(facts)) find(`[data-fact="${name}"]`).textContent = value;
  fillBar(boardBar, totals);
  const other = find("[data-fact=other]");
  other.parentElement!.hidden = !totals.other;
  other.textContent = number(totals.other);
  drawTeam(progress);
}

function drawTeam(now: Progress): void {
  const working = new Map(now.people.map((person) => [person.name, person as Counts]));
  const all = [...new Set([...names, ...working.keys()])].sort((a, b) => a.localeCompare(b, "es"));
  table.replaceChildren(...all.map((name) => row(name, working.get(name) ?? NOTHING)));
  if (all.length === 0) table.append(h("tr", {}, h("td", { colSpan: 8 }, h("div", { class: "empty" }, icon("people"), h("p", {}, t("Aún no hay segmentadores. Agrega al primero para empezar a asignar."))))));
}

function row(name: string, counts: Counts): HTMLElement {
  const progressBar = bar();
  fillBar(progressBar, counts);
  const numberCell = (label: string, value: number, extra = "") => h("td", { class: `num ${extra}`, "data-label": label }, value ? number(value) : h("span", { class: "muted" }, "0"));
  const link = h("a", { href: `/batches?assignee=${encodeURIComponent(name.replace(/\\/g, "\\\\").replace(/,/g, "\\,"))}` }, name);
  return h(
    "tr",
    { "data-name": name },
    h("th", { scope: "row" }, link),
    h("td", { class: "cell-bar", "data-label": t("Avance") }, h("span", { class: "bar-line" }, progressBar, h("b", {}, percent(done(counts))))),
    numberCell(t("Total"), counts.total),
    numberCell("NS", counts.NS),
    numberCell("In", counts.In),
    numberCell("S", counts.S),
    numberCell(t("Vencidos"), counts.overdue, counts.overdue ? "late" : ""),
    may("people") && h("td", { class: "cell-actions" }, action("pencil", t("Renombrar a {name}", { name }), () => rename(name)), action("trash3", t("Eliminar a {name}", { name }), () => void remove(name, counts.total))),
  );
}

function action(name: string, label: string, run: () => void): HTMLElement {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: run }, icon(name));
}

function askName(title: string, value: string, verb: string, save: (name: string) => Promise<unknown>): void {
  const input = h("input", { id: "person-name", class: "form-control", type: "text", value, required: true, maxLength: 300, autocomplete: "off" });
  const wrong = h("p", { class: "field-error", role: "alert", hidden: true });
  const form = h("form", { id: "person-form" }, h("label", { htmlFor: "person-name", class: "form-label" }, t("Nombre")), input, wrong);
  const go = h("button", { type: "submit", class: "btn btn-primary" }, verb);
  go.setAttribute("form", "person-form");
  const box = dialog(title, form, [go]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(input.value.trim())
      .then(() => {
        box.close();
        return reload();
      })
      .catch((error: Error) => {
        wrong.textContent = error.message;
        wrong.hidden = false;
      });
  });
  input.select();
}

function add(): void {
  askName(t("Agregar segmentador"), "", t("Agregar"), async (name) => {
    const receipt = await post("/api/segmentadores", { name });
    saved(t("{name} ya está en el equipo", { name }), receipt, reloading);
  });
}

function rename(old: string): void {
  askName(t("Renombrar a {name}", { name: old }), old, t("Renombrar"), async (name) => {
    const receipt = await json("PATCH", personAddress(old), { name });
    saved(t("{old} ahora es {name}", { old, name }), receipt, reloading);
  });
}

async function remove(name: string, total: number): Promise<void> {
  const work = total
    ? plural(total, "Su {count} batch queda sin asignar.", "Sus {count} batches quedan sin asignar.")
    : t("No tiene batches.");
  const text = t("{name} sale del equipo. {work} Se puede deshacer aquí mismo o desde el Historial.", { name, work });
  if (!(await confirm(t("Eliminar a {name}", { name }), text, t("Eliminar a {name}", { name }), t("Cancelar")))) return;
  try {
    const receipt = await json("DELETE", personAddress(name), {});
    saved(t("{name} ya no está en el equipo", { name }), receipt, reloading);
    await reload();
  } catch (error) {
    problem(error);
  }
}

const reloading = { ended: () => void reload().catch(problem) };

async function reload(): Promise<void> {
  names = await people();
  await refreshProgress();
}

onProgress((now) => {
  progress = now;
  draw();
});
onChange((change) => change.kind === "segmentador" && void reload().catch(problem));
maybe("#add-person")?.addEventListener("click", add);
void reload().catch(problem);
listen(() => void reload().catch(problem));
