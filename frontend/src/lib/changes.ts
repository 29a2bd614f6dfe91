// Field changes, old -> new: a short value beside the other, a long text below it and in full.
import { shown } from "./api";
import { fieldLabel, inOrder, isBlank, isLong, valueNode, valueText } from "./fields";
import { h, icon } from "./dom";
import { plural, t } from "./text";
import { type Piece, compared } from "./words";

export interface FieldChange {
  field: string;
  from?: unknown;
  to?: unknown;
  /** Said below it: who set the value that would go, say. */
  note?: string;
}

/** What the two sides of a long text are called: a change that was made, or one that would be. */
export interface Sides {
  old: string;
  fresh: string;
  only: string;
}

const made = (): Sides => ({ old: t("Antes decía"), fresh: t("Después"), only: t("Ahora dice") });

/** Characters of a text, and fields of a change, that are shown before somebody asks for all. */
const LONGEST = 320;
const MOST = 6;
/** Characters shown before a difference. */
const LEAD = 90;

export function changeList(changes: FieldChange[], most = MOST, sides = made()): HTMLElement {
  const ordered = inOrder(changes.map((change) => change.field)).map((field) => changes.find((change) => change.field === field)!);
  const row = (change: FieldChange) => one(change, sides);
  const list = h("dl", { class: "changes-list" }, ...ordered.slice(0, most).map(row));
  const rest = ordered.slice(most);
  if (rest.length === 0) return list;
  const more = h("button", { type: "button", class: "link-button" }, icon("chevron-down"), plural(rest.length, "{count} campo más", "{count} campos más"));
  more.addEventListener("click", () => {
    list.append(...rest.map(row));
    more.remove();
  });
  return h("div", {}, list, more);
}

function one(change: FieldChange, sides: Sides): HTMLElement {
  const long = isLong(change.from) || isLong(change.to);
  const body = long ? texts(change, sides) : values(change);
  if (change.note) body.push(h("span", { class: "change-note" }, change.note));
  return h("div", { class: long ? "change change-long" : "change" }, h("dt", {}, fieldLabel(change.field)), h("dd", {}, ...body));
}

/** What was not there before has no old value worth showing. */
function values({ field, from, to }: FieldChange): HTMLElement[] {
  const after = valueNode(field, to);
  if (isBlank(from)) return [after];
  const before = valueNode(field, from);
  before.classList.add("value-old");
  return [before, arrow(), after];
}

function arrow(): HTMLElement {
  return h("span", { class: "arrow" }, icon("arrow-right"), h("span", { class: "visually-hidden" }, t("pasó a")));
}

function texts({ field, from, to }: FieldChange, sides: Sides): HTMLElement[] {
  const text = (label: string, pieces: Piece[], kind: string) =>
    h("div", { class: `text text-${kind}` }, h("span", { class: "text-label" }, label), pieces.length ? inFull(pieces) : h("span", { class: "value-blank" }, t("vacío")));
  const [before, after] = [isBlank(from) ? "" : valueText(field, from), isBlank(to) ? "" : valueText(field, to)];
  if (!before) return [text(sides.only, whole(after), "new")];
  const [old, fresh] = after ? compared(before, after) : [whole(before), []];
  return [text(sides.old, old, "old"), text(sides.fresh, fresh, "new")];
}

const whole = (text: string): Piece[] => (text ? [{ text, changed: false }] : []);

export const longText = (text: string) => inFull(whole(text));

/** The text with what differs marked; one that is very long is cut until somebody asks, to where it differs. */
function inFull(pieces: Piece[]): HTMLElement {
  const alike = pieces.some(({ changed }) => !changed);
  const nodes = pieces.map(({ text, changed }) => (changed && alike ? h("mark", {}, text) : text));
  const lead = pieces.length > 1 && !pieces[0]!.changed ? pieces[0]!.text : "";
  const near = lead.length > LEAD ? lead.slice(lead.indexOf(" ", lead.length - LEAD) + 1) : lead;
  if (near !== lead) nodes.splice(0, 1, h("span", { class: "text-far" }, lead.slice(0, lead.length - near.length)), near);
  const box = h("div", { class: "text-whole" }, ...nodes);
  const text = pieces.map((piece) => piece.text).join("");
  if (text.length <= LONGEST && text.split("\n").length <= 6) return box;
  box.classList.add("cut");
  const more = h("button", { type: "button", class: "link-button", "aria-expanded": "false" }, t("Leer todo"));
  more.addEventListener("click", () => {
    const open = box.classList.toggle("cut") === false;
    more.textContent = open ? t("Mostrar menos") : t("Leer todo");
    more.setAttribute("aria-expanded", String(open));
  });
  return h("div", {}, box, more);
}

/** A value on one line, for lists of conflicts. */
export function brief(field: string, value: unknown): string {
  const text = isBlank(value) ? valueText(field, value) : isLong(value) ? shown(value).replace(/\s+/g, " ") : valueText(field, value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
