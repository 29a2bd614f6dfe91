// The answer in short: how many batches are new, changed or gone, and which fields changed how often.
import { h, icon } from "../lib/dom";
import { fieldLabel } from "../lib/fields";
import { when } from "../lib/moments";
import { number, plural, t } from "../lib/text";
import { type Comparison, type What, sideText } from "./comparison";

/** Fields that are named before somebody asks for all. */
const MOST = 8;

const TILES: { what: What; one: string; many: string; kind: string; image: string }[] = [
  { what: "added", one: "agregado", many: "agregados", kind: "created", image: "plus-circle" },
  { what: "changed", one: "cambiado", many: "cambiados", kind: "changed", image: "pencil" },
  { what: "removed", one: "quitado", many: "quitados", kind: "deleted", image: "dash-circle" },
];

export class Summary {
  readonly root: HTMLElement;
  private readonly tiles: HTMLButtonElement[];

  /** `chosen`: one of the counts was pressed; its batches are to be listed. */
  constructor(found: Comparison, chosen: (what: What) => void) {
    this.tiles = TILES.map(({ what, one, many, kind, image }) => {
      const count = found[what];
      return h("button", { type: "button", class: `tile tile-${kind}`, "data-what": what, "aria-pressed": "false", disabled: count === 0, onclick: () => chosen(what) }, icon(image), h("b", {}, number(count)), h("span", {}, t(count === 1 ? one : many)));
    });
    this.root = h(
      "section",
      { class: "card-box compare-summary", "aria-labelledby": "compare-title" },
      h("h2", { class: "compare-title", id: "compare-title", tabIndex: -1 }, h("span", {}, sideText(found.a)), icon("arrow-right"), h("span", { class: "visually-hidden" }, t("comparado con")), h("span", {}, sideText(found.b), found.b.kind === "now" && h("span", { class: "hint" }, ` ${when(found.b.moment)}`))),
      h("div", { class: "tiles", role: "group", "aria-label": t("Batches que difieren") }, ...this.tiles),
      h("p", { class: "plan-rest" }, rest(found)),
      fields(found),
    );
  }

  mark(what: What | ""): void {
    for (const tile of this.tiles) tile.setAttribute("aria-pressed", String(tile.dataset.what === what));
  }
}

function rest({ unchanged, segmentadores: team, unnamed }: Comparison): string {
  const parts = [
    plural(unchanged, "{count} batch sigue igual", "{count} batches siguen igual"),
    team.added > 0 && plural(team.added, "{count} persona nueva en el equipo", "{count} personas nuevas en el equipo"),
    team.removed > 0 && plural(team.removed, "{count} persona menos en el equipo", "{count} personas menos en el equipo"),
    team.changed > 0 && plural(team.changed, "{count} persona del equipo con otros datos", "{count} personas del equipo con otros datos"),
    unnamed.a + unnamed.b > 0 && plural(unnamed.a + unnamed.b, "{count} documento sin id propio no se puede comparar", "{count} documentos sin id propio no se pueden comparar"),
  ];
  return parts.filter(Boolean).join(" · ");
}

/** The changed fields, most frequent first, each with a bar of how many of the changed batches it is in. */
function fields({ fields: counts, changed }: Comparison): HTMLElement | false {
  const names = Object.entries(counts).sort(([, a], [, b]) => b - a);
  if (names.length === 0) return false;
  const row = ([name, count]: [string, number]) => {
    const fill = h("span", {});
    fill.style.width = `${changed ? (count / changed) * 100 : 0}%`;
    return h("li", { title: name }, h("span", {}, fieldLabel(name)), h("span", { class: "compare-field-bar", "aria-hidden": "true" }, fill), h("b", {}, number(count)));
  };
  const list = h("ul", { class: "compare-fields" }, ...names.slice(0, MOST).map(row));
  const more = h("button", { type: "button", class: "link-button", onclick: () => (list.append(...names.slice(MOST).map(row)), more.remove()) }, icon("chevron-down"), plural(names.length - MOST, "{count} campo más", "{count} campos más"));
  return h("div", { class: "compare-changed" }, h("h3", {}, t("Campos que cambiaron")), list, names.length > MOST && more);
}
