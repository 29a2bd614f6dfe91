// What the account that looks gets itself: a lead the summary and the alarm, a segmentador their work.
import { json } from "../lib/api";
import { find, h, icon } from "../lib/dom";
import { notice, problem } from "../lib/notice";
import { t } from "../lib/text";
import { LANGUAGES, type Own, type Person } from "./mail";

export function showOwn(own: Own, changed: () => void): void {
  const place = find("#mail-own");
  if (place.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement && document.activeElement.type === "email") return;
  const title = find(".card-title", place);
  const parts = [own.lead && lead(own, changed), own.person && person(own.person, changed)].filter((part): part is HTMLElement => Boolean(part));
  place.replaceChildren(title, ...(parts.length ? parts : [h("p", { class: "hint" }, t("Tu cuenta no representa a nadie del tablero, así que no recibe mensajes."))]));
}

function save(fields: Record<string, unknown>, changed: () => void): void {
  json("PATCH", "/api/mail/own", fields)
    .then((answer) => {
      notice(String(answer.message));
      changed();
    })
    .catch(problem);
}

function lead(own: Own, changed: () => void): HTMLElement {
  const field = h("input", { class: "form-control", type: "email", id: "own-email", value: own.email, maxLength: 254, autocomplete: "email", placeholder: "ana@ejemplo.mx" });
  const form = h("form", { class: "mail-trial" }, h("label", { class: "form-label", htmlFor: "own-email" }, t("Tu correo, para el resumen y la alarma")), h("div", {}, field, h("button", { type: "submit", class: "btn btn-quiet" }, t("Guardar"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    field.blur();
    save({ email: field.value.trim() }, changed);
  });
  const hint = own.email ? t("Para no recibirlos más, déjalo vacío y guarda.") : t("Mientras esté vacío no te llega la alarma si la información deja de estar resguardada.");
  return h("div", { class: "mail-part" }, form, h("p", { class: own.email ? "hint" : "hint attention" }, !own.email && icon("bell-slash"), hint));
}

function person(own: Person, changed: () => void): HTMLElement {
  const wants = h("input", { type: "checkbox", class: "form-check-input", id: "own-wants", checked: !own.off });
  wants.addEventListener("change", () => save({ mail_off: !wants.checked }, changed));
  const language = h("select", { class: "form-select", id: "own-language" }, ...LANGUAGES.map(([value, word]) => h("option", { value, selected: value === own.language }, word)));
  language.addEventListener("change", () => save({ mail_language: language.value }, changed));
  const where = own.email ? t("Llegan a {email}. Si cambió, dilo a quien coordina.", { email: own.email }) : t("No hay un correo tuyo en el tablero; dalo a quien coordina.");
  return h(
    "div",
    { class: "mail-part" },
    h("label", { class: "check-line" }, wants, h("span", {}, t("Recibir mi lista de trabajo, lo que se me asigna y mis fechas límite"))),
    h("div", { class: "mail-language" }, h("label", { class: "form-label", htmlFor: "own-language" }, t("Idioma de los mensajes")), language),
    h("p", { class: "hint" }, where),
  );
}
