// Two dialogs: whom to give the chosen batches to, and what somebody has now.
import { type Batch, everything, literal } from "../lib/api";
import { dialog, h, may } from "../lib/dom";
import { historyLink, late, priorityMark, statusMark } from "../lib/parts";
import { day, fold, plural, t, today } from "../lib/text";

type Give = (ids: string[], name: string | null, from: string | null) => Promise<void>;

export function askPerson(amount: number, names: string[], chosen: (name: string) => void): void {
  const input = h("input", { id: "assign-name", class: "form-control", type: "text", autocomplete: "off", required: true });
  input.setAttribute("list", "assign-names");
  const options = h("datalist", { id: "assign-names" }, ...names.map((name) => h("option", { value: name })));
  const wrong = h("p", { class: "field-error", role: "alert", hidden: true });
  const form = h("form", { id: "assign-form" }, h("label", { htmlFor: "assign-name", class: "form-label" }, t("Segmentador")), input, options, wrong);
  const go = h("button", { type: "submit", class: "btn btn-primary" }, plural(amount, "Asignar {count} batch", "Asignar {count} batches"));
  go.setAttribute("form", "assign-form");
  const box = dialog(t("Asignar a"), form, [go]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = closest(names, input.value);
    if (name) {
      box.close();
      return chosen(name);
    }
    wrong.textContent = t("No hay un segmentador llamado «{name}». Revisa el nombre o agrégalo en Avance.", { name: input.value.trim() });
    wrong.hidden = false;
  });
  input.focus();
}

/** The one that is meant: the name itself, or the only one that begins with or holds what was typed. */
function closest(names: string[], typed: string): string | undefined {
  const text = fold(typed.trim());
  if (!text) return undefined;
  const exact = names.find((name) => fold(name) === text);
  const begin = names.filter((name) => fold(name).startsWith(text));
  const holding = names.filter((name) => fold(name).includes(text));
  return exact ?? (begin.length === 1 ? begin[0] : holding.length === 1 ? holding[0] : undefined);
}

export async function showWork(name: string, names: string[], answers: { give: Give; freed: (ids: string[]) => Promise<void> }): Promise<void> {
  const rows = h("ul", { class: "rows work-rows" }, h("li", { class: "skeleton" }), h("li", { class: "skeleton" }));
  const summary = h("p", { class: "hint" }, t("Leyendo…"));
  const free = h("button", { type: "button", class: "btn btn-quiet", disabled: true }, t("Devolver a sin asignar"));
  const pass = h("button", { type: "button", class: "btn btn-quiet", disabled: true }, t("Pasar a otra persona"));
  const box = dialog(name, h("div", {}, summary, rows), may("assign") ? [pass, free] : [], true);
  const chosen = () => [...rows.querySelectorAll<HTMLInputElement>("input:checked")].map((input) => input.value);
  rows.addEventListener("change", () => (free.disabled = pass.disabled = chosen().length === 0));
  free.addEventListener("click", () => {
    const ids = chosen();
    box.close();
    void answers.give(ids, null, name);
  });
  pass.addEventListener("click", () => {
    const ids = chosen();
    box.close();
    askPerson(ids.length, names.filter((other) => other !== name), (other) => void answers.give(ids, other, name));
  });
  const found: Batch[] = [];
  try {
    await everything({ assignee: literal(name), sort: "id" }, (batches) => found.push(...batches));
    summary.textContent = found.length ? plural(found.length, "{count} batch", "{count} batches") : t("No tiene batches. Arrastra algunos a su tarjeta para asignárselos.");
    rows.replaceChildren(...found.map(workRow));
  } catch (error) {
    summary.textContent = error instanceof Error ? error.message : String(error);
    rows.replaceChildren();
  }
}

function workRow(batch: Batch): HTMLElement {
  const due = day(batch.metadata?.due_date);
  const box = may("assign") && h("input", { type: "checkbox", class: "form-check-input", value: batch.id });
  const main = h("span", { class: "row-main" }, h("span", { class: "row-id" }, batch.id));
  const dueMark = h("span", { class: late(batch, today()) ? "row-due late" : "row-due" }, due);
  return h("li", { class: "row-item" }, h("label", { class: "row-label" }, box, main, priorityMark(batch), dueMark, statusMark(batch.status)), historyLink(batch.id));
}
