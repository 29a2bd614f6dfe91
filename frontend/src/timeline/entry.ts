// One entry of a timeline: who, what, when, from where; seen as it was then, or taken back.
import type { Batch } from "../lib/api";
import { changeList } from "../lib/changes";
import { h, icon, may } from "../lib/dom";
import { isBlank } from "../lib/fields";
import { when } from "../lib/moments";
import { problem } from "../lib/notice";
import { mayUndo } from "../lib/rights";
import { type TimelineEntry, actionIcon, actorName, avatar, moment, told, undoTitle, viaText } from "../lib/story";
import { plural, t } from "../lib/text";
import { previewUndo } from "../lib/undo";
import { showPast } from "./past";

export interface Present {
  batch: Batch | null;
  rev: number | null;
}

interface Shown {
  id: string;
  entry: TimelineEntry;
  undoneBy: TimelineEntry | undefined;
  key: string;
  present: () => Present;
  changed: () => void;
}

export function entryItem({ id, entry, undoneBy, key, present, changed }: Shown): HTMLElement {
  const actor = actorName(entry.actor, entry.via);
  const others = entry.op_size - 1;
  const head = h("p", { class: "entry-head" }, h("b", {}, actor), " ", actionIcon(entry.action), told(entry));
  const where = h("p", { class: "entry-where" }, moment(entry.at), " · ", viaText(entry.via));
  const together = others > 0 && h("a", { class: "hint", href: `/history?op=${encodeURIComponent(entry.op)}` }, icon("stack"), plural(others, "junto con {count} documento más", "junto con {count} documentos más"));
  const isNew = entry.action === "create" || (entry.action === "external" && entry.rev === 1);
  const shownFields = entry.gone ? [] : entry.fields.filter((change) => !isNew || (change.field !== "id" && !isBlank(change.to)));
  return h(
    "li",
    { class: undoneBy ? "entry entry-undone" : "entry", "data-key": key, "data-rev": entry.rev },
    avatar(entry.actor, entry.via),
    h(
      "div",
      { class: "entry-body" },
      head,
      where,
      undoneBy && h("p", { class: "tag tag-muted" }, icon("arrow-counterclockwise"), t("Deshecho por {actor} el {when}", { actor: actorName(undoneBy.actor, undoneBy.via), when: when(undoneBy.at) })),
      shownFields.length > 0 && changeList(shownFields, isNew ? 3 : 6),
      h("div", { class: "entry-foot" }, ...buttons({ id, entry, undoneBy, present, changed }), together),
    ),
  );
}

function buttons({ id, entry, undoneBy, present, changed }: Omit<Shown, "key">): HTMLElement[] {
  const found: HTMLElement[] = [];
  const button = (name: string, label: string, run: () => Promise<void>) => {
    const made = h("button", { type: "button", class: "btn btn-quiet btn-sm" }, icon(name), label);
    made.addEventListener("click", () => {
      made.disabled = true;
      run()
        .catch(problem)
        .finally(() => (made.disabled = false));
    });
    found.push(made);
  };
  if (!entry.gone) button("eye", t("Ver así"), () => showPast(id, entry, present(), changed));
  const isNow = present().rev === entry.rev;
  if (!entry.gone && !isNow && may("import")) {
    const href = `/restore?batch=${encodeURIComponent(id)}&rev=${entry.rev}`;
    found.push(h("a", { class: "btn btn-quiet btn-sm", href }, icon("skip-backward-circle"), t("Volver a este punto")));
  }
  if (!undoneBy && mayUndo(entry)) button("arrow-counterclockwise", t("Deshacer"), () => previewUndo(undoTitle(entry), entry.op, { ended: changed }));
  return found;
}
