// What differs, page by page: filtered by kind, person and id; each opens to its fields, old -> new; as CSV and XLSX.
import { ApiError } from "../lib/api";
import { type FieldChange, changeList } from "../lib/changes";
import { differingRow, pager } from "../lib/differing";
import { debounce, h, icon, may } from "../lib/dom";
import { download } from "../lib/download";
import { isBlank } from "../lib/fields";
import { sentence } from "../lib/notice";
import { timelineAddress } from "../lib/parts";
import { number, plural, t } from "../lib/text";
import { type Comparison, EVERYTHING, NOW, type Page, type Part, type Row, type What, address, read } from "./comparison";

const PER_PAGE = 50;
const WORDS: Record<What, string> = { added: "agregado", removed: "quitado", changed: "cambió" };
const LOOKS: Record<What, string> = { added: "created", removed: "deleted", changed: "changed" };

interface Answers {
  /** Another part is listed now. */
  chosen(part: Part): void;
  /** The server does not know the comparison any more. */
  lost(): void;
}

export class List {
  readonly root: HTMLElement;
  private readonly rows = h("div", { class: "plan-list" });
  private readonly count = h("span", { class: "hint", role: "status" });
  private readonly search = h("input", { id: "compare-text", class: "form-control", type: "search", placeholder: t("Id de un batch o nombre"), autocomplete: "off" });
  private readonly what = h("select", { id: "compare-what", class: "form-select" });
  private readonly person = h("select", { id: "compare-person", class: "form-select" });
  private readonly reset = h("button", { type: "button", class: "btn btn-quiet", hidden: true, onclick: () => this.show(EVERYTHING) }, icon("x-lg"), t("Quitar filtros"));
  private readonly files: HTMLButtonElement[];
  private page = 1;
  private asked = 0;

  constructor(
    private readonly found: Comparison,
    private part: Part,
    private readonly answers: Answers,
  ) {
    this.files = (["csv", "xlsx"] as const).map((form) => this.file(form));
    this.fillChoices();
    const field = (label: string, input: HTMLElement) => h("div", { class: "field" }, h("label", { htmlFor: input.id }, label), input);
    const search = h("div", { class: "field field-search" }, h("label", { htmlFor: "compare-text" }, t("Buscar")), h("div", { class: "search" }, icon("search"), this.search));
    const form = h("form", { class: "filters", role: "search" }, search, field(t("Qué pasó"), this.what), field(t("Persona"), this.person), this.reset);
    form.addEventListener("submit", (event) => event.preventDefault());
    this.search.addEventListener("input", debounce(250, () => this.show({ ...this.part, text: this.search.value.trim() })));
    for (const select of [this.what, this.person]) select.addEventListener("change", () => this.show({ ...this.part, ...(JSON.parse(select.value) as Partial<Part>) }));
    this.root = h("section", { class: "card-box compare-list", "aria-labelledby": "list-title" }, h("div", { class: "section-head" }, h("h2", { class: "card-title", id: "list-title" }, t("Lo que difiere")), this.count, h("div", { class: "compare-files" }, ...this.files)), form, this.rows);
    this.show(part);
  }

  /** The same again shows everything. */
  toggle(part: Partial<Part>): void {
    const [name, value] = Object.entries(part)[0] as [keyof Part, string];
    this.show({ ...this.part, ...part, ...(this.part[name] === value ? { [name]: EVERYTHING[name], kind: "" } : {}) });
  }

  private show(part: Part): void {
    this.part = part;
    this.page = 1;
    if (this.search.value.trim() !== part.text) this.search.value = part.text;
    this.what.value = JSON.stringify({ what: part.what, kind: part.kind });
    this.person.value = JSON.stringify({ assignee: part.assignee });
    this.reset.hidden = JSON.stringify(part) === JSON.stringify(EVERYTHING);
    this.answers.chosen(part);
    void this.load();
  }

  private async load(): Promise<void> {
    const question = ++this.asked;
    if (!this.rows.hasChildNodes()) this.rows.append(h("div", { class: "skeleton" }), h("div", { class: "skeleton" }), h("div", { class: "skeleton" }));
    try {
      const page = await read(this.found.comparison, this.part, this.page, PER_PAGE);
      if (question === this.asked) this.draw(page);
    } catch (error) {
      if (question !== this.asked) return;
      if (error instanceof ApiError && error.status === 404) return this.answers.lost();
      const again = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => void this.load() }, t("Reintentar"));
      this.rows.replaceChildren(h("div", { class: "empty" }, icon("exclamation-triangle"), h("p", {}, sentence(error)), again));
    }
  }

  private draw({ changes, pagination: at }: Page): void {
    this.count.textContent = plural(at.total, "{count} documento", "{count} documentos");
    for (const button of this.files) button.disabled = at.total === 0;
    if (at.total === 0) return this.rows.replaceChildren(h("div", { class: "empty" }, icon(this.found.total ? "funnel" : "check-circle"), h("p", {}, this.found.total ? t("Nada de lo que difiere coincide con estos filtros.") : t("No difieren en nada."))));
    const rows = changes.map((row) => differingRow(row, t(WORDS[row.what]), LOOKS[row.what], () => this.details(row), changes.length === 1));
    this.rows.replaceChildren(h("ul", { class: "plan-rows", "aria-label": t("Lo que difiere") }, ...rows), pager(at, (by) => this.turn(by)) ?? "");
  }

  private turn(by: number): void {
    this.page += by;
    void this.load();
    this.root.scrollIntoView({ block: "nearest" });
  }

  private details(row: Row): HTMLElement[] {
    const { what, values } = row;
    const kept = values.filter(({ field, from, to }) => what === "changed" || (field !== "id" && field !== "name" && !(isBlank(from) && isBlank(to))));
    // What is gone is shown as it was, and not as a change to nothing.
    const changes: FieldChange[] = what === "removed" ? kept.map(({ field, from }) => ({ field, to: from })) : kept;
    const links = row.kind === "batch" ? [h("a", { class: "link-button", href: timelineAddress(row.id) }, icon("clock-history"), t("Ver su historia")), this.restoreLink(row)] : [];
    return [changeList(changes, 12, { old: t("Decía"), fresh: t("Dice"), only: what === "removed" ? t("Decía") : t("Dice") }), h("div", { class: "compare-links" }, ...links)];
  }

  /** Of the board as it is now, what was before can be brought back. */
  private restoreLink({ id, what }: Row): HTMLElement | false {
    const { a, b } = this.found;
    if (!may("import") || b.kind !== NOW || a.kind === NOW || what === "added") return false;
    const source: Record<string, string> = a.kind === "archive" ? { source: a.id ?? "" } : { moment: a.moment };
    return h("a", { class: "link-button", href: `/restore?${new URLSearchParams({ ...source, ids: id })}` }, icon("arrow-counterclockwise"), t("Volver a lo de antes…"));
  }

  private file(form: "csv" | "xlsx"): HTMLButtonElement {
    const name = form.toUpperCase();
    const label = t("Descargar en {form} lo que se ve en la lista", { form: name });
    const get = () => void download(address(this.found.comparison, this.part, { format: form }), t("Descargando lo que difiere en {form}…", { form: name }));
    return h("button", { type: "button", class: "btn btn-quiet btn-sm", title: label, "aria-label": label, onclick: get }, icon("download"), name);
  }

  private fillChoices(): void {
    const option = (value: unknown, text: string) => h("option", { value: JSON.stringify(value) }, text);
    const { added, changed, removed, segmentadores: team, people } = this.found;
    const counted = (text: string, count: number) => `${text} (${number(count)})`;
    this.what.append(
      option({ what: "", kind: "" }, t("Todo")),
      option({ what: "added", kind: "batch" }, counted(t("Batches agregados"), added)),
      option({ what: "changed", kind: "batch" }, counted(t("Batches cambiados"), changed)),
      option({ what: "removed", kind: "batch" }, counted(t("Batches quitados"), removed)),
      option({ what: "", kind: "segmentador" }, counted(t("Del equipo"), team.added + team.changed + team.removed)),
    );
    this.person.append(option({ assignee: null }, t("Cualquiera")), option({ assignee: "" }, t("Sin asignar")), ...people.map(({ name }) => option({ assignee: name }, name)));
  }
}
