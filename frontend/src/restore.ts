// Restaurar: from what, what of it, preview, apply, result. What one comes for is asked for in the address.
import { ApiError, post } from "./lib/api";
import { find, h, icon } from "./lib/dom";
import { listen, onChange } from "./lib/live";
import { sentence } from "./lib/notice";
import { actorName } from "./lib/story";
import { type Task, follow } from "./lib/tasks";
import { t } from "./lib/text";
import { Progress, applyForm, begin, doneText, followApply, result } from "./restore/apply";
import { From } from "./restore/from";
import { type Applied, type Plan, stepText, upload } from "./restore/plan";
import { preview, use } from "./restore/preview";
import { type Question, fromAddress, isNarrow, toAddress, toRequest } from "./restore/question";
import { Step } from "./restore/step";
import { forget, lookForUnfinished, remember } from "./restore/unfinished";
import { What } from "./restore/what";

const steps = {
  from: new Step("from", () => choose()),
  what: new Step("what", () => choose()),
  preview: new Step("preview"),
  apply: new Step("apply"),
  result: new Step("result"),
};
const go = h("button", { type: "button", class: "btn btn-primary", id: "ask" }, icon("eye"), t("Ver qué cambiaría"));
const from = new From(steps.from.body, () => ready());
const what = new What(steps.what.body, () => ready());
let asking: AbortController | null = null;
let shown: Plan | null = null;

function question(): Question {
  return { source: from.source(), ...what.chosen() };
}

function ready(): void {
  const { source } = question();
  what.ofOne(source?.kind === "revision");
  go.disabled = source === null;
}

/** Back to the first two steps. */
function choose(): void {
  asking?.abort();
  shown = null;
  steps.from.open();
  steps.what.open();
  for (const step of [steps.preview, steps.apply, steps.result]) step.ahead();
  from.open();
  ready();
}

async function ask(): Promise<void> {
  asking?.abort();
  const own = (asking = new AbortController());
  const wanted = question();
  if (wanted.source === null) return choose();
  history.replaceState(null, "", toAddress(wanted));
  from.clear();
  const waiting = waitingBox(() => choose());
  steps.from.done(from.said());
  steps.what.done(what.said());
  steps.preview.open();
  steps.preview.show(waiting.root);
  steps.apply.ahead();
  steps.result.ahead();
  steps.preview.reveal();
  try {
    const plan = await planOf(wanted, own.signal, waiting.tell);
    if (!own.signal.aborted) show(plan);
  } catch (error) {
    if (!own.signal.aborted) complain(error);
  }
}

async function planOf(wanted: Question, signal: AbortSignal, tell: (text: string) => void): Promise<Plan> {
  if (wanted.source?.kind === "file") {
    tell(t("Subiendo {name} y comparándolo con el tablero", { name: wanted.source.file?.name ?? "" }));
    return upload(wanted.source.file!, toRequest(wanted), signal);
  }
  const { task } = await post<{ task: string }>("/api/restore/plan", { ...toRequest(wanted), background: true });
  const ended = await follow<Plan>(task, (seen) => tell(stepText(seen)));
  if (ended.result === null) throw new ApiError(ended.error ?? "", 0, { nearest: ended.nearest });
  return ended.result;
}

/** What goes on, and a way out. Nothing has been touched, so leaving needs no question. */
function waitingBox(cancel: () => void): { root: HTMLElement; tell: (text: string) => void } {
  const text = h("p", { role: "status" }, t("Abriendo"));
  const stop = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: cancel }, t("Cancelar"));
  const root = h("div", { class: "plan-waiting" }, h("span", { class: "working", "aria-hidden": "true" }), text, stop);
  return { root, tell: (said) => (text.textContent = `${said}…`) };
}

/** Said beside what caused it: at the fields, or at the source. */
function complain(error: unknown): void {
  choose();
  const nearest = error instanceof ApiError && Array.isArray(error.data.nearest) ? (error.data.nearest as string[]) : [];
  if (what.complain(error)) return steps.what.reveal();
  from.complain(error, nearest);
  steps.from.reveal();
}

function show(plan: Plan): void {
  shown = plan;
  steps.from.done(from.said());
  steps.preview.show(preview(plan));
  steps.preview.settle("");
  if (plan.total === 0) return nothing(plan);
  steps.apply.open();
  steps.apply.show(applyForm(plan, (confirm) => void apply(plan, confirm)));
  steps.preview.reveal();
}

function nothing({ kept }: Plan): void {
  const text = kept > 0 ? t("Lo que había ahí está igual en el tablero. No hay nada que restaurar; lo que hay de más se queda.") : isNarrow(question()) ? t("Lo elegido ya está así en el tablero. No hay nada que restaurar.") : t("El tablero ya está así. No hay nada que restaurar.");
  steps.preview.body.append(h("p", { class: "plan-nothing" }, icon("check-circle"), text));
}

async function apply(plan: Plan, confirm: string): Promise<void> {
  const progress = new Progress();
  const form = steps.apply.body.firstElementChild!;
  steps.apply.show(progress.root);
  progress.show({ step: "checking", seconds: 0 });
  try {
    const { task } = await begin(plan.plan, confirm);
    remember({ task, address: toAddress(question()), began: new Date().toISOString() });
    shown = null;
    use(steps.preview.body);
    await finish(task, progress);
  } catch (error) {
    if (shown === null) return lost();
    steps.apply.show(form);
    refused(sentence(error));
  }
}

/** The server knows nothing of it any more: it went away in the middle. What it left is looked for. */
function lost(): void {
  choose();
  history.replaceState(null, "", location.pathname);
  void lookForUnfinished(answers).then(() => find("#unfinished").scrollIntoView({ block: "center" }));
}

/** Until it has ended, here or in another browser. */
async function finish(task: string, progress: Progress): Promise<void> {
  const ended = await followApply(task, (seen) => progress.show(seen));
  forget();
  if (ended.result === null) return refused(ended.error ?? "", ended);
  finished(ended.result);
}

function finished(applied: Applied): void {
  const text = doneText(applied);
  steps.apply.done(t("Aplicado"));
  find(".guide-change", steps.apply.root).hidden = true;
  for (const step of [steps.from, steps.what]) find(".guide-change", step.root).hidden = true;
  steps.result.settle("");
  steps.result.show(result(applied, text));
  steps.result.reveal();
}

/** Nothing was done, or not all of it; it is said where the button is. */
function refused(text: string, ended?: Task<Applied>): void {
  const again = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => void ask() }, icon("arrow-clockwise"), t("Volver a ver qué cambiaría"));
  const box = h("div", { class: "guide-wrong", role: "alert" }, h("p", {}, icon("exclamation-triangle-fill"), text), h("div", { class: "guide-nearest" }, again));
  if (ended) return steps.apply.show(box);
  steps.apply.body.querySelector(".guide-wrong")?.remove();
  steps.apply.body.append(box);
}

/** Somebody changes something while one looks at the preview: it may not hold any more. */
function happened(change: { actor: string; docs: string[] }): void {
  if (shown === null) return;
  const banner = steps.preview.body.querySelector(".plan-stale") ?? h("p", { class: "plan-stale", role: "status" });
  const again = h("button", { type: "button", class: "link-button", onclick: () => void ask() }, t("Actualizarla"));
  banner.replaceChildren(icon("people"), h("span", {}, t("{actor} acaba de cambiar el tablero. Si tocó algo de aquí, no se aplicará sin que lo veas.", { actor: actorName(change.actor, "") }), " ", again));
  steps.preview.body.prepend(banner);
}

const answers = {
  running(task: string): void {
    const progress = new Progress();
    asking?.abort();
    for (const step of [steps.from, steps.what, steps.preview]) step.ahead();
    steps.apply.open();
    steps.apply.show(progress.root);
    finish(task, progress).catch(lost);
  },
  again: (address: string) => location.assign(`/restore${address}`),
};

function start(): void {
  steps.what.body.append(h("div", { class: "guide-go" }, go));
  go.addEventListener("click", () => void ask());
  document.addEventListener("preview-wanted", () => void ask());
  const asked = fromAddress(new URLSearchParams(location.search));
  what.take(asked);
  if (asked.source) from.take(asked.source);
  choose();
  if (asked.source && asked.source.kind !== "file") void ask();
  void lookForUnfinished(answers);
  onChange(happened);
  listen(() => undefined);
}

start();
