// All that is known of a copy, all that has happened to it, and what can be done with it.
import { get, post, send } from "../lib/api";
import { confirm, dialog, find, h, icon, may } from "../lib/dom";
import { duration } from "../lib/measures";
import { when } from "../lib/moments";
import { notice, problem, sentence } from "../lib/notice";
import { said } from "../lib/said";
import { follow } from "../lib/tasks";
import { number, t } from "../lib/text";
import { type Backup, type Event, type Task, backupAddress, eventText, missing, momentOf, named, reasonText } from "./backup";

interface Around {
  /** The newest good one, which stays. */
  newest: boolean;
  task: Task | undefined;
  changed(): void;
}

export function details(backup: Backup, around: Around): HTMLElement {
  const events = h("ol", { class: "copy-events" }, h("li", { class: "skeleton", "aria-hidden": "true" }));
  get<Backup>(backupAddress(backup.id))
    .then((whole) => events.replaceChildren(...[...(whole.events ?? [])].reverse().map(eventRow), begun(backup)))
    .catch((error) => events.replaceChildren(h("li", { class: "field-error" }, sentence(error))));
  const buttons = may("backup") ? actions(backup, around) : [];
  return h(
    "div",
    { class: "copy-details" },
    h("section", {}, h("h3", {}, t("Lo que le ha pasado")), events),
    h("section", {}, h("h3", {}, t("Lo que es")), facts(backup)),
    buttons.length > 0 && h("div", { class: "copy-buttons" }, ...buttons),
  );
}

function eventRow(event: Event): HTMLElement {
  const [kind, image] = event.ok === false ? ["wrong", "x-octagon-fill"] : event.ok ? ["right", "check-circle-fill"] : ["plain", "dot"];
  return h("li", { class: `copy-event copy-event-${kind}` }, icon(image), h("div", {}, eventText(event), h("time", { dateTime: event.at, class: "copy-why" }, when(event.at))));
}

/** Every card begins with the copy itself. */
function begun(backup: Backup): HTMLElement {
  const moment = momentOf(backup);
  return h("li", { class: "copy-event copy-event-plain" }, icon("dot"), h("div", {}, t("Hecha: {reason}", { reason: reasonText(backup) }), moment && h("time", { dateTime: moment, class: "copy-why" }, when(moment))));
}

function facts(backup: Backup): HTMLElement {
  const statuses = Object.entries(backup.batches_by_status ?? {}).map(([status, count]) => `${status} ${number(count)}`);
  const rows: [string, string | undefined, string?][] = [
    [t("Identificador"), backup.id, "mono"],
    [t("Batches por estatus"), statuses.join(" · ")],
    [t("Qué falta"), missing(backup) || t("nada")],
    [t("Tamaño"), backup.bytes === undefined ? "" : t("{bytes} bytes", { bytes: number(backup.bytes) })],
    [t("Antes de algo delicado"), backup.safety ? t("sí") : ""],
    [t("Formato"), backup.format && t("{format}, con Resguardo {version}", { format: backup.format, version: backup.resguardo ?? "" })],
    ["SHA-256", backup.sha256, "mono"],
  ];
  return h("dl", { class: "copy-facts" }, ...rows.filter(([, value]) => value).map(([name, value, kind]) => h("div", {}, h("dt", {}, name), h("dd", { class: kind ?? "" }, value))));
}

function actions(backup: Backup, around: Around): HTMLElement[] {
  const button = (act: string, image: string, label: string, run: () => void) =>
    h("button", { type: "button", class: "btn btn-quiet btn-sm", "data-act": act, disabled: around.task !== undefined, onclick: run }, icon(image), label);
  const address = backupAddress(backup.id);
  if (backup.state === "removed") {
    const keep = () => void change(post(`${address}/keep`, {}), t("La copia se conserva"), around);
    return backup.swept ? [] : [button("keep", "arrow-counterclockwise", t("Conservar"), keep)];
  }
  const loose = () => void change(send("DELETE", `${address}/pin`), t("La copia ya no está fijada"), around);
  const found = [
    button("verify", "check2-circle", t("Comprobar"), () => void begin("verify", backup, around)),
    button("drill", "arrow-repeat", t("Simulacro"), () => void begin("drill", backup, around)),
    backup.pinned == null ? button("pin", "pin-angle", t("Fijar…"), () => askWhy(backup, around)) : button("unpin", "pin-angle-fill", t("Soltar"), loose),
  ];
  if (!around.newest && backup.pinned == null) found.push(button("remove", "trash", t("Quitar…"), () => void remove(backup, around)));
  return found;
}

async function change(done: Promise<unknown>, text: string, around: Around): Promise<void> {
  try {
    await done;
    notice(text);
  } catch (error) {
    problem(error);
  }
  around.changed();
}

async function begin(kind: "verify" | "drill", backup: Backup, around: Around): Promise<void> {
  try {
    const { task } = await post<{ task: string }>(`${backupAddress(backup.id)}/${kind}`, {});
    around.changed();
    const ended = await follow<Backup>(task);
    const [text, wrong] = outcome(kind, ended);
    notice(`${named(backup)}: ${text}`, wrong ? "problem" : "done");
  } catch (error) {
    problem(error);
  }
  around.changed();
}

function outcome(kind: "verify" | "drill", task: Task): [string, boolean] {
  if (task.state === "failed" || !task.result) return [said(task.error ?? ""), true];
  const event = task.result[kind];
  if (!event?.ok) return [said(event?.detail ?? ""), true];
  if (kind === "verify") return [t("cada byte está como se escribió"), false];
  return [t("se restauró completa; el tablero volvió en {rto}", { rto: duration(event.rto ?? 0) }), false];
}

function askWhy(backup: Backup, around: Around): void {
  const input = h("input", { id: "pin-reason", class: "form-control", type: "text", required: true, maxLength: 300, autocomplete: "off" });
  const wrong = h("p", { class: "field-error", role: "alert", hidden: true });
  const form = h(
    "form",
    { id: "pin-form" },
    h("p", { class: "dialog-text" }, t("Se queda hasta que alguien la suelte, digan lo que digan las reglas.")),
    h("label", { class: "form-label", htmlFor: "pin-reason" }, t("Por qué se queda")),
    input,
    wrong,
  );
  const go = h("button", { type: "submit", class: "btn btn-primary" }, icon("pin-angle-fill"), t("Fijar"));
  go.setAttribute("form", "pin-form");
  const box = dialog(t("Fijar la copia del {when}", { when: named(backup) }), form, [go]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go.disabled = true;
    post(`${backupAddress(backup.id)}/pin`, { reason: input.value })
      .then(() => {
        box.close();
        notice(t("La copia se queda: {reason}", { reason: input.value.trim() }));
        around.changed();
      })
      .catch((error) => {
        wrong.textContent = sentence(error);
        wrong.hidden = false;
        go.disabled = false;
      });
  });
  find("#pin-reason", box).focus();
}

async function remove(backup: Backup, around: Around): Promise<void> {
  const title = t("Quitar la copia del {when}", { when: named(backup) });
  const text = t("Deja de contar ahora; sus datos se borran en siete días. Hasta entonces la traes de vuelta con Conservar.");
  if (!(await confirm(title, text, t("Quitar esta copia"), t("Cancelar")))) return;
  await change(send("DELETE", backupAddress(backup.id)), t("Copia quitada; sus datos se borran en siete días"), around);
}
