// The board as it was at a moment: to be looked at, never to be edited.
import { ApiError, type Batch, type Progress, assigneeOf, get, literal, reviewOf, shown } from "../lib/api";
import { longText } from "../lib/changes";
import { debounce, find, h, icon, may } from "../lib/dom";
import { fromField, toField, when } from "../lib/moments";
import { sentence } from "../lib/notice";
import { bar, done, fillBar, priorityMark, statusMark, timelineAddress } from "../lib/parts";
import { ago, day, number, percent, t } from "../lib/text";
import { Timescale } from "./timescale";

interface Board {
  moment: string;
  last_change: { op: string; at: string; actor: string } | null;
  batches: Batch[];
  pagination: { page: number; per_page: number; total: number; total_pages: number };
  progress: Progress;
}

/** A batch is a card on a narrow screen. */
const PER_PAGE = window.matchMedia("(width <= 700px)").matches ? "15" : "50";
const DAY = 86_400_000;

export class Past {
  private readonly field = h("input", { id: "past-moment", class: "form-control", type: "datetime-local", step: "1" });
  private readonly scale: Timescale;
  private readonly answer = h("div", { class: "past-board" });
  private readonly forward = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => this.scale.forward() }, icon("skip-forward"), t("Un cambio adelante"));
  private readonly state = new URLSearchParams();
  /** How far the server's clock is from this one's: a moment that is still to come cannot be shown. */
  private readonly ahead: number;
  private asked = 0;

  constructor(root: HTMLElement) {
    this.ahead = (Date.parse(root.dataset.now ?? "") || Date.now()) - Date.now();
    this.scale = new Timescale(Date.parse(root.dataset.began ?? "") || this.now() - DAY, {
      now: () => this.now(),
      moving: (moment) => (this.field.value = toField(moment)),
      moved: (moment) => this.ask({ moment }),
      before: (op) => this.before(op),
      ready: () => (this.forward.disabled = !this.scale.following),
    });
    const form = h("form", { class: "past-form card-box" }, h("div", { class: "field" }, h("label", { class: "form-label", htmlFor: "past-moment" }, t("Como estaba el…")), this.field), this.scale.root);
    root.append(form, this.answer);
    this.field.value = toField(new Date(this.now()));
    form.addEventListener("submit", (event) => event.preventDefault());
    this.field.addEventListener("change", () => {
      const moment = fromField(this.field.value);
      if (moment) this.ask({ moment });
    });
  }

  wants(asked: URLSearchParams): boolean {
    return asked.has("moment") || asked.has("before") || asked.get("view") === "past";
  }

  from(asked: URLSearchParams): void {
    for (const name of ["moment", "before", "page", "assignee", "text"]) if (asked.get(name)) this.state.set(name, asked.get(name)!);
    this.open();
  }

  open(): void {
    this.scale.open();
    if (this.state.size === 0) this.ask({ moment: fromField(this.field.value) ?? "" });
    else void this.load();
  }

  before(op: string): void {
    this.ask({ before: op });
  }

  private now(): number {
    return Date.now() + this.ahead;
  }

  /** Another moment: its filters and its page begin anew. */
  private ask(at: { moment?: string; before?: string }): void {
    const kept = [...this.state].filter(([name]) => name === "assignee" || name === "text");
    for (const name of [...this.state.keys()]) this.state.delete(name);
    for (const [name, value] of [...kept, ...Object.entries(at)]) if (value) this.state.set(name, value);
    void this.load();
  }

  private go(changes: Record<string, string>): void {
    for (const [name, value] of Object.entries(changes)) {
      if (value) this.state.set(name, value);
      else this.state.delete(name);
    }
    void this.load();
  }

  private async load(): Promise<void> {
    const question = ++this.asked;
    history.replaceState(null, "", `?${this.state}`);
    this.answer.classList.add("loading");
    if (!this.answer.hasChildNodes()) this.answer.append(h("div", { class: "skeleton" }), h("div", { class: "skeleton" }), h("div", { class: "skeleton" }));
    const wanted = new URLSearchParams([...this.state, ["per_page", PER_PAGE]]);
    const name = wanted.get("assignee");
    if (name) wanted.set("assignee", literal(name));
    try {
      const board = await get<Board>(`/api/board/at?${wanted}`);
      if (question === this.asked) this.show(board);
    } catch (error) {
      if (question !== this.asked) return;
      const again = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => void this.load() }, t("Reintentar"));
      const nearest = error instanceof ApiError && Array.isArray(error.data.nearest) ? (error.data.nearest as string[]) : [];
      const instead = nearest.map((moment) => h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => this.ask({ moment }) }, icon("clock-history"), t("Ver el {when}", { when: when(moment) })));
      this.answer.replaceChildren(h("div", { class: "card-box empty" }, icon("exclamation-triangle"), h("p", {}, sentence(error)), ...instead, again));
    }
    this.answer.classList.remove("loading");
  }

  private show(board: Board): void {
    this.field.value = toField(board.moment);
    this.scale.place(board.moment);
    this.forward.disabled = !this.scale.following;
    const searching = document.activeElement?.id === "past-text";
    this.answer.replaceChildren(this.banner(board), this.people(board.progress), this.table(board));
    if (!searching) return;
    const search = find<HTMLInputElement>("#past-text");
    search.focus();
    search.setSelectionRange(search.value.length, search.value.length);
  }

  private banner({ moment, last_change: last }: Board): HTMLElement {
    const included = last
      ? t("El último cambio incluido es de {actor}, {when}.", { actor: last.actor || t("Otro programa"), when: when(last.at) })
      : t("Todavía no había ningún cambio.");
    const step = h("button", { type: "button", class: "btn btn-quiet btn-sm", disabled: !last, onclick: () => last && this.before(last.op) }, icon("skip-backward"), t("Un cambio atrás"));
    const leave = h("a", { class: "btn btn-quiet btn-sm", href: "/batches" }, t("Volver al presente"));
    const restore = may("import") && h("a", { class: "btn btn-primary btn-sm", href: this.restoreAddress(moment) }, icon("arrow-counterclockwise"), t("Restaurar desde aquí"));
    const compare = may("backup") && h("a", { class: "btn btn-quiet btn-sm", href: `/compare?${new URLSearchParams({ a: moment, b: "now" })}` }, icon("arrow-left-right"), t("Comparar con ahora"));
    return h(
      "div",
      { class: "past-banner", role: "status" },
      icon("clock-history"),
      h("div", {}, h("p", { class: "past-when" }, t("Así estaba el tablero: {when}", { when: when(moment) }), h("span", {}, ` · ${ago(moment)}`)), h("p", {}, included, " ", t("Es el pasado: aquí no se edita nada."))),
      h("div", { class: "past-buttons" }, step, this.forward, leave, compare, restore),
    );
  }

  /** Exactly what is shown: the moment, or the operation before which it is, and the person that was chosen. */
  private restoreAddress(moment: string): string {
    const op = this.state.get("before");
    const name = this.state.get("assignee");
    return `/restore?${new URLSearchParams({ ...(op ? { before: op } : { moment }), ...(name ? { assignee: name } : {}) })}`;
  }

  private people({ totals, people }: Progress): HTMLElement {
    const facts: [string, string][] = [
      [t("batches"), number(totals.total)],
      [t("sin asignar"), number(totals.unassigned)],
      ["NS", number(totals.NS)],
      ["In", number(totals.In)],
      ["S", number(totals.S)],
      [t("completado"), percent(done(totals))],
    ];
    const chosen = this.state.get("assignee") ?? "";
    const cards = people.map((person) => {
      const line = bar();
      fillBar(line, person);
      const button = h("button", { type: "button", class: "past-person", "aria-pressed": String(person.name === chosen) }, h("b", {}, person.name), h("span", {}, number(person.total)), line);
      button.addEventListener("click", () => this.go({ assignee: person.name === chosen ? "" : person.name, page: "" }));
      return h("li", {}, button);
    });
    return h(
      "section",
      { class: "card-box past-people", "aria-label": t("Por segmentador") },
      h("dl", { class: "past-facts" }, ...facts.map(([label, value]) => h("div", {}, h("dd", {}, value), h("dt", {}, label)))),
      h("ul", {}, ...cards),
    );
  }

  private table({ batches, pagination: at }: Board): HTMLElement {
    const search = h("input", { id: "past-text", type: "search", class: "form-control", value: this.state.get("text") ?? "", placeholder: t("Buscar…"), "aria-label": t("Buscar entre los batches de ese momento"), autocomplete: "off" });
    search.addEventListener("input", debounce(300, () => this.go({ text: search.value.trim(), page: "" })));
    const heads = [t("Batch"), t("Responsable"), t("Estatus"), t("Revisión"), t("Prioridad"), t("Fecha límite"), t("Comentarios")];
    const rows = batches.map(pastRow);
    if (rows.length === 0) rows.push(h("tr", {}, h("td", { colSpan: heads.length }, h("div", { class: "empty" }, icon("inbox"), h("p", {}, t("No había batches así en ese momento."))))));
    const first = at.total === 0 ? 0 : (at.page - 1) * at.per_page + 1;
    const turn = (by: number, name: string, label: string, off: boolean) => h("button", { type: "button", class: "btn btn-quiet btn-sm", disabled: off, onclick: () => this.go({ page: String(at.page + by) }) }, icon(name), label);
    return h(
      "section",
      { class: "card-box", "aria-label": t("Batches") },
      h("div", { class: "past-tools" }, h("div", { class: "search" }, icon("search"), search)),
      h("div", { class: "table-wrap" }, h("table", { class: "table-plain as-cards past-table" }, h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, ...rows))),
      h("div", { class: "pager" }, h("span", {}, t("{first}–{last} de {total}", { first, last: Math.min(at.page * at.per_page, at.total), total: at.total })), turn(-1, "chevron-left", t("Anterior"), at.page <= 1), turn(1, "chevron-right", t("Siguiente"), at.page >= at.total_pages)),
    );
  }
}

function pastRow(batch: Batch): HTMLElement {
  const cell = (label: string, content: Node | string | null, extra = "") => h("td", { "data-label": label, class: content ? extra : `${extra} nothing`.trim() }, content || "—");
  const review = reviewOf(batch);
  const comment = shown(batch.comments);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: timelineAddress(batch.id) }, batch.id)),
    cell(t("Responsable"), assigneeOf(batch) || h("span", { class: "muted" }, t("Sin asignar"))),
    cell(t("Estatus"), statusMark(batch.status)),
    cell(t("Revisión"), review && t(review)),
    cell(t("Prioridad"), priorityMark(batch)),
    cell(t("Fecha límite"), day(batch.metadata?.due_date)),
    cell(t("Comentarios"), comment && longText(comment), "past-comment"),
  );
}
