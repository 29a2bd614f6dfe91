// A document that differs, as a row of a list: what happened to it and the first of its changes, opened to its fields.
import { shown } from "./api";
import { brief } from "./changes";
import { h, icon } from "./dom";
import { fieldLabel, inOrder, isBlank } from "./fields";
import { statusMark } from "./parts";
import { plural, t } from "./text";

/** Changes that are said on the line of a document that is not opened. */
const BRIEF = 2;

export interface Differing {
  id: string;
  kind: "batch" | "segmentador";
  what: string;
  values: { field: string; from?: unknown; to?: unknown }[];
  assignee?: string | null;
  status?: string | null;
}

/** `word`: what is said of it; `look`: the colour it has; `details` is asked for what it opens to. */
export function differingRow(row: Differing, word: string, look: string, details: () => Node[], opened: boolean): HTMLElement {
  const panel = h("div", { class: "plan-fields", hidden: true });
  const image = icon("chevron-right");
  const inner = [h("span", { class: `plan-what plan-${look}` }, word), h("span", { class: "plan-id" }, row.id), h("span", { class: "plan-brief" }, ...summary(row))];
  const toggle = h("button", { type: "button", class: "plan-toggle", "aria-expanded": "false" }, image, ...inner);
  const open = () => {
    panel.hidden = !panel.hidden;
    toggle.setAttribute("aria-expanded", String(!panel.hidden));
    image.className = `bi bi-chevron-${panel.hidden ? "right" : "down"}`;
    if (!panel.hidden && !panel.hasChildNodes()) panel.append(...details());
  };
  toggle.addEventListener("click", open);
  if (opened) open();
  return h("li", { class: "plan-row", "data-id": row.id, "data-what": row.what }, toggle, panel);
}

/** On one line: the first changes of a document that changes; of the others, whose they are. */
function summary(row: Differing): (Node | string)[] {
  if (row.kind === "segmentador" && row.what !== "changed") return [t("del equipo")];
  if (row.what !== "changed") return row.status ? [statusMark(row.status), ` ${row.assignee || t("sin asignar")}`] : [row.assignee || t("sin asignar")];
  const names = inOrder(row.values.map(({ field }) => field));
  const said = names.slice(0, BRIEF).map((name) => {
    const { from, to } = row.values.find(({ field }) => field === name)!;
    return h("span", { class: "plan-change" }, `${fieldLabel(name)}: `, h("span", { class: "value-old" }, cut(name, from)), " → ", cut(name, to));
  });
  const rest = names.length - said.length;
  return rest > 0 ? [...said, h("span", { class: "hint" }, plural(rest, "y {count} más", "y {count} más"))] : said;
}

/** Of a status its letters are enough. */
function cut(field: string, value: unknown): string {
  const text = field === "status" && !isBlank(value) ? shown(value) : brief(field, value).trim();
  return text.length > 32 ? `${text.slice(0, 30)}…` : text;
}

/** `1–50 de 320`, with buttons; null where all fit on one page. */
export function pager(at: { page: number; per_page: number; total: number; total_pages: number }, turned: (by: number) => void): HTMLElement | null {
  if (at.total_pages <= 1) return null;
  const turn = (by: number, name: string, label: string, off: boolean) => h("button", { type: "button", class: "btn btn-quiet btn-sm", disabled: off, onclick: () => turned(by) }, icon(name), label);
  const range = t("{first}–{last} de {total}", { first: (at.page - 1) * at.per_page + 1, last: Math.min(at.page * at.per_page, at.total), total: at.total });
  return h("div", { class: "pager" }, h("span", {}, range), turn(-1, "chevron-left", t("Anterior"), at.page <= 1), turn(1, "chevron-right", t("Siguiente"), at.page >= at.total_pages));
}
