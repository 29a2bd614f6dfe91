// Who gets messages: address, language and choice of each, what they would get, and sending it.
import { json, personAddress, post } from "../lib/api";
import { confirm, find, h, icon } from "../lib/dom";
import { notice, problem } from "../lib/notice";
import { number, plural, t } from "../lib/text";
import { LANGUAGES, type Overview, type Person } from "./mail";
import { preview } from "./preview";

/** Only leads have it: a segmentador's page holds none of these elements. */
const sendsAll = () => find<HTMLButtonElement>("#send-all");
let drawn = "";

/** A name for this asking: however often it is clicked, each message goes once. */
const once = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const ready = (person: Person) => person.reachable && person.batches > 0;

export function showPeople(mail: Overview, changed: () => void): void {
  const able = mail.people.filter(ready);
  const all = sendsAll();
  all.disabled = !mail.configured || able.length === 0;
  all.onclick = () => void sendAll(able, mail.people.length - able.length, changed);
  find("#mail-people-sum").textContent = t("{able} de {all} tienen correo y batches.", { able: able.length, all: mail.people.length });
  const key = JSON.stringify([mail.people, mail.configured]);
  const body = find("#mail-people");
  if (key === drawn || (body.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement && document.activeElement.type === "email")) return;
  drawn = key;
  const focused = (document.activeElement as HTMLElement | null)?.dataset.act;
  body.replaceChildren(...(mail.people.length ? mail.people.map((person) => row(person, mail.configured, changed)) : [nobody()]));
  if (focused) body.querySelector<HTMLElement>(`[data-act="${CSS.escape(focused)}"]`)?.focus();
}

function nobody(): HTMLElement {
  return h("tr", {}, h("td", { colSpan: 6 }, h("div", { class: "empty" }, icon("people"), h("p", {}, t("Aún no hay nadie en el equipo. Agrega personas en Asignar.")))));
}

function row(person: Person, configured: boolean, changed: () => void): HTMLElement {
  const { name } = person;
  const act = (what: string) => `${what}:${name}`;
  const field = h("input", { class: "form-control form-control-sm", type: "email", value: person.email, placeholder: t("sin correo"), maxLength: 254, autocomplete: "off", "aria-label": t("Correo de {name}", { name }), "data-act": act("email") });
  field.addEventListener("change", () => save(name, { email: field.value.trim() }, changed));
  const language = h("select", { class: "form-select form-select-sm", "aria-label": t("Idioma de {name}", { name }), "data-act": act("language") }, ...LANGUAGES.map(([value, word]) => h("option", { value, selected: value === person.language }, word)));
  language.addEventListener("change", () => save(name, { mail_language: language.value }, changed));
  const wants = h("input", { type: "checkbox", class: "form-check-input", checked: !person.off, "aria-label": t("{name} recibe mensajes", { name }), "data-act": act("off") });
  wants.addEventListener("change", () => save(name, { mail_off: !wants.checked }, changed));
  const address = `/api/mail/preview/worklist?name=${encodeURIComponent(name)}`;
  const send = () => sendOne(name, changed);
  const buttons = [
    person.batches > 0 && h("button", { type: "button", class: "btn btn-quiet btn-sm", "data-act": act("see"), "aria-label": t("Vista previa para {name}", { name }), onclick: () => void preview(address, configured && ready(person) ? [t("Mandar"), send] : undefined) }, icon("eye"), t("Vista previa")),
    configured && ready(person) && h("button", { type: "button", class: "btn btn-quiet btn-sm", "data-act": act("send"), "aria-label": t("Mandar a {name}", { name }), onclick: () => void send().catch(problem) }, icon("send"), t("Mandar")),
  ];
  return h(
    "tr",
    { "data-name": name },
    h("th", { scope: "row" }, h("div", {}, name, person.why !== "" && h("span", { class: "mail-why" }, person.why))),
    h("td", { "data-label": t("Correo") }, field),
    h("td", { class: "num", "data-label": t("Batches") }, number(person.batches)),
    h("td", { "data-label": t("Idioma") }, language),
    h("td", { "data-label": t("Recibe") }, wants),
    h("td", { class: "mail-actions" }, h("div", {}, ...buttons)),
  );
}

function save(name: string, fields: Record<string, unknown>, changed: () => void): void {
  json("PATCH", personAddress(name), fields)
    .then((answer) => {
      notice(String(answer.message));
      changed();
    })
    .catch((error) => {
      problem(error);
      drawn = "";
      changed();
    });
}

async function sendOne(name: string, changed: () => void): Promise<void> {
  const answer = await post("/api/mail/worklist", { names: [name], once: once() });
  notice(String(answer.message));
  changed();
}

async function sendAll(able: Person[], left: number, changed: () => void): Promise<void> {
  const own = once();
  const skipped = left ? ` ${plural(left, "{count} persona se queda sin él: mira por qué en la tabla.", "{count} personas se quedan sin él: mira por qué en la tabla.")}` : "";
  const text = plural(able.length, "Sale {count} mensaje con la lista adjunta.", "Salen {count} mensajes, cada uno con su lista adjunta.") + skipped;
  if (!(await confirm(t("Mandar las listas a todos"), text, plural(able.length, "Mandar {count} mensaje", "Mandar {count} mensajes"), t("Cancelar"), false))) return;
  sendsAll().disabled = true;
  try {
    const answer = await post("/api/mail/worklist", { names: able.map(({ name }) => name), once: own });
    notice(String(answer.message));
  } catch (error) {
    problem(error);
  }
  changed();
}
