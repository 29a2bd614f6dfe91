// Step 3, the heart of it: how many come back, change and are lost; each document opens to its fields, now -> then.
import { get, shown } from "../lib/api";
import { type FieldChange, brief, changeList } from "../lib/changes";
import { h, icon } from "../lib/dom";
import { fieldLabel, inOrder, isBlank } from "../lib/fields";
import { when } from "../lib/moments";
import { sentence } from "../lib/notice";
import { statusMark, timelineAddress } from "../lib/parts";
import { verb } from "../lib/story";
import { number, plural, t } from "../lib/text";
import type { Page, Plan, Row, What } from "./plan";

const PER_PAGE = 50;
/** Changes that are said on the line of a document that is not opened. */
const BRIEF = 2;

/** Once it is used, what is seen of it stays, and no more can be asked for. */
export function use(within: HTMLElement): void {
  within.querySelector(".plan")?.classList.add("plan-used");
  within.querySelector(".pager")?.remove();
  within.querySelector(".plan-stale")?.remove();
}

/** The counts, and the list under them. */
export function preview(plan: Plan): HTMLElement {
  const list = h("div", { class: "plan-list" });
  const lister = new Lister(plan, list);
  return h("div", { class: "plan" }, tiles(plan, lister), h("p", { class: "plan-rest" }, rest(plan)), included(plan), leftOut(plan), list);
}

const TILES: { what: What; one: string; many: string; always: boolean; image: string }[] = [
  { what: "created", one: "nuevo", many: "nuevos", always: false, image: "plus-circle" },
  { what: "brought_back", one: "vuelve", many: "vuelven", always: true, image: "arrow-counterclockwise" },
  { what: "changed", one: "cambia", many: "cambian", always: true, image: "pencil" },
  { what: "deleted", one: "se pierde", many: "se pierden", always: true, image: "trash3" },
];

function tiles(plan: Plan, lister: Lister): HTMLElement {
  const buttons = TILES.filter(({ what, always }) => always || plan[what] > 0).map(({ what, one, many, image }) => {
    const count = plan[what];
    const tile = h("button", { type: "button", class: `tile tile-${what}`, "data-what": what, "aria-pressed": "false", disabled: count === 0 }, icon(image), h("b", {}, number(count)), h("span", {}, t(count === 1 ? one : many)));
    tile.addEventListener("click", () => {
      const chosen = lister.toggle(what);
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.what === chosen));
    });
    return tile;
  });
  return h("div", { class: "tiles", role: "group", "aria-label": t("Qué pasaría") }, ...buttons);
}

function rest(plan: Plan): string {
  const parts = [
    plan.unchanged > 0 && plural(plan.unchanged, "{count} queda igual", "{count} quedan igual"),
    plan.kept > 0 && plural(plan.kept, "{count} del tablero no está ahí, y se queda", "{count} del tablero no están ahí, y se quedan"),
    plan.absent > 0 && plural(plan.absent, "{count} ya no está en el tablero y no vuelve, porque solo se traen campos", "{count} ya no están en el tablero y no vuelven, porque solo se traen campos"),
  ];
  return parts.filter(Boolean).join(" · ");
}

/** Up to where it goes: the newest change that what comes back includes. */
function included({ last_change: last }: Plan): HTMLElement | false {
  if (!last) return false;
  const text = t("El último cambio incluido: {actor} {verb} {doc}, {when}.", { actor: last.actor.trim() || t("Otro programa"), verb: verb(last.action), doc: last.doc, when: when(last.at) });
  return h("p", { class: "plan-included" }, icon("signpost-2"), h("span", {}, text, " ", h("a", { href: `/history?op=${encodeURIComponent(last.op)}` }, t("Verlo"))));
}

function leftOut({ skipped, left_out: rows }: Plan): HTMLElement | false {
  if (skipped === 0) return false;
  const items = rows.map(({ id, why }) => h("li", {}, h("b", {}, id), ` · ${t(why)}`));
  const more = skipped > rows.length && h("li", { class: "hint" }, t("Y {count} más.", { count: skipped - rows.length }));
  return h("details", { class: "plan-skipped" }, h("summary", {}, icon("exclamation-triangle"), plural(skipped, "{count} documento no se puede traer y se deja fuera", "{count} documentos no se pueden traer y se dejan fuera")), h("ul", {}, ...items, more));
}

class Lister {
  private what: What | "" = "";
  private page = 1;
  private asked = 0;

  constructor(
    private readonly plan: Plan,
    private readonly root: HTMLElement,
  ) {
    if (plan.total > 0) void this.load();
  }

  /** Shows only those, or all again. Returns what is shown now. A plan that was used cannot be leafed through. */
  toggle(what: What): What | "" {
    if (this.root.closest(".plan-used")) return this.what;
    this.what = this.what === what ? "" : what;
    this.page = 1;
    void this.load();
    return this.what;
  }

  private async load(): Promise<void> {
    const question = ++this.asked;
    if (!this.root.hasChildNodes()) this.root.append(h("div", { class: "skeleton" }), h("div", { class: "skeleton" }), h("div", { class: "skeleton" }));
    try {
      const page = await get<Page>(`/api/restore/plan/${this.plan.plan}?page=${this.page}&per_page=${PER_PAGE}&what=${this.what}`);
      if (question === this.asked) this.show(page);
    } catch (error) {
      if (question === this.asked) this.root.replaceChildren(h("p", { class: "field-error", role: "alert" }, sentence(error)));
    }
  }

  private show({ changes, pagination: at }: Page): void {
    const turn = (by: number, name: string, label: string, off: boolean) => h("button", { type: "button", class: "btn btn-quiet btn-sm", disabled: off, onclick: () => ((this.page += by), void this.load()) }, icon(name), label);
    const pager = h("div", { class: "pager" }, h("span", {}, t("{first}–{last} de {total}", { first: (at.page - 1) * at.per_page + 1, last: Math.min(at.page * at.per_page, at.total), total: at.total })), turn(-1, "chevron-left", t("Anterior"), at.page <= 1), turn(1, "chevron-right", t("Siguiente"), at.page >= at.total_pages));
    const rows = changes.map((row) => planRow(row, changes.length === 1));
    this.root.replaceChildren(h("ul", { class: "plan-rows", "aria-label": t("Cambios") }, ...rows), ...(at.total_pages > 1 ? [pager] : []));
  }
}

const WORDS: Record<What, string> = { created: "nuevo", brought_back: "vuelve", changed: "cambia", deleted: "se elimina" };

function planRow(row: Row, opened: boolean): HTMLElement {
  const panel = h("div", { class: "plan-fields", hidden: true });
  const image = icon("chevron-right");
  const inner = [h("span", { class: `plan-what plan-${row.what}` }, t(WORDS[row.what])), h("span", { class: "plan-id" }, row.id), h("span", { class: "plan-brief" }, ...summary(row))];
  const toggle = h("button", { type: "button", class: "plan-toggle", "aria-expanded": "false" }, image, ...inner);
  const open = () => {
    panel.hidden = !panel.hidden;
    toggle.setAttribute("aria-expanded", String(!panel.hidden));
    image.className = `bi bi-chevron-${panel.hidden ? "right" : "down"}`;
    if (!panel.hidden && !panel.hasChildNodes()) panel.append(...details(row));
  };
  toggle.addEventListener("click", open);
  if (opened) open();
  return h("li", { class: "plan-row", "data-id": row.id, "data-what": row.what }, toggle, panel);
}

/** On one line: the first changes of a document that changes; of the others, whose they are. */
function summary(row: Row): (Node | string)[] {
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

function details(row: Row): HTMLElement[] {
  const values = row.values.filter(({ from, to, field }) => row.what === "changed" || (field !== "id" && field !== "name" && (!isBlank(to) || !isBlank(from))));
  const changes: FieldChange[] = values.map((value) => (value.actor && value.at ? { ...value, note: t("lo puso {actor}, {when}", { actor: value.actor, when: when(value.at) }) } : value));
  const sides = { old: t("Ahora dice"), fresh: t("Diría"), only: t("Diría") };
  const found = [last(row), changes.length > 0 ? changeList(changes, 12, sides) : null, row.kind === "batch" ? h("a", { class: "link-button", href: timelineAddress(row.id) }, icon("clock-history"), t("Ver su historia")) : null];
  return found.filter((part) => part !== null);
}

/** Whose work it is that would go, or who took away what comes back. */
function last({ what, last: by }: Row): HTMLElement | null {
  if (!by) return null;
  const fields = { actor: shown(by.actor).trim() || t("Otro programa"), when: when(by.at) };
  const text = { brought_back: t("Lo eliminó {actor}, {when}.", fields), created: t("Lo eliminó {actor}, {when}.", fields), changed: t("Su último cambio es de {actor}, {when}.", fields), deleted: t("Su último cambio es de {actor}, {when}. Se elimina del tablero; su historia se queda.", fields) }[what];
  return h("p", { class: "hint" }, text);
}
