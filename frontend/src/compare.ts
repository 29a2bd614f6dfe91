// Comparar: two copies, two moments, or one of them and the board as it is now. The address says what is compared and
// which part of it is looked at.
import type { Backup } from "./backups/backup";
import { get } from "./lib/api";
import { find, h, icon } from "./lib/dom";
import { listen, onChange } from "./lib/live";
import { when } from "./lib/moments";
import { notice, problem, sentence } from "./lib/notice";
import type { Task } from "./lib/tasks";
import { t } from "./lib/text";
import { type Comparison, EVERYTHING, NOW, type Part, type Question, type What, WHATS, begin, followTask, stop } from "./compare/comparison";
import { List } from "./compare/list";
import { Side } from "./compare/side";
import { Summary } from "./compare/summary";
import { Team } from "./compare/team";
import { Waiting } from "./compare/waiting";

const go = h("button", { type: "submit", class: "btn btn-primary", id: "compare-go" }, icon("arrow-left-right"), t("Comparar"));
const sides = { a: new Side("a", t("De"), choose), b: new Side("b", t("A"), choose) };
const swap = h("button", { type: "button", class: "icon-button compare-swap", "aria-label": t("Intercambiar"), title: t("Intercambiar"), onclick: exchange }, icon("arrow-left-right"));
const wrong = h("div", { class: "guide-wrong", role: "alert", hidden: true });
const root = find("#comparison");
let running: { question: Question; task: string } | null = null;
let shown: Comparison | null = null;
let asked = 0;

const question = (): Question => ({ a: sides.a.value(), b: sides.b.value() });

function choose(): void {
  wrong.hidden = true;
  go.disabled = !sides.a.isChosen() || !sides.b.isChosen();
}

function exchange(): void {
  const { a, b } = question();
  sides.a.set(b);
  sides.b.set(a);
  choose();
}

function remember({ a, b }: Question, part: Part): void {
  const said = new URLSearchParams({ a, b });
  for (const name of ["what", "kind", "text"] as const) if (part[name]) said.set(name, part[name]);
  if (part.assignee !== null) said.set("assignee", part.assignee);
  history.replaceState(null, "", `?${said}`);
}

function partOf(given: URLSearchParams): Part {
  const what = WHATS.find((one) => one === given.get("what")) ?? "";
  const kind = given.get("kind") === "segmentador" ? "segmentador" : what ? "batch" : "";
  return { what, kind, assignee: given.get("assignee"), text: given.get("text") ?? "" };
}

/** A question that comes while another is worked on takes its place. */
async function compare(part: Part): Promise<void> {
  const wanted = question();
  const own = ++asked;
  giveUp();
  remember(wanted, part);
  shown = null;
  wrong.hidden = true;
  const waiting = new Waiting(() => (giveUp(), clear(own)));
  root.replaceChildren(waiting.root);
  try {
    const { task } = await begin(wanted);
    if (own !== asked) return void stop(task).catch(() => undefined);
    running = { question: wanted, task };
    const ended = await followTask(task, (seen) => waiting.show(seen));
    if (own !== asked) return;
    running = null;
    if (ended.result) show(ended.result, wanted, part);
    else failed(ended.error ?? "", ended);
  } catch (error) {
    if (own === asked) failed(sentence(error));
  } finally {
    waiting.end();
  }
}

function giveUp(): void {
  if (running) void stop(running.task).catch(() => undefined);
  running = null;
}

function clear(own: number): void {
  if (own !== asked) return;
  asked += 1;
  root.replaceChildren();
  notice(t("Se dejó de comparar."), "info");
  go.focus();
}

function show(found: Comparison, wanted: Question, part: Part): void {
  shown = found;
  const chosen = (now: Part) => {
    summary.mark(now.kind === "segmentador" ? "" : now.what);
    team.mark(now.assignee);
    remember(wanted, now);
  };
  const lost = () => void compare(part);
  const summary = new Summary(found, (what: What) => list.toggle({ what, kind: "batch" }));
  const team = new Team(found, (assignee) => list.toggle({ assignee }));
  const list = new List(found, part, { chosen, lost });
  root.replaceChildren(h("div", { class: "compare-result" }, summary.root, team.root, list.root));
  find("#compare-title").focus({ preventScroll: true });
}

/** What was wrong, and, of a moment that cannot be had, those that can. */
function failed(text: string, task?: Task<Comparison>): void {
  root.replaceChildren();
  const side = sideOf(task?.step ?? "");
  const instead = (task?.nearest ?? []).map((moment) => h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => (sides[side].set(moment), void compare(EVERYTHING)) }, icon("clock-history"), t("Usar el {when}", { when: when(moment) })));
  wrong.replaceChildren(h("p", {}, icon("exclamation-triangle-fill"), text), ...(instead.length ? [h("div", { class: "guide-nearest" }, ...instead)] : []));
  wrong.hidden = false;
}

/** The step names the side that was being read. */
function sideOf(step: string): "a" | "b" {
  const { a, b } = question();
  return a !== b && step.startsWith(`reading ${b}`) ? "b" : "a";
}

/** Somebody works on while one looks at a comparison with now. */
function happened(): void {
  if (shown === null || (shown.a.kind !== NOW && shown.b.kind !== NOW) || root.querySelector(".plan-stale")) return;
  const again = h("button", { type: "button", class: "link-button", onclick: () => void compare(partOf(new URLSearchParams(location.search))) }, t("Comparar otra vez"));
  root.prepend(h("p", { class: "plan-stale", role: "status" }, icon("people"), h("span", {}, t("El tablero cambió desde que se comparó."), " ", again)));
}

function usable({ state, swept }: Backup): boolean {
  return state !== "damaged" && state !== "removed" && !swept;
}

function start(): void {
  const form = find<HTMLFormElement>("#compare-form");
  form.replaceChildren(sides.a.root, swap, sides.b.root, go, wrong);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void compare(EVERYTHING);
  });
  const given = new URLSearchParams(location.search);
  sides.a.set(given.get("a") ?? "");
  sides.b.set(given.get("b") ?? NOW);
  choose();
  if (given.get("a")) void compare(partOf(given));
  get<{ backups: Backup[] }>("/api/backups")
    .then(({ backups }) => know(backups.filter(usable)))
    .catch(problem);
  onChange(happened);
  listen(() => undefined);
}

/** The newest good copy comes first to mind. */
function know(backups: Backup[]): void {
  const good = backups.find(({ state }) => state === "good");
  const ordered = sides.a.isChosen() || !good ? backups : [good, ...backups.filter((one) => one !== good)];
  sides.a.know(ordered);
  sides.b.know(backups);
  if (backups.length === 0 && !sides.a.isChosen()) sides.a.set(new Date(Date.now() - 3_600_000).toISOString());
  choose();
}

start();
