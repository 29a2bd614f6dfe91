// The preview of a list: how many rows change, are new, conflict or cannot be taken, each of them, and what it does not name.
import { get, shown } from "../lib/api";
import { changeList, type FieldChange } from "../lib/changes";
import { h, icon } from "../lib/dom";
import { fieldLabel } from "../lib/fields";
import { when } from "../lib/moments";
import { sentence } from "../lib/notice";
import { statusMark, timelineAddress } from "../lib/parts";
import { day, number, plural, t } from "../lib/text";
import { Rest } from "./rest";

export type Mode = "update" | "add" | "replace";
type Outcome = "changed" | "new" | "conflict" | "error" | "deleted" | "unchanged";

export interface Intake {
  kind: string;
  plan: string;
  mode: Mode;
  rows: number;
  changed: number;
  new: number;
  conflict: number;
  error: number;
  unchanged: number;
  /** What the list does not name: how many would go if somebody says so, how many there are, and why none may go. */
  deleted: number;
  unnamed: number;
  no_deleting: string | null;
  is_worklist: boolean;
  fields: string[];
  taken: string[];
  ignored: string[];
  since: string | null;
}

interface Line {
  place: number;
  sheet: string;
  line: number;
  id: string;
  outcome: Outcome;
  changes: FieldChange[];
  problem: string | null;
  note: string | null;
  by: { actor: string; at: string } | null;
  /** Of what would go. */
  assignee?: string | null;
  status?: string | null;
}

interface Listing {
  lines: Line[];
  pagination: { page: number; total: number; total_pages: number };
}

/** What is done of a preview, as the server takes it. */
export interface Choice {
  leave_out: string[];
  take: string[];
  confirm?: string;
  leave_out_errors?: boolean;
}

interface Hooks {
  again(mode: Mode, fields?: string[]): void;
  cancel(): void;
  go(choice: Choice): void;
}

const PER_PAGE = 50;
const FORM = "intake-form";
/** In the order in which somebody wants to see them. */
const ORDER: Outcome[] = ["changed", "new", "conflict", "error", "deleted", "unchanged"];
const WORDS: Record<Outcome, [string, string]> = {
  changed: ["cambia", "cambian"],
  new: ["nuevo", "nuevos"],
  conflict: ["conflicto", "conflictos"],
  error: ["error", "errores"],
  deleted: ["se eliminaría", "se eliminarían"],
  unchanged: ["igual", "iguales"],
};
const MODES: [Mode, string, string][] = [
  ["update", "Actualizar los que están", "Solo cambia batches del tablero; las celdas vacías no cambian nada."],
  ["add", "Agregar solo los nuevos", "Solo crea los batches que no están; los demás se quedan como están."],
  ["replace", "Agregar y dejar igual a la lista", "Crea los que faltan, y las columnas que se toman quedan como en la lista, también donde está vacía. Antes se hace una copia. Lo que la lista no nombra se queda, salvo que abajo elijas eliminarlo."],
];

export class Preview {
  readonly root: HTMLElement;
  private readonly lines = h("tbody", {});
  private readonly pager = h("div", { class: "intake-pager" });
  private readonly filters = h("div", { class: "intake-filters", role: "group", "aria-label": t("Qué renglones se muestran") });
  private readonly foot = h("form", { class: "import-row", id: FORM });
  private readonly rest: Rest;
  private readonly leaveOut = new Set<string>();
  private readonly take = new Set<string>();
  private outcome: Outcome | "" = "";

  constructor(
    name: string,
    readonly plan: Intake,
    private readonly hooks: Hooks,
  ) {
    const head = ["", t("Línea"), t("Batch"), t("Qué pasa"), t("Cambios")].map((text, place) => h("th", { scope: "col", class: place === 1 ? "num" : "" }, text || h("span", { class: "visually-hidden" }, t("Importar"))));
    const table = h("table", { class: "table-plain intake-table" }, h("thead", {}, h("tr", {}, ...head)), this.lines);
    this.rest = new Rest(plan, FORM, () => this.showFoot());
    this.root = h(
      "section",
      { class: "card-box intake", "aria-label": t("Vista previa") },
      h("h2", { class: "card-title" }, icon("file-earmark-check"), name),
      about(plan),
      this.how(),
      this.filters,
      h("div", { class: "intake-lines", tabIndex: 0, role: "region", "aria-label": t("Renglones") }, table),
      this.pager,
      this.rest.root,
      this.foot,
    );
    this.foot.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.mayGo) hooks.go({ leave_out: [...this.leaveOut], take: [...this.take], ...this.rest.said });
    });
    this.outcome = ORDER.find((one) => plan[one] > 0) ?? "";
    this.showFoot();
    void this.show(1);
  }

  /** What is taken of the list, and how. Another choice compares anew. */
  private how(): HTMLElement {
    const { plan, hooks } = this;
    const modes = MODES.map(([mode, label, hint]) => {
      const box = h("input", { type: "radio", class: "form-check-input", name: "intake-mode", value: mode, checked: mode === plan.mode });
      box.addEventListener("change", () => hooks.again(mode));
      return h("label", { class: "intake-mode" }, box, h("span", {}, h("b", {}, t(label)), h("span", { class: "hint" }, t(hint))));
    });
    const columns = plan.fields.map((field) => {
      const box = h("input", { type: "checkbox", class: "form-check-input", value: field, checked: plan.taken.includes(field) });
      box.addEventListener("change", () => hooks.again(plan.mode, plan.fields.filter((one) => (one === field ? box.checked : plan.taken.includes(one)))));
      return h("label", { class: "intake-column" }, box, fieldLabel(field));
    });
    return h(
      "details",
      { class: "intake-how", open: this.plan.mode !== "update" || plan.changed + plan.new === 0 },
      h("summary", {}, t("Cómo se toma la lista"), h("span", { class: "hint" }, ` ${t(MODES.find(([mode]) => mode === plan.mode)![1])} · ${plan.taken.map(fieldLabel).join(", ") || t("ninguna columna")}`)),
      h("fieldset", {}, h("legend", {}, t("Qué hacer")), ...modes),
      columns.length > 0 && h("fieldset", {}, h("legend", {}, t("Columnas que se toman")), h("div", { class: "intake-columns" }, ...columns)),
    );
  }

  private showFilters(): void {
    const one = (outcome: Outcome | "", count: number, word: string) => {
      const pressed = this.outcome === outcome;
      const button = h("button", { type: "button", class: `intake-filter outcome-${count ? outcome || "all" : "none"}`, "aria-pressed": String(pressed), disabled: count === 0 && !pressed }, h("b", {}, number(count)), ` ${word}`);
      button.addEventListener("click", () => {
        this.outcome = outcome;
        void this.show(1);
      });
      return button;
    };
    const { plan } = this;
    const tile = (outcome: Outcome) => one(outcome, plan[outcome], t(WORDS[outcome][plan[outcome] === 1 ? 0 : 1]));
    // What would go is no row of the list: it comes after their total.
    this.filters.replaceChildren(...ORDER.filter((outcome) => outcome !== "deleted").map(tile), one("", plan.rows, t("en total")), ...(plan.deleted > 0 ? [tile("deleted")] : []));
  }

  private async show(page: number): Promise<void> {
    this.showFilters();
    const query = new URLSearchParams({ page: String(page), per_page: String(PER_PAGE), ...(this.outcome ? { outcome: this.outcome } : {}) });
    try {
      const { lines, pagination } = await get<Listing>(`/api/data/plan/${this.plan.plan}?${query}`);
      this.lines.replaceChildren(...lines.map((line) => this.row(line)));
      if (lines.length === 0) this.lines.append(h("tr", {}, h("td", { colSpan: 5, class: "muted" }, t("No hay renglones así."))));
      this.showPager(pagination.page, pagination.total_pages, pagination.total);
    } catch (error) {
      this.failed(sentence(error), () => this.hooks.again(this.plan.mode, this.plan.taken));
    }
  }

  private showPager(page: number, pages: number, total: number): void {
    const step = (label: string, to: number) => h("button", { type: "button", class: "btn btn-quiet btn-sm", disabled: to < 1 || to > pages, onclick: () => void this.show(to) }, label);
    const first = (page - 1) * PER_PAGE + 1;
    const text = t("{first} a {last} de {total}", { first, last: Math.min(page * PER_PAGE, total), total });
    this.pager.replaceChildren(...(pages > 1 ? [step(t("Anterior"), page - 1), h("span", { class: "muted" }, text), step(t("Siguiente"), page + 1)] : []));
  }

  private row(line: Line): HTMLElement {
    const { outcome } = line;
    const where = outcome === "deleted" ? "" : line.sheet ? `${line.sheet} · ${line.line}` : String(line.line);
    const known = outcome !== "error" && outcome !== "new";
    const name = line.id || t("sin id");
    return h(
      "tr",
      { class: `intake-line line-${outcome}` },
      h("td", { class: "intake-choose" }, this.choice(line)),
      h("td", { class: "num muted", "data-label": where && t("Línea") }, where),
      h("th", { scope: "row", class: "mono" }, known ? h("a", { href: timelineAddress(line.id) }, name) : name),
      h("td", {}, h("span", { class: `outcome outcome-${outcome}` }, t(WORDS[outcome][0]))),
      h("td", { class: "intake-what" }, line.changes.length > 0 && changeList(line.changes), outcome === "deleted" && whose(line), ...remarks(line)),
    );
  }

  /** Whether a row is put in: conflicts only where somebody says so. */
  private choice(line: Line): HTMLElement | null {
    const { id, outcome } = line;
    if (outcome === "error" || outcome === "deleted" || outcome === "unchanged") return null;
    const conflict = outcome === "conflict";
    const checked = conflict ? this.take.has(id) : !this.leaveOut.has(id);
    const label = conflict ? t("Importar {id} de todos modos", { id }) : t("Importar {id}", { id });
    const box = h("input", { type: "checkbox", class: "form-check-input", "aria-label": label, checked });
    box.addEventListener("change", () => {
      const among = conflict ? this.take : this.leaveOut;
      if (box.checked === conflict) among.add(id);
      else among.delete(id);
      this.showFoot();
    });
    return box;
  }

  private get count(): number {
    return this.plan.changed + this.plan.new - this.leaveOut.size + this.take.size;
  }

  private get mayGo(): boolean {
    return this.count + this.rest.count > 0 && this.rest.ready;
  }

  private showFoot(): void {
    const { count, hooks, plan, rest } = this;
    const cancel = h("button", { type: "button", class: "btn btn-quiet", onclick: () => hooks.cancel() }, t("Cancelar"));
    const all = plan.changed + plan.new + plan.conflict;
    const out = all + plan.error - count;
    const said = [
      all === 0 && (plan.error > 0 ? t("No hay nada que importar. Corrige los errores y sube la lista de nuevo.") : t("No hay nada que importar: el tablero ya dice lo mismo que la lista.")),
      all + rest.count > 0 && t("Es una sola operación, y se puede deshacer."),
      all > 0 && out > 0 && plural(out, "{count} renglón se queda fuera.", "{count} renglones se quedan fuera."),
      plan.deleted > 0 && rest.count === 0 && plural(plan.deleted, "{count} del tablero no está en la lista y se queda.", "{count} del tablero no están en la lista y se quedan."),
    ];
    const hint = h("p", { class: "hint" }, said.filter(Boolean).join(" "));
    this.foot.replaceChildren(hint, cancel, ...(all + rest.count > 0 ? [this.goButton()] : []));
  }

  private goButton(): HTMLElement {
    const { count, rest } = this;
    const changes = plural(count, "{count} cambio", "{count} cambios");
    const label = rest.count === 0 ? t("Importar {changes}", { changes }) : count === 0 ? plural(rest.count, "Eliminar {count} batch", "Eliminar {count} batches") : t("Importar {changes} y eliminar {deleted}", { changes, deleted: rest.count });
    return h("button", { type: "submit", class: rest.count ? "btn btn-danger" : "btn btn-primary", id: "intake-go", disabled: !this.mayGo }, icon(rest.count ? "trash3" : "box-arrow-in-down"), label);
  }

  working(text: string, part: number): void {
    const inner = h("span", {});
    inner.style.width = `${Math.round(part * 100)}%`;
    const bar = h("div", { class: "intake-progress", role: "progressbar", "aria-label": t("Importando"), "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.round(part * 100)) }, inner);
    this.foot.replaceChildren(h("p", { class: "hint", role: "status" }, text), bar);
    for (const box of this.root.querySelectorAll<HTMLInputElement>("input")) box.disabled = true;
  }

  failed(text: string, again?: () => void): void {
    const retry = again && h("button", { type: "button", class: "btn btn-primary", onclick: again }, icon("arrow-repeat"), t("Volver a comparar"));
    const cancel = h("button", { type: "button", class: "btn btn-quiet", onclick: () => this.hooks.cancel() }, t("Cancelar"));
    this.foot.replaceChildren(h("p", { class: "field-error", role: "alert" }, text), cancel, retry || "");
  }
}

function about(plan: Intake): HTMLElement {
  const said = [plan.is_worklist ? t("Lista de trabajo") : t("Tabla"), plural(plan.rows, "{count} renglón", "{count} renglones")];
  if (plan.since) said.push(t("del {day}", { day: day(plan.since) }));
  if (plan.ignored.length > 0) said.push(t("no se toman: {names}", { names: plan.ignored.join(", ") }));
  return h("p", { class: "hint" }, said.join(" · "));
}

/** Whose work would go. */
function whose({ assignee, status, by }: Line): HTMLElement {
  const last = by && t("Su último cambio es de {actor}, {when}.", { actor: shown(by.actor).trim() || t("Otro programa"), when: when(by.at) });
  return h("p", { class: "intake-whose" }, statusMark(status), h("span", {}, shown(assignee) || t("Sin asignar")), last && h("span", { class: "muted" }, last));
}

/** Why a row cannot be taken, or what somebody should know about it, and who was at work meanwhile. */
function remarks({ problem, note, by, outcome }: Line): HTMLElement[] {
  const text = problem ?? note;
  if (!text) return [];
  const who = by ? ` ${t("{actor} · {when}", { actor: shown(by.actor) || t("Otro programa"), when: when(by.at) })}` : "";
  const kind = problem ? (outcome === "conflict" ? "attention" : "risk") : "note";
  return [h("p", { class: `intake-remark remark-${kind}` }, icon(problem ? "exclamation-triangle" : "info-circle"), h("span", {}, text, who && h("b", {}, who)))];
}
