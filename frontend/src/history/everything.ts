// Taking back everything that somebody did between two moments: whose, from when to when, then the preview.
import { dialog, h, icon } from "../lib/dom";
import { dayOf, fromField, toField, when } from "../lib/moments";
import { t } from "../lib/text";
import { previewUndoAll } from "../lib/undo";

export function askSpan(actors: string[], changed: () => void): void {
  const now = new Date();
  const names = h("datalist", { id: "span-actors" }, ...actors.map((name) => h("option", { value: name })));
  const actor = h("input", { id: "span-actor", class: "form-control", type: "text", required: true, autocomplete: "off" });
  actor.setAttribute("list", "span-actors");
  const from = momentField("span-from", `${dayOf(now)}T00:00:00`);
  const to = momentField("span-to", toField(now));
  const wrong = h("p", { class: "field-error", role: "alert", hidden: true });
  const field = (label: string, input: HTMLElement) => h("div", { class: "field" }, h("label", { class: "form-label", htmlFor: input.id }, label), input);
  const form = h(
    "form",
    { id: "span-form", class: "span-form" },
    h("p", { class: "dialog-text" }, t("Vuelve todo lo que cambió esa persona en ese tiempo. Lo que otros hicieron después se queda. Primero ves qué pasaría.")),
    field(t("De quién"), actor),
    names,
    h("div", { class: "span-times" }, field(t("Desde"), from), field(t("Hasta"), to)),
    wrong,
  );
  const go = h("button", { type: "submit", class: "btn btn-primary" }, icon("eye"), t("Ver qué volvería"));
  go.setAttribute("form", "span-form");
  const box = dialog(t("Deshacer lo de alguien"), form, [go]);
  const fail = (text: string) => {
    wrong.textContent = text;
    wrong.hidden = false;
    go.disabled = false;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const span = { actor: actor.value.trim(), from: fromField(from.value) ?? "", to: fromField(to.value) ?? "" };
    if (span.from >= span.to) return fail(t("El principio tiene que ser antes que el final."));
    go.disabled = true;
    const title = t("Deshacer lo de {actor}, de {from} a {to}", { actor: span.actor, from: when(span.from), to: when(span.to) });
    // The form stays until the preview has come, so that an error appears beside what caused it.
    previewUndoAll(title, span, { opened: () => box.close(), ended: changed }).catch((error: Error) => fail(error.message));
  });
  actor.focus();
}

function momentField(id: string, value: string): HTMLInputElement {
  const input = h("input", { id, class: "form-control", type: "datetime-local", required: true, step: "1" });
  input.value = value;
  return input;
}
