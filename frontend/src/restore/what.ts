// Step 2: what of it comes back, and how. With nothing chosen, everything.
import { people as readPeople } from "../lib/api";
import { h } from "../lib/dom";
import { fieldLabel } from "../lib/fields";
import { sentence } from "../lib/notice";
import { STATUSES, statusWord } from "../lib/parts";
import { fold, plural, t } from "../lib/text";
import { chips } from "./chips";
import { MoreFilters } from "./more";
import type { Question } from "./question";

type Chosen = Omit<Question, "source">;

const FIELDS = ["assignee", "status", "comments", "metadata.priority", "metadata.due_date", "metadata.review_status", "metadata.completed_masks", "folder"];
/** From so many people on, they can be searched. */
const MANY = 14;
/** The choice of those of nobody, beside people. */
const NOBODY = "";

export class What {
  private readonly people = new Set<string>();
  private readonly statuses = new Set<string>();
  private readonly fields = new Set<string>();
  private readonly ids = h("textarea", { id: "restore-ids", class: "form-control", rows: 2, placeholder: t("Todos"), spellcheck: false, "aria-describedby": "restore-ids-hint" });
  private readonly otherField = h("input", { id: "restore-field", class: "form-control", type: "text", placeholder: "metadata.…", autocomplete: "off", spellcheck: false });
  private readonly deleted = h("input", { type: "checkbox", class: "form-check-input", id: "restore-deleted" });
  private readonly equal = h("input", { type: "checkbox", class: "form-check-input", id: "restore-equal" });
  private readonly personChips = h("div", { class: "chips", role: "group", "aria-label": t("Personas") });
  private readonly search = h("input", { type: "search", class: "form-control chips-search", placeholder: t("Buscar…"), "aria-label": t("Buscar entre las personas"), hidden: true });
  private readonly statusChips = h("div", { class: "chips", role: "group", "aria-label": t("Estatus") });
  private readonly fieldChips = h("div", { class: "chips", role: "group", "aria-label": t("Campos") });
  private readonly more: MoreFilters;
  private readonly some = h("details", { class: "guide-more" });
  private readonly danger = h("details", { class: "guide-more guide-danger" });
  private readonly wrong = h("p", { class: "field-error", role: "alert", hidden: true });
  private readonly many: HTMLElement[];
  private names: string[] = [];
  private single = false;

  constructor(
    root: HTMLElement,
    private readonly changed: () => void,
  ) {
    for (const input of [this.ids, this.otherField]) input.addEventListener("input", () => this.chose());
    for (const box of [this.deleted, this.equal]) box.addEventListener("change", () => this.chose());
    this.search.addEventListener("input", () => this.drawPeople());
    this.more = new MoreFilters(() => this.chose());
    this.some.append(h("summary", {}, t("Solo algunos campos")), h("p", { class: "hint" }, t("Los batches que están se quedan con todo lo demás como está ahora. Nada nuevo aparece.")), this.fieldChips, h("div", { class: "field other-field" }, h("label", { class: "form-label", htmlFor: "restore-field" }, t("Otro campo")), this.otherField), this.wrong);
    this.danger.append(h("summary", {}, t("Dejar el tablero igual")), check(this.equal, t("Eliminar también lo que está en el tablero y no está ahí"), t("Se pide escribir cuántos se eliminan antes de hacerlo. También se puede deshacer.")));
    this.many = [
      h("div", { class: "what" }, group(t("Personas"), t("Los batches que eran suyos entonces. Sin elegir, los de todas."), this.search, this.personChips), group(t("Estatus"), t("El que tenían entonces. Sin elegir, cualquiera."), this.statusChips), this.idsGroup()),
      this.more.root,
      check(this.deleted, t("Solo lo que se eliminó desde entonces"), t("Lo que sigue en el tablero no cambia.")),
      this.danger,
    ];
    root.append(...this.many.slice(0, 3), this.some, this.danger);
    this.drawStatuses();
    this.drawFields();
    readPeople()
      .then((names) => ((this.names = names), this.drawPeople()))
      .catch((error) => this.personChips.replaceChildren(h("p", { class: "field-error" }, sentence(error))));
  }

  take(question: Question): void {
    for (const [set, values] of [[this.people, [...question.people, ...(question.unassigned ? [NOBODY] : [])]], [this.statuses, question.statuses], [this.fields, question.fields]] as const) {
      set.clear();
      for (const value of values) set.add(value);
    }
    this.ids.value = question.ids.join("\n");
    this.more.take(question);
    const other = question.fields.filter((field) => !FIELDS.includes(field));
    this.otherField.value = other.join(", ");
    for (const field of other) this.fields.delete(field);
    this.deleted.checked = question.deleted;
    this.equal.checked = question.equal;
    this.some.open = question.fields.length > 0;
    this.danger.open = question.equal;
    this.drawPeople();
    this.drawStatuses();
    this.drawFields();
    this.exclude();
  }

  chosen(): Chosen {
    const fields = [...this.fields, ...split(this.otherField.value)];
    return { people: [...this.people].filter((name) => name !== NOBODY), unassigned: this.people.has(NOBODY), statuses: [...this.statuses], ...this.more.chosen(), ids: split(this.ids.value), fields, deleted: this.deleted.checked, equal: this.equal.checked };
  }

  /** Of a single batch there is nothing to choose but its fields. */
  ofOne(single: boolean): void {
    this.single = single;
    for (const part of this.many) part.hidden = single;
  }

  said(): string {
    const { people, unassigned, statuses, ids, fields, deleted, equal } = this.chosen();
    const parts = [people.join(", "), unassigned && t("Sin asignar"), statuses.map(statusWord).join(", "), ids.length > 2 ? plural(ids.length, "{count} batch", "{count} batches") : ids.join(", "), ...this.more.said()].filter(Boolean);
    const what = parts.length ? t("Los batches de: {list}", { list: parts.join(" · ") }) : this.single ? t("Todo el batch") : t("Todo lo que había");
    const how = [deleted && t("solo lo eliminado"), fields.length > 0 && t("solo {fields}", { fields: fields.map(fieldLabel).join(", ") }), equal && t("y se elimina lo que no está ahí")].filter(Boolean);
    return [what, ...how].join(" · ");
  }

  /** Whether what is wrong lies here; if so, it is said here. */
  complain(error: unknown): boolean {
    const text = sentence(error);
    if (this.more.complain(text)) return true;
    if (!this.chosen().fields.some((field) => text.includes(`«${field}»`))) return false;
    this.wrong.textContent = text;
    this.wrong.hidden = false;
    this.some.open = true;
    return true;
  }

  private chose(): void {
    this.wrong.hidden = true;
    this.exclude();
    this.changed();
  }

  /** One rules out the other (vault/restore_plan.py, `Wanted.check`). */
  private exclude(): void {
    const { fields } = this.chosen();
    this.deleted.disabled = fields.length > 0 || this.equal.checked;
    this.equal.disabled = fields.length > 0 || this.deleted.checked;
    const noFields = this.deleted.checked || this.equal.checked;
    this.otherField.disabled = noFields;
    for (const chip of this.fieldChips.querySelectorAll("button")) chip.disabled = noFields;
  }

  private drawPeople(): void {
    const known = [...new Set([...this.people, ...this.names])].filter((name) => name !== NOBODY).sort((a, b) => a.localeCompare(b, "es"));
    this.search.hidden = known.length < MANY;
    const wanted = fold(this.search.value.trim());
    const shown = known.filter((name) => this.people.has(name) || fold(name).includes(wanted));
    const none = h("p", { class: "hint" }, t("No hay nadie en el equipo todavía."));
    const label = (name: string) => (name === NOBODY ? t("Sin asignar") : name);
    this.personChips.replaceChildren(...(known.length ? [] : [none]), ...chips([...shown, NOBODY], this.people, (name) => this.chosePerson(name), label));
  }

  /** Nobody's and somebody's contradict each other. */
  private chosePerson(name: string): void {
    for (const other of [...this.people]) if ((other === NOBODY) !== (name === NOBODY)) this.people.delete(other);
    for (const chip of this.personChips.querySelectorAll("button")) chip.setAttribute("aria-pressed", String(this.people.has(chip.title)));
    this.chose();
  }

  private drawStatuses(): void {
    const known = [...new Set([...STATUSES, ...this.statuses])];
    this.statusChips.replaceChildren(...chips(known, this.statuses, () => this.chose(), statusWord));
  }

  private drawFields(): void {
    this.fieldChips.replaceChildren(...chips(FIELDS, this.fields, () => this.chose(), fieldLabel));
  }

  private idsGroup(): HTMLElement {
    const label = h("label", { class: "form-label", htmlFor: "restore-ids" }, t("Batches"));
    return h("div", { class: "what-group" }, label, h("p", { class: "hint", id: "restore-ids-hint" }, t("Ids separados por espacios, comas o líneas.")), this.ids);
  }
}

const split = (text: string) => [...new Set(text.split(/[\s,;]+/).filter(Boolean))];

function group(title: string, hint: string, ...content: HTMLElement[]): HTMLElement {
  return h("div", { class: "what-group" }, h("h3", { class: "form-label" }, title), h("p", { class: "hint" }, hint), ...content);
}

function check(box: HTMLInputElement, label: string, hint: string): HTMLElement {
  return h("div", { class: "guide-check" }, box, h("label", { htmlFor: box.id }, label, h("span", { class: "hint" }, hint)));
}
