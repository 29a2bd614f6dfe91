// The table's rows. A cell is its own editor; what it holds is saved when it changes.
import { type Batch, type Listing, assigneeOf, batchAddress, json, reviewOf, send, shown } from "../lib/api";
import { askWhose, conflictOf } from "../lib/conflict";
import { h, icon, may } from "../lib/dom";
import { notice, problem, sentence } from "../lib/notice";
import { PRIORITIES, REVIEWS, STATUSES, late, statusMark, statusWord, timelineAddress } from "../lib/parts";
import { day, t, today } from "../lib/text";
import { saved } from "../lib/undo";

type Fields = Record<string, unknown>;
/** Resolves to whether it is saved; if not, what was typed stays in the control. */
type Save = (fields: Fields, control: HTMLElement) => Promise<boolean>;

const COLUMNS = 8;

/** What the role lets be changed of this batch; the server has the last word (auth.py). */
function mayChange(field: "status" | "review" | "priority" | "due" | "comments", batch: Batch): boolean {
  if (may("batches")) return true;
  const mine = (document.body.dataset.mine ?? "").split("\n").includes(assigneeOf(batch));
  if (may("edit") && mine) return field === "status" || field === "comments";
  return may("review") && (field === "review" || field === "comments");
}

export class Rows {
  private batches = new Map<string, Batch>();
  private revisions = new Map<string, string>();
  private selected = new Set<string>();
  private turns = new Map<string, Promise<boolean>>();

  constructor(
    private readonly body: HTMLTableSectionElement,
    private readonly counted: () => void,
  ) {
    body.addEventListener("change", (event) => {
      const box = event.target as HTMLInputElement;
      if (!box.matches("input.chooser")) return;
      this.mark(box.closest("tr"), box.checked);
      this.counted();
    });
    body.addEventListener("focusout", (event) => {
      const row = (event.target as HTMLElement).closest<HTMLTableRowElement>("tr[data-stale]");
      window.setTimeout(() => row?.isConnected && !busy(row) && this.refresh(row.dataset.id ?? ""));
    });
  }

  show({ batches, revs }: Listing, filtered: boolean): void {
    const before = { batches: this.batches, revisions: this.revisions };
    const kept = new Map(this.made().filter(busy).map((row) => [row.dataset.id ?? "", row]));
    this.batches = new Map(batches.map((batch) => [batch.id, batch]));
    this.revisions = new Map(Object.entries(revs ?? {}).map(([id, rev]) => [id, `"${rev}"`]));
    for (const id of kept.keys()) this.keepRow(id, before);
    for (const id of this.selected) if (!this.batches.has(id)) this.selected.delete(id);
    const rows = batches.map((batch) => kept.get(batch.id) ?? this.make(batch));
    const left = [...kept.values()].filter((row) => !rows.includes(row) && row.querySelector(".unsaved"));
    this.body.replaceChildren(...left, ...rows);
    if (batches.length === 0) this.body.append(empty(filtered));
    this.counted();
  }

  /** What somebody is writing was read at the revision that the row shows, and is saved against that one. */
  private keepRow(id: string, before: { batches: Map<string, Batch>; revisions: Map<string, string> }): void {
    const [batch, revision] = [before.batches.get(id), before.revisions.get(id)];
    if (batch && this.batches.has(id)) this.batches.set(id, batch);
    if (revision) this.revisions.set(id, revision);
  }

  failed(text: string, again: () => void): void {
    const retry = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: again }, t("Reintentar"));
    this.body.replaceChildren(h("tr", {}, h("td", { colSpan: COLUMNS }, h("div", { class: "empty" }, h("p", {}, text), retry))));
  }

  has(id: string): boolean {
    return this.batches.has(id);
  }

  chosen(): string[] {
    return [...this.batches.keys()].filter((id) => this.selected.has(id));
  }

  chooseAll(yes: boolean): void {
    for (const row of this.made()) {
      const box = row.querySelector<HTMLInputElement>("input.chooser");
      if (box) box.checked = yes;
      this.mark(row, yes);
    }
    const all = document.querySelector<HTMLInputElement>("#choose-all");
    if (all) all.checked = yes;
    this.counted();
  }

  /** What `ids` are now: those not found are gone. A row in which somebody is writing waits. */
  update(ids: string[], { batches, revs }: Listing): void {
    const found = new Map(batches.map((batch) => [batch.id, batch]));
    for (const id of ids) {
      const row = this.row(id);
      const batch = found.get(id);
      if (!row) continue;
      if (batch && this.revisions.get(id) === `"${revs?.[id]}"`) continue; // one's own change, come round
      if (busy(row)) row.dataset.stale = String(revs?.[id] ?? Infinity);
      else if (!batch) row.classList.add("gone");
      else this.replace(row, batch, revs?.[id]);
    }
  }

  private made(): HTMLTableRowElement[] {
    return [...this.body.querySelectorAll<HTMLTableRowElement>("tr[data-id]")];
  }

  private row(id: string): HTMLTableRowElement | null {
    return this.body.querySelector(`tr[data-id="${CSS.escape(id)}"]`);
  }

  private replace(row: HTMLTableRowElement, batch: Batch, rev?: number): HTMLTableRowElement {
    this.batches.set(batch.id, batch);
    this.revisions.delete(batch.id);
    if (rev !== undefined) this.revisions.set(batch.id, `"${rev}"`);
    const fresh = this.make(batch);
    row.replaceWith(fresh);
    return fresh;
  }

  private mark(row: HTMLTableRowElement | null, yes: boolean): void {
    const id = row?.dataset.id;
    if (!row || id === undefined) return;
    row.classList.toggle("chosen", yes);
    if (yes) this.selected.add(id);
    else this.selected.delete(id);
  }

  private make(batch: Batch): HTMLTableRowElement {
    const save: Save = (fields, control) => this.save(batch.id, fields, control);
    const chosen = this.selected.has(batch.id);
    const box = h("input", { type: "checkbox", class: "form-check-input chooser", checked: chosen, "aria-label": t("Elegir {id}", { id: batch.id }) });
    const row = h(
      "tr",
      { "data-id": batch.id, class: chosen ? "chosen" : "" },
      h("td", { class: "cell-choose" }, choosable() && box),
      h("th", { scope: "row", class: "cell-id" }, h("a", { href: timelineAddress(batch.id), title: t("Historia de {id}", { id: batch.id }) }, batch.id, icon("clock-history"))),
      cell(t("Responsable"), assigneeOf(batch) || h("span", { class: "muted" }, t("Sin asignar"))),
      cell(t("Estatus"), statusCell(batch, save)),
      cell(t("Revisión"), reviewCell(batch, save)),
      cell(t("Prioridad"), priorityCell(batch, save)),
      cell(t("Fecha límite"), dueCell(batch, save)),
      cell(t("Comentarios"), commentCell(batch, save), "cell-comment"),
    );
    return row;
  }

  /** The revision that is edited: as it was listed, so that a change since then is not written over. */
  private async revision(id: string): Promise<string> {
    const known = this.revisions.get(id);
    if (known) return known;
    const etag = (await send("GET", batchAddress(id))).headers.get("ETag") ?? "";
    this.revisions.set(id, etag);
    return etag;
  }

  /** One after the other in a row: the next is saved against the revision that the one before it made. */
  private save(id: string, fields: Fields, control: HTMLElement): Promise<boolean> {
    const turn = (this.turns.get(id) ?? Promise.resolve(true)).then(() => this.attempt(id, fields, control));
    this.turns.set(id, turn);
    return turn;
  }

  private async attempt(id: string, fields: Fields, control: HTMLElement): Promise<boolean> {
    control.classList.remove("unsaved");
    control.classList.add("saving");
    try {
      if (await this.put(id, fields, control, await this.revision(id))) return true;
      this.unsaved(t("{id}: tu cambio sigue sin guardar.", { id }), id, fields, control);
    } catch (error) {
      this.unsaved(sentence(error), id, fields, control);
    } finally {
      control.classList.remove("saving");
    }
    return false;
  }

  /** Where somebody changed the same field meanwhile, one decides whose stays; false: nothing was decided. */
  private async put(id: string, fields: Fields, control: HTMLElement, etag: string): Promise<boolean> {
    try {
      this.accepted(id, fields, control, etag, await json("PATCH", batchAddress(id), fields, etag ? { "If-Match": etag } : {}));
    } catch (error) {
      const conflict = conflictOf(error);
      if (!conflict) throw error;
      const whose = await askWhose(id, conflict);
      if (whose === "mine") return this.put(id, fields, control, `"${conflict.rev}"`);
      if (whose === null) return false;
      await this.reload(id);
    }
    return true;
  }

  private accepted(id: string, fields: Fields, control: HTMLElement, etag: string, receipt: Record<string, unknown>): void {
    this.keep(id, fields);
    this.revisions.delete(id);
    if (typeof receipt.rev === "number") this.revisions.set(id, `"${receipt.rev}"`);
    control.classList.add("saved");
    window.setTimeout(() => control.classList.remove("saved"), 1200);
    saved(id, receipt, { ended: () => this.refresh(id) });
    // Others changed other fields since: theirs are in it too.
    const rev = Number(receipt.rev ?? 0);
    const merged = rev > Number(etag.replace(/\D/g, "")) + 1;
    const row = this.row(id);
    if (merged || Number(row?.dataset.stale ?? 0) > rev) this.refresh(id);
    else if (row) delete row.dataset.stale;
  }

  /** As it is on the board; a row in which somebody is writing waits until they have left it. */
  private refresh(id: string): void {
    const row = this.row(id);
    if (!row) return;
    if (row.contains(document.activeElement) || row.querySelector(".unsaved")) row.dataset.stale = String(Infinity);
    else void this.reload(id).catch(problem);
  }

  private unsaved(text: string, id: string, fields: Fields, control: HTMLElement): void {
    control.classList.add("unsaved");
    notice(text, "problem", { label: t("Reintentar"), run: () => void this.save(id, fields, control) });
  }

  private keep(id: string, fields: Fields): void {
    const batch = this.batches.get(id);
    if (!batch) return;
    const metadata = { ...batch.metadata, ...(fields.metadata as Fields | undefined) };
    Object.assign(batch, fields, { metadata });
  }

  private async reload(id: string): Promise<void> {
    const { batch, rev } = (await (await send("GET", batchAddress(id))).json()) as { batch: Batch; rev: number };
    const row = this.row(id);
    if (row) this.replace(row, batch, rev).classList.add("reloaded");
  }
}

/** Somebody writes in it, or what they wrote is not saved yet. */
const busy = (row: HTMLElement) => row.contains(document.activeElement) || row.querySelector(".unsaved, .saving") !== null;

const choosable = () => may("assign") || may("batches");

function cell(label: string, content: Node | string, extra = ""): HTMLElement {
  return h("td", { "data-label": label, class: extra }, content);
}

/** One of some values; one that the data holds and we do not know stays choosable. */
function choice(label: string, value: string, values: string[], words: (value: string) => string, save: (value: string, control: HTMLElement) => unknown): HTMLElement {
  const all = values.includes(value) ? values : [value, ...values];
  const options = all.map((one) => h("option", { value: one, selected: one === value, disabled: one === "" }, one ? words(one) : "—"));
  const select = h("select", { class: "cell-edit", "aria-label": label }, ...options);
  select.value = value;
  select.addEventListener("change", () => save(select.value, select));
  return select;
}

function statusCell(batch: Batch, save: Save): HTMLElement {
  const value = shown(batch.status);
  if (!mayChange("status", batch)) return statusMark(value);
  const select = choice(t("Estatus de {id}", { id: batch.id }), value, STATUSES, (one) => one, (status, control) => {
    control.dataset.status = status;
    control.title = statusWord(status);
    void save({ status }, control);
  });
  select.dataset.status = value;
  select.title = statusWord(value);
  return select;
}

function reviewCell(batch: Batch, save: Save): HTMLElement | string {
  const value = reviewOf(batch);
  if (!mayChange("review", batch)) return value ? t(value) : "—";
  return choice(t("Revisión de {id}", { id: batch.id }), value, REVIEWS, t, (review_status, control) => save({ metadata: { review_status } }, control));
}

function priorityCell(batch: Batch, save: Save): HTMLElement | string {
  const value = shown(batch.metadata?.priority);
  if (!mayChange("priority", batch)) return value ? t(value) : "—";
  const select = choice(t("Prioridad de {id}", { id: batch.id }), value, PRIORITIES, t, (priority, control) => {
    control.dataset.priority = priority;
    void save({ metadata: { priority } }, control);
  });
  select.dataset.priority = value;
  return select;
}

/** The day as people read it; a press makes it the browser's own date field. */
function dueCell(batch: Batch, save: Save): HTMLElement | string {
  let value = shown(batch.metadata?.due_date).slice(0, 10);
  if (!mayChange("due", batch)) return value ? h("span", { class: late(batch, today()) ? "late" : "" }, day(value)) : "—";
  const label = t("Fecha límite de {id}", { id: batch.id });
  const read = h("button", { type: "button", class: "cell-edit", "aria-label": label });
  const write = h("input", { type: "date", class: "cell-edit", "aria-label": label });
  const show = () => {
    const isLate = late({ ...batch, metadata: { due_date: value } }, today());
    read.className = `cell-edit ${value ? (isLate ? "late" : "") : "blank"}`;
    read.textContent = value ? day(value) : "—";
    read.setAttribute("aria-label", `${label}: ${read.textContent}`);
  };
  const keep = () => {
    if (!write.isConnected) return;
    const changed = write.value !== value && !write.validity.badInput;
    if (changed) value = write.value;
    show();
    write.replaceWith(read);
    if (changed) void save({ metadata: { due_date: value } }, read);
  };
  read.addEventListener("click", () => {
    write.value = value;
    read.replaceWith(write);
    write.focus();
  });
  write.addEventListener("blur", keep);
  write.addEventListener("keydown", (event) => {
    if (event.key === "Escape") write.value = value;
    if (event.key !== "Escape" && event.key !== "Enter") return;
    keep();
    read.focus();
  });
  show();
  return read;
}

function commentCell(batch: Batch, save: Save): HTMLElement | string {
  const value = shown(batch.comments);
  if (!mayChange("comments", batch)) return value;
  const area = h("textarea", { class: "cell-edit", rows: 1, value, placeholder: t("Escribe un comentario"), "aria-label": t("Comentarios de {id}", { id: batch.id }), title: value });
  let before = value;
  const keep = () => {
    const typed = area.value;
    if (typed === before) return area.classList.remove("unsaved");
    area.title = typed;
    void save({ comments: typed }, area).then((kept) => kept && (before = typed));
  };
  area.addEventListener("blur", keep);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") area.value = before;
    if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
      event.preventDefault();
      area.blur();
    }
  });
  return area;
}

function empty(filtered: boolean): HTMLElement {
  const text = filtered ? t("Ningún batch coincide con estos filtros.") : t("Aún no hay batches. Créalos con Carga rápida en Asignar, o carga un respaldo en Datos.");
  return h("tr", {}, h("td", { colSpan: COLUMNS }, h("div", { class: "empty" }, icon(filtered ? "funnel" : "inbox"), h("p", {}, text))));
}
