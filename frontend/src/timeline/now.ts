// What a batch holds now, or what became of it.
import type { Batch } from "../lib/api";
import { longText } from "../lib/changes";
import { h, icon } from "../lib/dom";
import { fieldLabel, flat, inOrder, isBlank, isKnown, isLong, valueNode, valueText } from "../lib/fields";
import { when } from "../lib/moments";
import { problem } from "../lib/notice";
import { mayUndo } from "../lib/rights";
import { type TimelineEntry, actorName, undoTitle } from "../lib/story";
import { ago, number, plural, t } from "../lib/text";
import { previewUndo } from "../lib/undo";

/** Shown even where they are empty: an empty comment is news too. */
const ALWAYS = ["assignee", "status", "comments", "metadata.due_date", "metadata.priority", "metadata.review_status"];
const MASKS = ["metadata.completed_masks", "metadata.total_masks"];

export function now(batch: Batch): HTMLElement {
  const fields = flat(batch);
  fields.delete("id");
  for (const name of ALWAYS) if (!fields.has(name)) fields.set(name, null);
  const masks = masksLine(fields);
  const names = inOrder(fields.keys()).filter((name) => ALWAYS.includes(name) || !isBlank(fields.get(name)));
  const known = names.filter(isKnown);
  const other = names.filter((name) => !isKnown(name));
  return h(
    "div",
    {},
    h("dl", { class: "state" }, ...known.map((name) => stateRow(name, fields.get(name))), masks),
    other.length > 0 &&
      h("details", { class: "state-other" }, h("summary", {}, plural(other.length, "{count} campo más", "{count} campos más")), h("dl", { class: "state" }, ...other.map((name) => stateRow(name, fields.get(name))))),
  );
}

/** Takes both numbers out and says them as one. */
function masksLine(fields: Map<string, unknown>): HTMLElement | false {
  const [done, all] = MASKS.map((name) => fields.get(name));
  if (typeof all !== "number") return false;
  for (const name of MASKS) fields.delete(name);
  const value = t("{done} de {all}", { done: number(typeof done === "number" ? done : 0), all: number(all) });
  return h("div", { class: "state-row" }, h("dt", {}, t("Máscaras")), h("dd", {}, value));
}

export function stateRow(name: string, value: unknown, extra?: HTMLElement): HTMLElement {
  const node = isLong(value) ? longText(valueText(name, value)) : valueNode(name, value);
  return h("div", { class: isLong(value) ? "state-row state-long" : "state-row" }, h("dt", {}, fieldLabel(name)), h("dd", {}, node, extra));
}

export function gone(id: string, last: TimelineEntry | undefined, changed: () => void): HTMLElement {
  if (!last) return h("p", { class: "hint" }, t("No está en el tablero."));
  const actor = actorName(last.actor, last.via);
  const renamed = last.renamed_to;
  const text = renamed
    ? t("{actor} le puso otro id {ago} ({when}). Su historia sigue en el nuevo.", { actor, ago: ago(last.at), when: when(last.at) })
    : t("{actor} lo eliminó {ago} ({when}). Todo lo que decía está guardado y puede volver.", { actor, ago: ago(last.at), when: when(last.at) });
  const box = h("div", { class: "gone-box" }, h("p", {}, text));
  if (renamed) box.append(h("a", { class: "btn btn-primary", href: `/batches/${encodeURIComponent(renamed)}` }, renamed, icon("arrow-right")));
  else if (mayUndo(last)) {
    const back = h("button", { type: "button", class: "btn btn-primary" }, icon("arrow-counterclockwise"), t("Traerlo de vuelta"));
    back.addEventListener("click", () => void previewUndo(last.op_size > 1 ? undoTitle(last) : t("Traer de vuelta {id}", { id }), last.op, { ended: changed }).catch(problem));
    box.append(back);
    if (last.op_size > 1) box.append(h("p", { class: "hint" }, plural(last.op_size, "Se eliminó en una operación de {count} documento; vuelve entera.", "Se eliminó en una operación de {count} documentos; vuelve entera.")));
  }
  return box;
}
