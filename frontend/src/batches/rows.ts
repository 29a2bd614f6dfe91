// The table's rows. A cell is its own editor; what it holds is saved when it changes.
import { ApiError, type Batch, type Listing, assigneeOf, batchAddress, json, reviewOf, send, shown } from "../lib/api";
import { h, icon, may } from "../lib/dom";
import { notice, problem } from "../lib/notice";
import { PRIORITIES, REVIEWS, STATUSES, late, statusMark, statusWord } from "../lib/parts";
import { day, t, today } from "../lib/text";

type Fields = Record<string, unknown>;
type Save = (fields: Fields, control: HTMLElement) => void;

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
  }

  show({ batches, revs }: Listing, filtered: boolean): void {
    this.batches = new Map(batches.map((batch) => [batch.id, batch]));
    this.revisions = new Map(Object.entries(revs ?? {}).map(([id, rev]) => [id, `"${rev}"`]));
    for (const id of this.selected) if (!this.batches.has(id)) this.selected.delete(id);
    this.body.replaceChildren(...batches.map((batch) => this.make(batch)));
    if (batches.length === 0) this.body.append(empty(filtered));
    this.counted();
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
    for (const row of this.body.querySelectorAll<HTMLTableRowElement>("tr[data-id]")) {
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
      const row = this.body.querySelector<HTMLTableRowElement>(`tr[data-id="${CSS.escape(id)}"]`);
      const batch = found.get(id);
      if (!row || row.contains(document.activeElement)) continue;
      if (!batch) row.classList.add("gone");
      else this.replace(row, batch, revs?.[id]);
    }
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
    const save: Save = (fields, control) => void this.save(batch.id, fields, control);
    const chosen = this.selected.has(batch.id);
    const box = h("input", { type: "checkbox", class: "form-check-input chooser", checked: chosen, "aria-label": t("Elegir {id}", { id: batch.id }) });
    const row = h(
      "tr",
      { "data-id": batch.id, class: chosen ? "chosen" : "" },
      h("td", { class: "cell-choose" }, choosable() && box),
      h("th", { scope: "row", class: "cell-id" }, batch.id),
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

  private async save(id: string, fields: Fields, control: HTMLElement): Promise<void> {
    control.classList.add("saving");
    try {
      const etag = await this.revision(id);
      const answer = await json<{ rev?: number }>("PATCH", batchAddress(id), fields, etag ? { "If-Match": etag } : {});
      this.keep(id, fields);
      this.revisions.delete(id);
      if (typeof answer.rev === "number") this.revisions.set(id, `"${answer.rev}"`);
      control.classList.add("saved");
      window.setTimeout(() => control.classList.remove("saved"), 1200);
      notice(t("{id} · Guardado", { id }));
    } catch (error) {
      problem(error);
      if (error instanceof ApiError) await this.reload(id).catch(() => undefined);
    } finally {
      control.classList.remove("saving");
    }
  }

  private keep(id: string, fields: Fields): void {
    const batch = this.batches.get(id);
    if (!batch) return;
    const metadata = { ...batch.metadata, ...(fields.metadata as Fields | undefined) };
    Object.assign(batch, fields, { metadata });
  }

  private async reload(id: string): Promise<void> {
    const row = this.body.querySelector<HTMLTableRowElement>(`tr[data-id="${CSS.escape(id)}"]`);
    const { batch, rev } = (await (await send("GET", batchAddress(id))).json()) as { batch: Batch; rev: number };
    if (row) this.replace(row, batch, rev).classList.add("reloaded");
  }
}

const choosable = () => may("assign") || may("batches");

function cell(label: string, content: Node | string, extra = ""): HTMLElement {
  return h("td", { "data-label": label, class: extra }, content);
}

/** One of some values; one that the data holds and we do not know stays choosable. */
function choice(label: string, value: string, values: string[], words: (value: string) => string, save: (value: string, control: HTMLElement) => void): HTMLElement {
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
    save({ status }, control);
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
    save({ metadata: { priority } }, control);
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
    if (changed) save({ metadata: { due_date: value } }, read);
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
    if (area.value === before) return;
    before = area.value;
    area.title = before;
    save({ comments: before }, area);
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
