// The list of operations: filtered, grouped by day, newest first. What happens meanwhile is offered, not pushed in.
import { get } from "../lib/api";
import { debounce, find, h, icon } from "../lib/dom";
import type { Change } from "../lib/live";
import { dayAfter, dayOf, dayTitle, fromField } from "../lib/moments";
import { problem, sentence } from "../lib/notice";
import { ACTIONS } from "../lib/story";
import { plural, t } from "../lib/text";
import { type Operation, operationAddress, operationItem } from "./operation";

interface Page {
  operations: Operation[];
  next: string | null;
}

const PAGE = "50";
const FILTERS = ["text", "actor", "action", "from", "to"];

export class Operations {
  private readonly form = find<HTMLFormElement>("#filters");
  private readonly root = find("#operations");
  private readonly more = find<HTMLButtonElement>("#more");
  private readonly state = new URLSearchParams();
  private shown: Operation[] = [];
  private next: string | null = null;
  private asked = 0;
  private fresh = new Set<string>();
  private readonly known = new Set<string>();

  constructor(private readonly boardBefore: (op: string) => void) {
    const given = new URLSearchParams(location.search);
    for (const name of [...FILTERS, "op"]) if (given.get(name)) this.state.set(name, given.get(name)!);
    this.fillForm();
    const typed = debounce(250, () => this.fromForm());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", (event) => this.typed(event.target as HTMLInputElement, typed));
    this.form.addEventListener("change", (event) => (event.target as HTMLElement).matches("#f-actor") && this.fromForm());
    find("#reset").addEventListener("click", () => this.reset());
    this.more.addEventListener("click", () => void this.loadMore());
  }

  actors(): string[] {
    return [...this.known].sort((a, b) => a.localeCompare(b, "es"));
  }

  knowActors(names: Iterable<string>): void {
    for (const name of names) if (name.trim()) this.known.add(name);
    find("#actors").replaceChildren(...this.actors().map((name) => h("option", { value: name })));
  }

  /** The address says what is shown, so that it can be sent to somebody. */
  remember(): void {
    history.replaceState(null, "", this.state.size ? `?${this.state}` : location.pathname);
  }

  async load(remember = true): Promise<void> {
    const question = ++this.asked;
    if (remember) this.remember();
    find("#reset").hidden = this.state.size === 0;
    try {
      const page = await this.read(null);
      if (question !== this.asked) return; // a later one is under way
      this.fresh.clear();
      this.draw(page, false);
    } catch (error) {
      if (question === this.asked) this.failed(sentence(error));
    }
  }

  /** Somebody changed something. One's own shows at once; others' would push away what one reads. */
  happened(change: Change): void {
    if (!change.op || this.shown.some(({ op }) => op === change.op)) return;
    this.fresh.add(change.op);
    const banner = find("#fresh");
    const show = h("button", { type: "button", class: "link-button" }, t("Mostrar"));
    show.addEventListener("click", () => void this.load());
    banner.replaceChildren(plural(this.fresh.size, "{count} cambio nuevo.", "{count} cambios nuevos."), " ", show);
    banner.hidden = false;
  }

  private async read(before: string | null): Promise<Page> {
    const op = this.state.get("op");
    if (op) return { operations: [(await get<{ operation: Operation }>(operationAddress(op))).operation], next: null };
    const wanted = new URLSearchParams({ limit: PAGE });
    for (const name of ["text", "actor", "action"]) if (this.state.get(name)) wanted.set(name, this.state.get(name)!);
    const [from, to] = [fromField(this.state.get("from") ?? ""), dayAfter(this.state.get("to") ?? "")];
    if (from) wanted.set("from", from);
    if (to) wanted.set("to", to);
    if (before) wanted.set("before", before);
    return get<Page>(`/api/operations?${wanted}`);
  }

  private async loadMore(): Promise<void> {
    const question = this.asked;
    this.more.disabled = true;
    try {
      const page = await this.read(this.next);
      this.more.disabled = false;
      if (question === this.asked) this.draw(page, true);
    } catch (error) {
      this.more.disabled = false;
      problem(error);
    }
  }

  private draw(page: Page, below: boolean): void {
    if (!below) {
      this.shown = [];
      this.root.replaceChildren();
      find("#fresh").hidden = true;
    }
    this.next = page.next;
    this.shown.push(...page.operations);
    this.knowActors(page.operations.filter(({ via }) => via !== "external").map(({ actor }) => actor));
    const alone = this.state.has("op");
    if (page.operations.length > 0) this.root.querySelector(".empty")?.remove();
    for (const operation of page.operations) this.dayList(dayOf(operation.at)).append(this.item(operation, alone));
    if (this.shown.length === 0) this.root.replaceChildren(this.next === null ? this.empty() : this.searching());
    find("#pager").hidden = this.next === null;
    // A page of a filter that fits hardly anything may be empty, with more to look through behind it.
    if (page.operations.length === 0 && this.next !== null) void this.loadMore();
  }

  private item(operation: Operation, opened: boolean): HTMLElement {
    const known = (op: string) => this.shown.find((one) => one.op === op);
    return operationItem(operation, { known, changed: () => void this.load(), boardBefore: this.boardBefore }, opened);
  }

  private dayList(date: string): HTMLElement {
    const known = this.root.querySelector<HTMLElement>(`ol[data-day="${date}"]`);
    if (known) return known;
    const list = h("ol", { class: "operations", "data-day": date, "aria-label": dayTitle(date) });
    this.root.append(h("section", { class: "day" }, h("h2", { class: "day-title" }, dayTitle(date)), list));
    return list;
  }

  private searching(): HTMLElement {
    return h("div", { class: "empty", role: "status" }, h("span", { class: "working", "aria-hidden": "true" }), h("p", {}, t("Buscando más atrás…")));
  }

  private empty(): HTMLElement {
    const filtered = this.state.size > 0;
    const text = filtered ? t("Ningún cambio coincide con estos filtros.") : t("Aún no hay cambios. Cada uno aparecerá aquí, con un botón para deshacerlo.");
    return h("div", { class: "empty" }, icon(filtered ? "funnel" : "clock-history"), h("p", {}, text));
  }

  private failed(text: string): void {
    const again = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => void this.load() }, t("Reintentar"));
    this.root.replaceChildren(h("div", { class: "empty" }, icon("exclamation-triangle"), h("p", {}, text), again));
    find("#pager").hidden = true;
  }

  private fillForm(): void {
    const actions = find<HTMLSelectElement>("select[name=action]", this.form);
    actions.append(...Object.entries(ACTIONS).map(([action, word]) => h("option", { value: action }, t(word))));
    for (const field of this.fields()) field.value = this.state.get(field.name) ?? "";
  }

  /** A name counts once it is whole: half of one is nobody's. */
  private typed(field: HTMLInputElement, soon: () => void): void {
    if (field.type === "search") soon();
    else if (field.id !== "f-actor" || field.value === "" || this.known.has(field.value)) this.fromForm();
  }

  private fromForm(): void {
    this.state.delete("op");
    for (const field of this.fields()) {
      if (field.value.trim()) this.state.set(field.name, field.value.trim());
      else this.state.delete(field.name);
    }
    void this.load();
  }

  private reset(): void {
    this.form.reset();
    this.fromForm();
  }

  private fields(): NodeListOf<HTMLInputElement | HTMLSelectElement> {
    return this.form.querySelectorAll("[name]");
  }
}
