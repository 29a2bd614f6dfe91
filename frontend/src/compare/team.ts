// Everybody's work before and after, as a table with bars; a name lists that person's differences.
import { h, icon } from "../lib/dom";
import { number, plural, t } from "../lib/text";
import type { Comparison, Person, Work } from "./comparison";

const COUNTS = ["total", "NS", "In", "S", "other"] as const;
const PARTS = ["S", "In", "other", "NS"] as const;

export class Team {
  readonly root: HTMLElement;
  private readonly names = new Map<string, HTMLButtonElement>();
  private readonly most: number;
  private readonly columns: readonly (keyof Work)[];

  /** `chosen` is told a name, or an empty text for nobody's. */
  constructor(
    found: Comparison,
    private readonly chosen: (name: string) => void,
  ) {
    const nobody = { name: "", before: unassigned(found, "before"), after: unassigned(found, "after") };
    const everybody = [...(nobody.before.total || nobody.after.total ? [nobody] : []), ...found.people];
    this.most = Math.max(1, ...everybody.flatMap(({ before, after }) => [before.total, after.total]));
    this.columns = COUNTS.filter((name) => name !== "other" || found.totals.before.other || found.totals.after.other);
    const moved = everybody.filter(differs);
    const same = everybody.filter((person) => !differs(person));
    const body = h("tbody", {}, ...moved.map((person) => this.row(person)));
    const more = h("button", { type: "button", class: "link-button", onclick: () => (body.append(...same.map((person) => this.row(person))), more.remove()) }, icon("chevron-down"), plural(same.length, "Mostrar a {count} que sigue igual", "Mostrar a {count} que siguen igual"));
    const total = this.line(h("th", { scope: "row" }, t("Todo el tablero")), found.totals, true);
    this.root = h(
      "section",
      { class: "card-box", "aria-labelledby": "team-title" },
      h("div", { class: "section-head" }, h("h2", { class: "card-title", id: "team-title" }, t("Por persona")), h("p", { class: "hint" }, moved.length ? t("Arriba antes, abajo después. Un nombre muestra solo lo suyo.") : t("Nadie tiene más ni menos trabajo que antes."))),
      h("div", { class: "table-wrap" }, h("table", { class: "table-plain as-cards compare-table" }, this.head(), body, h("tfoot", {}, total))),
      same.length > 0 && h("div", { class: "compare-more" }, more),
    );
  }

  mark(name: string | null): void {
    for (const [own, button] of this.names) button.setAttribute("aria-pressed", String(own === name));
  }

  private head(): HTMLElement {
    const titles: Record<keyof Work, string> = { total: t("Batches"), NS: "NS", In: "In", S: "S", other: t("Otro") };
    return h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Persona")), h("th", { scope: "col" }, t("Trabajo")), ...this.columns.map((name) => h("th", { scope: "col", class: "num" }, name !== "total" && h("span", { class: `compare-swatch compare-${name}`, "aria-hidden": "true" }), titles[name]))));
  }

  private row(person: Person): HTMLElement {
    const label = person.name || t("Sin asignar");
    const button = h("button", { type: "button", class: "link-button compare-name", "aria-pressed": "false", onclick: () => this.chosen(person.name) }, label);
    this.names.set(person.name, button);
    return this.line(h("th", { scope: "row" }, button), person, false);
  }

  private line(name: HTMLElement, { before, after }: { before: Work; after: Work }, whole: boolean): HTMLElement {
    const most = whole ? Math.max(1, before.total, after.total) : this.most;
    const bars = h("td", { class: "compare-bars", "data-label": t("Trabajo") }, h("div", { "aria-hidden": "true" }, bar(before, most), bar(after, most)));
    return h("tr", {}, name, bars, ...this.columns.map((count) => cell(count, before[count], after[count])));
  }
}

const differs = ({ before, after }: Person) => COUNTS.some((name) => before[name] !== after[name]);

/** What the whole board has and nobody in it. */
function unassigned({ totals, people }: Comparison, when: "before" | "after"): Work {
  const rest = (name: keyof Work) => totals[when][name] - people.reduce((sum, person) => sum + person[when][name], 0);
  return { total: rest("total"), NS: rest("NS"), In: rest("In"), S: rest("S"), other: rest("other") };
}

function bar(work: Work, most: number): HTMLElement {
  const parts = PARTS.map((name) => {
    const part = h("span", { class: `compare-${name}` });
    part.style.width = `${(work[name] / most) * 100}%`;
    return part;
  });
  return h("div", { class: "compare-bar" }, ...parts);
}

/** `15 → 18` where it moved. */
function cell(name: keyof Work, before: number, after: number): HTMLElement {
  const label = name === "total" ? t("Batches") : name === "other" ? t("Otro") : name;
  if (before === after) return h("td", { class: "num", "data-label": label }, h("span", { class: "muted" }, number(after)));
  const by = after - before;
  const sign = name === "total" && h("span", { class: "compare-by" }, ` ${by > 0 ? "+" : "−"}${number(Math.abs(by))}`);
  return h("td", { class: "num", "data-label": label }, h("span", { class: "compare-moved" }, h("span", { class: "muted" }, number(before)), h("span", { class: "visually-hidden" }, t("pasó a")), h("span", { "aria-hidden": "true" }, " → "), h("b", {}, number(after)), sign));
}
