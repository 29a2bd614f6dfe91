// What became of each message, newest first; what failed says why and can be tried again.
import { post } from "../lib/api";
import { find, h, icon } from "../lib/dom";
import { when } from "../lib/moments";
import { notice, problem } from "../lib/notice";
import { plural, t } from "../lib/text";
import { type Message, kindWord, stateWord } from "./mail";
import { preview } from "./preview";

const PAGE = window.matchMedia("(width <= 700px)").matches ? 6 : 20;
let most = PAGE;
let drawn = "";

export function showOutbox(messages: Message[], changed: () => void): void {
  const count = (state: string) => messages.filter((message) => message.state === state).length;
  const failed = count("failed");
  const waiting = count("queued") + count("sending");
  const parts = [waiting ? plural(waiting, "{count} en espera", "{count} en espera") : "", failed ? plural(failed, "{count} no se pudo enviar", "{count} no se pudieron enviar") : ""];
  find("#mail-outbox-sum").textContent = parts.filter(Boolean).join(" · ") || (messages.length ? t("Todo enviado en los últimos 30 días.") : "");
  find("#mail-pager").hidden = messages.length <= most;
  find("#mail-more").onclick = () => {
    most += PAGE;
    showOutbox(messages, changed);
  };
  const key = JSON.stringify([messages, most]);
  if (key === drawn) return;
  drawn = key;
  const focused = (document.activeElement as HTMLElement | null)?.dataset.act;
  const body = find("#mail-outbox");
  body.replaceChildren(...(messages.length ? messages.slice(0, most).map((message) => row(message, changed)) : [empty()]));
  if (focused) body.querySelector<HTMLElement>(`[data-act="${CSS.escape(focused)}"]`)?.focus();
}

function empty(): HTMLElement {
  return h("tr", {}, h("td", { colSpan: 5 }, h("div", { class: "empty" }, icon("envelope"), h("p", {}, t("Aún no se ha mandado nada. Mira una vista previa arriba y manda la primera lista.")))));
}

function row(message: Message, changed: () => void): HTMLElement {
  const [word, image] = stateWord(message.state);
  const what = `${message.subject}, ${message.to}`;
  const see = h("button", { type: "button", class: "btn btn-quiet btn-sm", "data-act": `view:${message.key}`, "aria-label": `${t("Ver")}: ${what}`, onclick: () => void preview(`/api/mail/outbox?key=${encodeURIComponent(message.key)}`) }, icon("eye"), t("Ver"));
  const again = message.state === "failed" && h("button", { type: "button", class: "btn btn-quiet btn-sm", "data-act": `again:${message.key}`, "aria-label": `${t("Reintentar")}: ${what}`, onclick: () => retry(message.key, changed) }, icon("arrow-clockwise"), t("Reintentar"));
  return h(
    "tr",
    { "data-state": message.state, "data-kind": message.kind },
    h("td", { "data-label": t("Cuándo"), class: "muted" }, when(message.made_at)),
    h("th", { scope: "row", "data-label": t("Para") }, h("div", {}, message.name, h("span", { class: "mail-why" }, message.to))),
    h("td", { "data-label": t("Mensaje") }, h("div", {}, message.subject, h("span", { class: "mail-why" }, [kindWord(message.kind), message.file ?? ""].filter(Boolean).join(" · ")))),
    h("td", { "data-label": t("Estado") }, h("div", { class: `mail-word mail-${message.state}` }, icon(image), h("div", {}, h("b", {}, word), h("span", { class: "mail-why" }, reason(message))))),
    h("td", { class: "mail-actions" }, h("div", {}, again, see)),
  );
}

function reason(message: Message): string {
  const parts = [message.why];
  if (message.state === "queued" && message.attempts) parts.push(t("se intenta otra vez el {when}", { when: when(message.next_at) }));
  if (message.again) parts.push(t("pudo llegar dos veces: se cortó la conexión justo al entregarlo"));
  return parts.filter(Boolean).join(" · ");
}

function retry(key: string, changed: () => void): void {
  post("/api/mail/outbox/again", { keys: [key] })
    .then((answer) => {
      notice(String(answer.message));
      changed();
    })
    .catch((error) => {
      problem(error);
      changed();
    });
}
