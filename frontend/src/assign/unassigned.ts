// The list of unassigned batches: found as one types, chosen with the mouse or the keyboard, dragged together.
import { type Batch, shown } from "../lib/api";
import { find, h, icon, may } from "../lib/dom";
import { historyLink, late, priorityMark, statusMark } from "../lib/parts";
import { day, fold, number, plural, t, today } from "../lib/text";

/** Rows made at once; the next ones are made when somebody scrolls near the end. */
const BLOCK = 120;
/** Pixels before the end at which they are made. */
const AHEAD = 800;

export class UnassignedList {
  private all = new Map<string, { batch: Batch; text: string }>();
  private filtered: string[] = [];
  private selected = new Set<string>();
  private anchor: string | null = null;
  private made = 0;
  private readonly rows: HTMLElement;
  private readonly end = h("li", { class: "rows-end", "aria-hidden": "true" });
  private readonly search: HTMLInputElement;

  constructor(
    private readonly root: HTMLElement,
    private readonly askAssign: () => void,
  ) {
    this.rows = find("#unassigned-rows", root);
    this.search = find<HTMLInputElement>("#unassigned-search", root);
    this.search.addEventListener("input", () => this.filter());
    find<HTMLSelectElement>("#unassigned-priority", root).addEventListener("change", () => this.filter());
    find<HTMLInputElement>("#unassigned-all", root).addEventListener("change", (event) => this.chooseAll((event.target as HTMLInputElement).checked));
    this.rows.addEventListener("click", (event) => this.clicked(event));
    this.rows.addEventListener("keydown", (event) => this.moved(event));
    this.rows.addEventListener("dragstart", (event) => this.dragged(event));
    // A row that a drop takes off the list gets no dragend any more.
    for (const kind of ["dragend", "drop"]) document.addEventListener(kind, () => document.body.classList.remove("dragging"));
    root.querySelector("#unassigned-assign")?.addEventListener("click", () => this.askAssign());
    root.querySelector("#unassigned-none")?.addEventListener("click", () => this.clear());
    this.rows.addEventListener("scroll", () => this.rows.scrollTop + this.rows.clientHeight + AHEAD > this.rows.scrollHeight && this.more(), { passive: true });
  }

  loading(): void {
    if (this.all.size > 0) return;
    this.rows.replaceChildren(...Array.from({ length: 8 }, () => h("li", { class: "skeleton", "aria-hidden": "true" })));
  }

  failed(text: string, again: () => void): void {
    const retry = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: again }, t("Reintentar"));
    this.rows.replaceChildren(h("li", { class: "empty" }, h("p", {}, text), retry));
  }

  show(batches: Batch[]): void {
    this.all = new Map(batches.map((batch) => [batch.id, entry(batch)]));
    for (const id of this.selected) if (!this.all.has(id)) this.selected.delete(id);
    this.filter();
  }

  /** Takes batches off the list, and returns them. */
  take(ids: string[]): Batch[] {
    const taken = ids.flatMap((id) => this.all.get(id)?.batch ?? []);
    for (const batch of taken) {
      this.all.delete(batch.id);
      this.selected.delete(batch.id);
      this.row(batch.id)?.remove();
    }
    if (taken.length === 0) return taken;
    this.filtered = this.filtered.filter((id) => this.all.has(id));
    this.made = this.rows.querySelectorAll("li[data-id]").length;
    if (this.made < BLOCK) this.more();
    this.count();
    return taken;
  }

  put(batches: Batch[]): void {
    if (batches.length === 0) return;
    for (const batch of batches) this.all.set(batch.id, entry(batch));
    this.all = new Map([...this.all].sort(([a], [b]) => (a < b ? -1 : 1)));
    this.filter(true);
  }

  chosen(): string[] {
    return [...this.all.keys()].filter((id) => this.selected.has(id));
  }

  clear(): void {
    this.selected.clear();
    this.paint();
  }

  private filter(stay = false): void {
    const words = fold(this.search.value).split(/\s+/).filter(Boolean);
    const priority = find<HTMLSelectElement>("#unassigned-priority", this.root).value;
    const fits = ({ batch, text }: { batch: Batch; text: string }) =>
      words.every((word) => text.includes(word)) && (!priority || shown(batch.metadata?.priority) === priority);
    this.filtered = [...this.all.values()].filter(fits).map(({ batch }) => batch.id);
    const place = stay ? this.rows.scrollTop : 0;
    const keep = stay ? Math.max(this.made, BLOCK) : BLOCK;
    this.made = 0;
    this.rows.replaceChildren(this.end);
    this.more(keep);
    this.rows.scrollTop = place;
    this.count();
  }

  private more(amount = BLOCK): void {
    const next = this.filtered.slice(this.made, this.made + amount);
    if (next.length === 0 && this.filtered.length > 0) return;
    const fresh = document.createDocumentFragment();
    for (const id of next) fresh.append(this.makeRow(id));
    if (!this.end.isConnected) this.rows.append(this.end);
    this.rows.insertBefore(fresh, this.end);
    this.made += next.length;
    if (this.filtered.length === 0) this.rows.replaceChildren(this.empty(), this.end);
  }

  private empty(): HTMLElement {
    const text = this.all.size
      ? t("Ningún batch sin asignar coincide con la búsqueda.")
      : t("Todo está asignado. Agrega batches con Carga rápida o desde Datos.");
    return h("li", { class: "empty" }, icon(this.all.size ? "search" : "check2-circle"), h("p", {}, text));
  }

  private makeRow(id: string): HTMLElement {
    const { batch } = this.all.get(id)!;
    const due = day(batch.metadata?.due_date);
    const isLate = late(batch, today());
    const comment = shown(batch.comments).trim();
    const box = h("input", { type: "checkbox", class: "form-check-input", "aria-label": t("Elegir {id}", { id }), checked: this.selected.has(id), tabIndex: 0 });
    return h(
      "li",
      { class: this.selected.has(id) ? "row-item chosen" : "row-item", "data-id": id, draggable: may("assign") },
      may("assign") && box,
      h("span", { class: "row-main" }, h("span", { class: "row-id" }, id), comment && h("span", { class: "row-note", title: comment }, comment)),
      batch.status !== "NS" && statusMark(batch.status),
      priorityMark(batch),
      due && h("span", { class: isLate ? "row-due late" : "row-due", title: isLate ? t("Vencido") : t("Fecha límite") }, due),
      historyLink(id),
    );
  }

  private row(id: string): HTMLElement | null {
    return this.rows.querySelector(`li[data-id="${CSS.escape(id)}"]`);
  }

  private clicked(event: MouseEvent): void {
    const id = (event.target as HTMLElement).closest<HTMLElement>("li[data-id]")?.dataset.id;
    if (!id || !may("assign") || (event.target as HTMLElement).closest("a")) return;
    if (event.shiftKey && this.anchor !== null) this.chooseRange(this.anchor, id);
    else if (this.selected.has(id)) this.selected.delete(id);
    else this.selected.add(id);
    if (event.shiftKey) window.getSelection()?.removeAllRanges();
    this.anchor = id;
    this.paint();
  }

  private chooseRange(from: string, to: string): void {
    const [a, b] = [this.filtered.indexOf(from), this.filtered.indexOf(to)].sort((x, y) => x - y) as [number, number];
    for (const id of this.filtered.slice(Math.max(a, 0), b + 1)) this.selected.add(id);
  }

  private chooseAll(yes: boolean): void {
    for (const id of this.filtered) if (yes) this.selected.add(id);
    if (!yes) this.selected.clear();
    this.paint();
  }

  private moved(event: KeyboardEvent): void {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const row = (event.target as HTMLElement).closest("li");
    const next = event.key === "ArrowDown" ? row?.nextElementSibling : row?.previousElementSibling;
    const box = next?.querySelector<HTMLInputElement>("input");
    if (!box) return;
    event.preventDefault();
    box.focus();
    if (event.shiftKey && !box.checked) box.click();
  }

  private dragged(event: DragEvent): void {
    const id = (event.target as HTMLElement).closest<HTMLElement>("li[data-id]")?.dataset.id;
    if (!id || !event.dataTransfer) return;
    if (!this.selected.has(id)) {
      this.selected = new Set([id]);
      this.paint();
    }
    const ids = this.chosen();
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", ids.join("\n"));
    const ghost = h("div", { class: "ghost" }, icon("stack"), ids.length === 1 ? id : plural(ids.length, "{count} batch", "{count} batches"));
    document.body.append(ghost);
    event.dataTransfer.setDragImage(ghost, 16, 16);
    window.setTimeout(() => ghost.remove());
    document.body.classList.add("dragging");
  }

  private paint(): void {
    for (const row of this.rows.querySelectorAll<HTMLElement>("li[data-id]")) {
      const chosen = this.selected.has(row.dataset.id ?? "");
      row.classList.toggle("chosen", chosen);
      const box = row.querySelector("input");
      if (box) box.checked = chosen;
    }
    this.count();
  }

  private count(): void {
    find("#unassigned-count", this.root).textContent = number(this.all.size);
    const shownText = this.filtered.length === this.all.size ? "" : plural(this.filtered.length, "{count} coincide", "{count} coinciden");
    find("#unassigned-found", this.root).textContent = shownText;
    const amount = this.selected.size;
    const tray = this.root.querySelector<HTMLElement>("#unassigned-tray");
    if (tray) {
      tray.hidden = amount === 0;
      find("#unassigned-chosen", tray).textContent = plural(amount, "{count} elegido", "{count} elegidos");
    }
    const all = find<HTMLInputElement>("#unassigned-all", this.root);
    const visible = this.filtered.filter((id) => this.selected.has(id)).length;
    all.checked = visible > 0 && visible === this.filtered.length;
    all.indeterminate = visible > 0 && visible < this.filtered.length;
  }
}

function entry(batch: Batch): { batch: Batch; text: string } {
  const words = [batch.id, batch.comments, batch.folder, batch.specification, batch.metadata?.priority, batch.status];
  return { batch, text: fold(words.map(shown).join(" ")) };
}
