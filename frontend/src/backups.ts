// Copias: what copies there are, how good they are, and what will become of them.
import { get } from "./lib/api";
import { find, h, icon, may } from "./lib/dom";
import { size } from "./lib/measures";
import { when } from "./lib/moments";
import { sentence } from "./lib/notice";
import { ago, number, t } from "./lib/text";
import type { Backup, Task } from "./backups/backup";
import { Calendar, legend } from "./backups/calendar";
import { List } from "./backups/list";
import { Making } from "./backups/making";
import { type Plan, showDecisions, showNext, showYear } from "./backups/plan";

interface Answer {
  backups: Backup[];
  tasks: Task[];
}

const QUIET = 15_000;
const BUSY = 1_000;

const making = new Making(() => (load(), document.dispatchEvent(new CustomEvent("status-wanted"))));
const calendar = new Calendar((day) => choose(day));
const list = new List(
  () => load(),
  () => choose(""),
);
let backups: Backup[] = [];
let plan: Plan | null = null;
let known = "";
let timer = 0;
let asked = 0;

function choose(day: string): void {
  calendar.select(day);
  list.only(day);
  if (day) find("#list").scrollIntoView({ block: "nearest" });
}

function load(): void {
  window.clearTimeout(timer);
  const question = ++asked;
  get<Answer>("/api/backups")
    .then((answer) => question === asked && show(answer))
    .catch((error) => question === asked && failed(sentence(error)));
}

function later(wait: number): void {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => (document.hidden ? later(QUIET) : load()), wait);
}

function show(answer: Answer): void {
  backups = answer.backups;
  find("#backups-error").hidden = true;
  const made = answer.tasks.find(({ kind }) => kind === "make");
  if (made && may("backup")) void making.follow(made.id);
  list.show(backups, answer.tasks);
  later(answer.tasks.some(({ kind }) => kind === "verify" || kind === "drill") ? BUSY : QUIET);
  const key = JSON.stringify(backups);
  if (key === known) return;
  known = key;
  summarise();
  draw();
  get<Plan>("/api/backups/plan")
    .then((answered) => {
      plan = answered;
      find("#plan-error").hidden = true;
      draw();
    })
    .catch((error) => say("#plan-error", sentence(error)));
}

function draw(): void {
  find("#legend").replaceChildren(...legend(backups));
  calendar.show(backups, Object.values(plan?.next ?? {}));
  if (!plan) return;
  showNext(plan);
  showDecisions(plan, backups);
  showYear(plan);
}

function summarise(): void {
  const there = backups.filter(({ swept }) => !swept);
  const good = backups.find(({ state }) => state === "good");
  const whole = there.filter(({ state }) => state !== "removed");
  const bytes = there.reduce((sum, backup) => sum + (backup.bytes ?? 0), 0);
  find("#newest").replaceChildren(...(good ? [h("b", {}, ago(good.moment)), h("span", { class: "copy-why" }, when(good.moment))] : [h("b", { class: "attention" }, t("ninguna"))]));
  find("#how-many").textContent = number(whole.length);
  find("#how-large").textContent = size(bytes);
}

function say(place: string, text: string): void {
  find(place).replaceChildren(icon("exclamation-triangle"), text);
  find(place).hidden = false;
}

function failed(text: string): void {
  say("#backups-error", text);
  if (!known) find("#copies").replaceChildren();
  later(QUIET);
}

document.addEventListener("visibilitychange", () => document.hidden || load());
load();
