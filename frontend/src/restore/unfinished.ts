// A restore that goes on although its page was closed, or that the server left in the middle when it went away.
import { ApiError, get } from "../lib/api";
import { find, h, icon } from "../lib/dom";
import { when } from "../lib/moments";
import { sentence } from "../lib/notice";
import { t } from "../lib/text";
import { previewUndo } from "../lib/undo";
import { type Operation, newest } from "../history/operation";
import type { Task } from "../lib/tasks";

const KEY = "resguardo.restore";
const DAY = 86_400_000;
const MINUTE = 60_000;
const AGAIN = 2_000;

interface Begun {
  task: string;
  /** The question, to be asked again. */
  address: string;
  began: string;
}

interface Answers {
  running(task: string): void;
  again(address: string): void;
}

export const remember = (begun: Begun) => localStorage.setItem(KEY, JSON.stringify(begun));
export const forget = () => localStorage.removeItem(KEY);

function remembered(): Begun | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") as Begun | null;
  } catch {
    return null;
  }
}

/** A page that was opened for something of its own is left alone while nothing runs. */
export async function lookForUnfinished(answers: Answers): Promise<void> {
  try {
    const { tasks } = await get<{ tasks: Task<unknown>[] }>("/api/backups");
    const own = remembered();
    const running = tasks.find(({ kind }) => kind === "restore");
    if (running) return answers.running(running.id);
    if (own && (await isKnown(own.task))) return answers.running(own.task);
    const since = new Date(Date.now() - DAY).toISOString();
    const operations = await newest({ action: "restore", from: since }, 5);
    const left = operations.find(({ complete, undone_by }) => !complete && !undone_by);
    if (left) return tell(left, own, answers);
    if (own) ended(operations.find((operation) => isOf(own, operation)));
    forget();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // One's own is looked for until the server is back, however long it takes.
    if (remembered() !== null && (error.status === 0 || error.status >= 500)) window.setTimeout(() => void lookForUnfinished(answers), AGAIN);
  }
}

/** Tasks are kept in memory: a server that started anew knows none of those before. */
async function isKnown(task: string): Promise<boolean> {
  try {
    await get(`/api/backups/tasks/${encodeURIComponent(task)}`);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

/** The clocks of browser and server may differ a little. */
const isOf = (own: Begun, { at, actor }: Operation) => actor === document.body.dataset.account && Date.parse(at) > Date.parse(own.began) - MINUTE;

/** The server went away, and yet nothing is half done. */
function ended(done: Operation | undefined): void {
  const root = find("#unfinished");
  const text = done ? t("Tu última restauración se terminó: {count} cambios, el {when}.", { count: done.count, when: when(done.at) }) : t("El servidor se detuvo antes de que tu restauración cambiara nada. El tablero está como estaba.");
  const link = done && h("a", { class: "btn btn-quiet btn-sm", href: `/history?op=${encodeURIComponent(done.op)}` }, icon("clock-history"), t("Verlo en el historial"));
  root.replaceChildren(h("div", { class: "card-box unfinished", role: "status" }, icon(done ? "check-circle-fill" : "info-circle-fill"), h("div", {}, h("p", {}, h("b", {}, text))), link));
  root.hidden = false;
}

function tell(left: Operation, own: Begun | null, answers: Answers): void {
  const root = find("#unfinished");
  const mine = own !== null && isOf(own, left) ? own : null;
  const text = t("Una restauración de {actor} se quedó a medias el {when}: se aplicaron {count} de {size} cambios.", { actor: left.actor, when: when(left.at), count: left.count, size: left.op_size });
  const hint = mine ? t("Puedes terminarla, o deshacer lo que alcanzó a cambiar.") : t("Para terminarla, pide la misma vista previa: muestra solo lo que falta. O deshaz lo que alcanzó a cambiar.");
  const finish = h("button", { type: "button", class: "btn btn-primary btn-sm", onclick: () => (forget(), answers.again(mine!.address)) }, icon("play"), t("Ver lo que falta"));
  const undo = h("button", { type: "button", class: "btn btn-quiet btn-sm" }, icon("arrow-counterclockwise"), t("Deshacer lo aplicado"));
  const wrong = h("p", { class: "field-error", role: "alert", hidden: true });
  undo.addEventListener("click", () => {
    previewUndo(t("Deshacer la restauración a medias"), left.op, { done: () => (forget(), (root.hidden = true)) }).catch((error) => {
      wrong.textContent = sentence(error);
      wrong.hidden = false;
    });
  });
  root.replaceChildren(h("div", { class: "card-box unfinished" }, icon("exclamation-triangle-fill"), h("div", {}, h("p", {}, h("b", {}, text)), h("p", { class: "hint" }, hint), wrong), h("div", { class: "guide-nearest" }, mine && finish, undo)));
  root.hidden = false;
}
