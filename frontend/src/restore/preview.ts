// Step 3, the heart of it: how many come back, change and are lost; each document opens to its fields, now -> then.
import { get, shown } from "../lib/api";
import { type FieldChange, changeList } from "../lib/changes";
import { differingRow, pager } from "../lib/differing";
import { h, icon, may } from "../lib/dom";
import { isBlank } from "../lib/fields";
import { when } from "../lib/moments";
import { sentence } from "../lib/notice";
import { timelineAddress } from "../lib/parts";
import { verb } from "../lib/story";
import { number, plural, t } from "../lib/text";
import type { Page, Plan, Row, What } from "./plan";

const PER_PAGE = 50;

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
  return h("div", { class: "plan" }, tiles(plan, lister), h("p", { class: "plan-rest" }, rest(plan)), included(plan), compareLink(plan), leftOut(plan), list);
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

/** The same source whole, with everybody's totals; a file is nowhere to be compared from. */
function compareLink({ source }: Plan): HTMLElement | false {
  const side = source.kind === "archive" ? source.id : source.kind === "moment" ? source.moment : "";
  if (!may("backup") || !side) return false;
  return h("p", { class: "plan-included" }, icon("arrow-left-right"), h("a", { href: `/compare?${new URLSearchParams({ a: String(side), b: "now" })}` }, t("Comparar todo con el tablero, persona por persona")));
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
    const rows = changes.map((row) => differingRow(row, t(WORDS[row.what]), row.what, () => details(row), changes.length === 1));
    const turned = (by: number) => ((this.page += by), void this.load());
    this.root.replaceChildren(h("ul", { class: "plan-rows", "aria-label": t("Cambios") }, ...rows), pager(at, turned) ?? "");
  }
}

const WORDS: Record<What, string> = { created: "nuevo", brought_back: "vuelve", changed: "cambia", deleted: "se elimina" };

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
