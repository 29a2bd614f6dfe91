// ¿Está resguardada la información? The answer in one word, and a row for each promise. The shield asks; this shows.
import { Making } from "./backups/making";
import { find, h, icon } from "./lib/dom";
import { when } from "./lib/moments";
import { said } from "./lib/said";
import type { Heard, Light, Line, Status } from "./lib/shield";
import { ago, plural, t } from "./lib/text";

const EVERY = 10_000;
const LIGHTS: Record<Light, [string, string]> = { green: ["Bien", "check-circle-fill"], amber: ["Aviso", "exclamation-triangle-fill"], red: ["Riesgo", "x-octagon-fill"] };
const ANSWERS: Record<Light, [string, string]> = { green: ["Sí", "shield-check"], amber: ["Sí, con avisos", "shield-exclamation"], red: ["No", "shield-x"] };

const ask = () => document.dispatchEvent(new CustomEvent("status-wanted"));
let drawn = "";

function show(status: Status): void {
  const [word, image] = ANSWERS[status.light];
  answer(status.light, t(word), image, because(status));
  find("#measured").textContent = t("Medido el {when}", { when: when(status.measured) });
  const key = JSON.stringify(status.lines);
  if (key === drawn) return;
  drawn = key;
  find("#promises").replaceChildren(...status.lines.map(row));
}

function answer(light: Light | "unknown", word: string, image: string, why: string): void {
  find("#answer").className = `card-box answer answer-${light}`;
  find("#answer > i").className = `bi bi-${image}`;
  const place = find("#word");
  if (place.textContent !== word) place.textContent = word;
  find("#because").textContent = why;
}

function because(status: Status): string {
  const count = (state: Light) => status.lines.filter((line) => line.state === state).length;
  const copy = status.good_copy ? t("La última copia buena es de {age}.", { age: ago(status.good_copy) }) : t("No hay ninguna copia buena.");
  if (status.light === "red") return `${plural(count("red"), "{count} promesa no se cumple ahora.", "{count} promesas no se cumplen ahora.")} ${copy}`;
  if (status.light === "amber") return `${copy} ${plural(count("amber"), "{count} punto se puede mejorar.", "{count} puntos se pueden mejorar.")}`;
  return `${copy} ${t("Todo lo prometido se cumple.")}`;
}

function row(line: Line): HTMLElement {
  const [word, image] = LIGHTS[line.state];
  return h(
    "tr",
    { class: `promise promise-${line.state}`, "data-state": line.state },
    h("th", { scope: "row" }, h("div", { class: "promise-name" }, h("span", { class: "light" }, icon(image), h("b", {}, t(word))), t(line.name))),
    h("td", { "data-label": t("Medido") }, said(line.value)),
    h("td", { "data-label": t("Desde"), class: line.since ? "muted" : "muted nothing" }, line.since ? h("time", { dateTime: line.since, title: when(line.since) }, when(line.since)) : "—"),
    h("td", { "data-label": t("Qué hacer"), class: line.advice ? "" : "nothing" }, line.advice ? said(line.advice) : h("span", { class: "muted" }, t("nada"))),
  );
}

function heard(what: Heard): void {
  if (!(what instanceof Error)) return show(what);
  // What was measured before may not be so any more.
  answer("unknown", t("No se sabe"), "question-circle", what.message);
}

document.addEventListener("status", (event) => heard((event as CustomEvent<Heard>).detail));
new Making(ask);
find("#print").addEventListener("click", () => window.print());
window.setInterval(() => document.hidden || ask(), EVERY);
ask();
