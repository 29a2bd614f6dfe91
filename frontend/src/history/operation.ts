// An operation in the list: a sentence, what it touched, its marks and what can be done with it.
import { get } from "../lib/api";
import { type FieldChange, changeList } from "../lib/changes";
import { h, icon, may } from "../lib/dom";
import { clock, when } from "../lib/moments";
import { problem, sentence } from "../lib/notice";
import { timelineAddress } from "../lib/parts";
import { mayUndo } from "../lib/rights";
import { actorName, avatar, undoTitle, verb, viaText } from "../lib/story";
import { number, plural, t } from "../lib/text";
import { previewUndo } from "../lib/undo";

export interface Operation {
  op: string;
  at: string;
  actor: string;
  via: string;
  actions: string[];
  count: number;
  op_size: number;
  complete: boolean;
  kinds: string[];
  docs: { kind: string; doc: string }[];
  undoes?: string | null;
  undone_by?: string | null;
}

interface Entry {
  kind: string;
  doc: string;
  rev: number;
  action: string;
  gone: boolean;
  fields: FieldChange[];
}

interface Details {
  operation: Operation;
  entries: Entry[];
  next: string | null;
}

export interface OperationAnswers {
  /** One that is in the list too. */
  known(op: string): Operation | undefined;
  changed(): void;
  boardBefore(op: string): void;
}

const NAMED = 3;

/** Pages that are asked for in search of enough. */
const PATIENCE = 5;

/** The newest operations that fit, so many or a few more: a page of the server's may end early, even empty. */
export async function newest(wanted: Record<string, string>, count: number): Promise<Operation[]> {
  const found: Operation[] = [];
  let next: string | null = "";
  for (let page = 0; page < PATIENCE && next !== null && found.length < count; page += 1) {
    const query = new URLSearchParams({ ...wanted, limit: String(count), ...(next ? { before: next } : {}) });
    const answer: { operations: Operation[]; next: string | null } = await get(`/api/operations?${query}`);
    found.push(...answer.operations);
    next = answer.next;
  }
  return found;
}

export const operationAddress = (op: string) => `/api/operations/${encodeURIComponent(op)}`;

export function things(kinds: string[], count: number): string {
  if (kinds.length === 1 && kinds[0] === "batch") return plural(count, "{count} batch", "{count} batches");
  if (kinds.length === 1 && kinds[0] === "segmentador") return plural(count, "{count} segmentador", "{count} segmentadores");
  return plural(count, "{count} documento", "{count} documentos");
}

/** What was done, and to what: one batch by its name, many by how many. */
export function what(operation: Operation): (Node | string)[] {
  const verbs = operation.via === "import" ? [t("importó")] : operation.actions.map(verb);
  const last = verbs.pop() ?? "";
  const said = verbs.length ? t("{list} y {last}", { list: verbs.join(", "), last }) : last;
  const only = operation.count === 1 ? operation.docs[0] : undefined;
  const target = only?.kind === "batch" ? h("a", { href: timelineAddress(only.doc) }, only.doc) : (only?.doc ?? things(operation.kinds, operation.count));
  return [operation.undoes ? t("deshizo cambios en") : said, " ", target];
}

export function operationItem(operation: Operation, answers: OperationAnswers, opened = false): HTMLElement {
  const actor = actorName(operation.actor, operation.via);
  const panel = h("div", { class: "operation-panel", hidden: true });
  const toggle = h("button", { type: "button", class: "btn btn-quiet btn-sm", "aria-expanded": "false" }, icon("chevron-down"), t("Ver cambios"));
  const item = h(
    "li",
    { class: operation.undone_by ? "operation operation-undone" : "operation", "data-op": operation.op },
    avatar(operation.actor, operation.via),
    h("div", { class: "operation-body" }, h("p", { class: "operation-head" }, h("b", {}, actor), " ", ...what(operation)), touched(operation), h("p", { class: "entry-where" }, h("time", { dateTime: operation.at, title: when(operation.at) }, clock(operation.at)), " · ", viaText(operation.via)), ...marks(operation, answers)),
    h("div", { class: "operation-foot" }, toggle, beforeButton(operation, answers), undoButton(operation, answers)),
    panel,
  );
  const open = () => {
    const now = panel.hidden;
    panel.hidden = !now;
    toggle.setAttribute("aria-expanded", String(now));
    toggle.replaceChildren(icon(now ? "chevron-up" : "chevron-down"), now ? t("Cerrar") : t("Ver cambios"));
    if (now && !panel.hasChildNodes()) {
      if (may("import")) panel.append(restoreBefore(operation.op));
      void fill(panel, operation.op, null);
    }
  };
  toggle.addEventListener("click", open);
  if (opened) open();
  return item;
}

function touched(operation: Operation): HTMLElement | false {
  if (operation.count <= 1) return false;
  const named = operation.docs.slice(0, NAMED).map(({ doc }) => doc);
  const rest = operation.count - named.length;
  return h("p", { class: "operation-docs" }, named.join(", "), rest > 0 && ` ${plural(rest, "y {count} más", "y {count} más")}`);
}

function marks(operation: Operation, answers: OperationAnswers): HTMLElement[] {
  const found: HTMLElement[] = [];
  if (!operation.complete) {
    const text = t("Interrumpida: {count} de {size}", { count: operation.count, size: operation.op_size });
    found.push(h("p", { class: "tag tag-attention" }, icon("exclamation-triangle"), text));
  }
  const by = operation.undone_by;
  if (by) found.push(h("a", { class: "tag tag-muted", href: `/history?op=${encodeURIComponent(by)}` }, icon("arrow-counterclockwise"), undoneText(answers.known(by))));
  if (operation.undoes) {
    found.push(h("a", { class: "tag tag-link", href: `/history?op=${encodeURIComponent(operation.undoes)}` }, icon("link-45deg"), t("Ver lo que deshizo")));
  }
  return found;
}

function undoneText(by: Operation | undefined): string {
  if (!by) return t("Deshecha");
  return t("Deshecha por {actor} el {when}", { actor: by.actor || t("Otro programa"), when: when(by.at) });
}

function undoButton(operation: Operation, answers: OperationAnswers): HTMLElement | false {
  if (operation.undone_by || !mayUndo(operation)) return false;
  const button = h("button", { type: "button", class: "btn btn-quiet btn-sm" }, icon("arrow-counterclockwise"), t("Deshacer"));
  const title = undoTitle({ ...operation, op_size: operation.count });
  button.addEventListener("click", () => {
    button.disabled = true;
    previewUndo(title, operation.op, { ended: () => answers.changed() })
      .catch(problem)
      .finally(() => (button.disabled = false));
  });
  return button;
}

function beforeButton(operation: Operation, answers: OperationAnswers): HTMLElement {
  const label = t("Ver el tablero antes de esto");
  return h("button", { type: "button", class: "btn btn-quiet btn-sm", title: label, onclick: () => answers.boardBefore(operation.op) }, icon("clock-history"), t("Tablero antes"));
}

function restoreBefore(op: string): HTMLElement {
  const href = `/restore?before=${encodeURIComponent(op)}`;
  return h("p", { class: "operation-restore" }, h("a", { class: "link-button", href }, icon("skip-backward-circle"), t("Restaurar antes de esto…")), h("span", { class: "hint" }, t("todo el tablero o solo una parte, aunque haya cambios después")));
}

async function fill(panel: HTMLElement, op: string, after: string | null): Promise<void> {
  const waiting = h("div", { class: "skeleton" });
  panel.append(waiting);
  try {
    const details = await get<Details>(`${operationAddress(op)}${after ? `?after=${encodeURIComponent(after)}` : ""}`);
    waiting.remove();
    panel.append(...details.entries.map(entryRow));
    const { next } = details;
    if (next === null) return;
    const more = h("button", { type: "button", class: "link-button" }, icon("chevron-down"), t("Mostrar más"));
    more.addEventListener("click", () => (more.remove(), void fill(panel, op, next)));
    panel.append(more);
  } catch (error) {
    const again = h("button", { type: "button", class: "link-button" }, t("Reintentar"));
    const box = h("p", { class: "field-error" }, sentence(error), " ", again);
    again.addEventListener("click", () => (box.remove(), void fill(panel, op, after)));
    waiting.replaceWith(box);
  }
}

function entryRow(entry: Entry): HTMLElement {
  const name = entry.kind === "batch" ? h("a", { href: timelineAddress(entry.doc) }, entry.doc) : h("b", {}, entry.doc);
  const said = entry.gone ? t("eliminado") : entry.action === "create" ? t("nuevo") : "";
  const head = h("p", { class: "operation-doc" }, name, said && h("span", { class: "tag tag-muted" }, said), h("span", { class: "hint" }, t("revisión {rev}", { rev: number(entry.rev) })));
  return h("div", { class: "operation-entry" }, head, !entry.gone && entry.fields.length > 0 && changeList(entry.fields, 4));
}
