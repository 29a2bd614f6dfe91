// Taking an operation back: from the notice that follows it, from the history page, and all that somebody did.
// Where somebody changed the same field since, their work stays unless one decides otherwise.
import { post, shown } from "./api";
import { brief } from "./changes";
import { dialog, h, icon } from "./dom";
import { fieldLabel } from "./fields";
import { when } from "./moments";
import { notice, problem } from "./notice";
import { mayUndoOwn } from "./rights";
import { number, plural, t } from "./text";

export interface Conflict {
  kind: string;
  doc: string;
  /** Empty: the document itself. */
  field: string;
  reason?: string;
  was: unknown;
  now: unknown;
  actor: string;
  at: string;
}

interface Undone {
  operation?: string | null;
  undone: number;
  conflicts: Conflict[];
  /** All of them, where not all are told one by one. */
  conflict_count?: number;
}

const conflictCount = (answer: Undone) => answer.conflict_count ?? answer.conflicts.length;

interface Hooks {
  /** The undoing begins: what will be is shown at once. */
  started?(): void;
  /** The preview has come. */
  opened?(): void;
  /** It is done, by this operation. */
  done?(operation: string): void;
  /** It has ended, whichever way. */
  ended?(): void;
}

interface Request {
  address: string;
  body: Record<string, unknown>;
}

/** Conflicts that are listed one by one. */
const MOST = 200;

const toUndo = (op: string): Request => ({ address: `/api/operations/${encodeURIComponent(op)}/undo`, body: {} });
const sendUndo = (request: Request, more: Record<string, unknown>) => post<Undone>(request.address, { ...request.body, ...more });

/** The notice after every change. `receipt` is what the server answered to it. */
export function saved(text: string, receipt: Record<string, unknown>, hooks: Hooks = {}): void {
  const op = shown(receipt.operation);
  const said = `${text} · ${t("Guardado dos veces")}`;
  if (!op || receipt.changed === 0 || !mayUndoOwn()) return notice(said);
  notice(said, "done", { label: t("Deshacer"), run: () => void undoNow(op, hooks) });
}

/** At once where nobody's later work is in the way; else what stands in the way is shown first. */
async function undoNow(op: string, hooks: Hooks): Promise<void> {
  hooks.started?.();
  try {
    const request = toUndo(op);
    const seen = await sendUndo(request, { dry_run: true });
    if (seen.conflicts.length > 0) return await ask(t("Deshacer"), request, seen, hooks);
    finished(await sendUndo(request, {}), hooks);
  } catch (error) {
    problem(error);
  }
  hooks.ended?.();
}

/** What undoing an operation would do, and a button that does it. */
export async function previewUndo(title: string, op: string, hooks: Hooks = {}): Promise<void> {
  await preview(title, toUndo(op), hooks);
}

/** The same of everything that somebody did between two moments. */
export async function previewUndoAll(title: string, span: { actor: string; from: string; to: string }, hooks: Hooks = {}): Promise<void> {
  await preview(title, { address: "/api/undo", body: span }, hooks);
}

async function preview(title: string, request: Request, hooks: Hooks): Promise<void> {
  const seen = await sendUndo(request, { dry_run: true });
  hooks.opened?.();
  await ask(title, request, seen, hooks);
}

/** Resolves when the dialog is gone. */
function ask(title: string, request: Request, seen: Undone, hooks: Hooks): Promise<void> {
  return new Promise((resolve) => {
    const chosen = new Set<Conflict>();
    const wrong = h("p", { class: "field-error", role: "alert", hidden: true });
    const body = h("div", { class: "undo" }, summary(seen), seen.conflicts.length > 0 && conflictList(seen, chosen, () => enable()), wrong);
    const go = h("button", { type: "button", class: "btn btn-primary" }, icon("arrow-counterclockwise"), t("Deshacer"));
    const cancel = h("button", { type: "button", class: "btn btn-quiet" }, t("Cancelar"));
    const enable = () => (go.disabled = seen.undone === 0 && chosen.size === 0);
    const box = dialog(title, body, [cancel, go], true);
    const close = () => box.close();
    cancel.addEventListener("click", close);
    go.addEventListener("click", () => {
      go.disabled = true;
      sendUndo(request, chosen.size > 0 ? { take: [...chosen].map(({ kind, doc, field }) => ({ kind, doc, field })) } : {})
        .then((done) => (close(), finished(done, hooks)))
        .catch((error: Error) => {
          wrong.textContent = error.message;
          wrong.hidden = false;
          enable();
        });
    });
    box.addEventListener("close", () => (hooks.ended?.(), resolve()));
    enable();
    if (!go.disabled) go.focus();
  });
}

function summary(seen: Undone): HTMLElement {
  const { undone } = seen;
  const conflicts = conflictCount(seen);
  if (undone === 0 && conflicts === 0) return h("p", { class: "dialog-text" }, t("No queda nada que deshacer: todo está ya como antes de ese cambio."));
  const fact = (kind: string, count: number, word: string) => h("div", { class: `fact fact-${kind}` }, h("dd", {}, number(count)), h("dt", {}, word));
  const facts = [
    fact(undone ? "new" : "same", undone, undone === 1 ? t("vuelve a como estaba") : t("vuelven a como estaban")),
    fact(conflicts ? "changed" : "same", conflicts, conflicts === 1 ? t("conflicto") : t("conflictos")),
  ];
  const hint = t("Deshacer es un cambio más: queda en el historial, y también se puede deshacer.");
  return h("div", {}, h("dl", { class: "facts" }, ...facts), h("p", { class: "hint" }, hint));
}

function conflictList(seen: Undone, chosen: Set<Conflict>, changed: () => void): HTMLElement {
  const boxes = seen.conflicts.slice(0, MOST).map((conflict) => {
    const box = h("input", { type: "checkbox", class: "form-check-input" });
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(conflict);
      else chosen.delete(conflict);
      changed();
    });
    return { box, conflict };
  });
  const title = t("Alguien cambió esto después. Su trabajo se queda, salvo lo que marques.");
  const all = h("button", { type: "button", class: "link-button" }, t("Marcar todos"));
  all.addEventListener("click", () => {
    for (const { box } of boxes) if (!box.checked) box.click();
  });
  const rest = conflictCount(seen) - boxes.length;
  return h(
    "section",
    { class: "conflicts" },
    h("div", { class: "conflicts-head" }, h("p", {}, title), boxes.length > 1 && all),
    h("ul", {}, ...boxes.map(({ box, conflict }) => conflictRow(conflict, box))),
    rest > 0 && h("p", { class: "hint" }, plural(rest, "Y {count} más, que se queda como está.", "Y {count} más, que se quedan como están.")),
  );
}

function conflictRow(conflict: Conflict, box: HTMLInputElement): HTMLElement {
  const { doc, field, actor, at } = conflict;
  const now = field ? brief(field, conflict.now) : conflict.now ? t("está en el tablero") : t("no está en el tablero");
  const was = field ? brief(field, conflict.was) : conflict.was ? t("estaba en el tablero") : t("no estaba en el tablero");
  const line = (label: string, value: string) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
  return h(
    "li",
    { class: "conflict" },
    h("p", { class: "conflict-doc" }, h("b", {}, doc), ` · ${field ? fieldLabel(field) : whole(conflict)}`, h("span", { class: "hint" }, t("{actor} · {when}", { actor: actor || t("Otro programa"), when: when(at) }))),
    h("dl", { class: "sides" }, line(t("Ahora"), now), line(t("Antes"), was)),
    h("label", { class: "conflict-take" }, box, takeLabel(conflict)),
  );
}

/** What became of a document that undoing would bring, change or take away. */
function whole({ reason }: Conflict): string {
  if (reason === "edited") return t("lo editaron después de crearlo");
  if (reason === "deleted") return t("lo eliminaron después");
  return t("lo volvieron a crear después");
}

function takeLabel({ field, was }: Conflict): string {
  if (field) return t("Traer el valor anterior de todos modos");
  return was ? t("Traerlo como estaba de todos modos") : t("Quitarlo de todos modos");
}

/** Says what came of it. What was undone can be done again: undoing is an operation too. */
function finished(done: Undone, hooks: Hooks): void {
  const count = done.undone;
  const left = conflictCount(done);
  if (count === 0) return notice(t("No había nada que deshacer."), "info");
  const first = plural(count, "Deshecho: {count} vuelve a como estaba", "Deshecho: {count} vuelven a como estaban");
  const second = left ? ` · ${plural(left, "{count} se queda con el cambio de otra persona", "{count} se quedan con el cambio de otra persona")}` : "";
  const op = shown(done.operation);
  if (op) hooks.done?.(op);
  const again = op ? { label: t("Rehacer"), run: () => void undoNow(op, { ...(hooks.ended ? { ended: hooks.ended } : {}), ...(hooks.done ? { done: hooks.done } : {}) }) } : undefined;
  notice(`${first}${second} · ${t("Guardado dos veces")}`, "done", again);
}
