// The filters that are seldom wanted of what comes back: priority, review, days, a text. As batches were then.
import { h } from "../lib/dom";
import { PRIORITIES, REVIEWS } from "../lib/parts";
import { day, t } from "../lib/text";
import { chips } from "./chips";
import { type Single, SINGLE } from "./question";

export interface More {
  priorities: string[];
  reviews: string[];
  single: Partial<Record<Single, string>>;
}

const LABELS: Record<Single, string> = {
  text: "Texto en el batch",
  due_after: "Vence desde el",
  due_before: "Vence antes del",
  assigned_after: "Asignado desde el",
  assigned_before: "Asignado antes del",
};

export class MoreFilters {
  readonly root = h("details", { class: "guide-more" });
  private readonly priorities = new Set<string>();
  private readonly reviews = new Set<string>();
  private readonly priorityChips = h("div", { class: "chips", role: "group", "aria-label": t("Prioridad") });
  private readonly reviewChips = h("div", { class: "chips", role: "group", "aria-label": t("Revisión") });
  private readonly fields = new Map<Single, HTMLInputElement>();
  private readonly wrong = h("p", { class: "field-error", role: "alert", hidden: true });

  constructor(private readonly changed: () => void) {
    const field = (name: Single) => {
      const input = h("input", { id: `restore-${name}`, class: "form-control", type: name === "text" ? "search" : "date", autocomplete: "off" });
      input.addEventListener("input", () => this.chose());
      this.fields.set(name, input);
      return h("div", { class: "field" }, h("label", { class: "form-label", htmlFor: input.id }, t(LABELS[name])), input);
    };
    const group = (title: string, content: HTMLElement) => h("div", { class: "what-group" }, h("h3", { class: "form-label" }, title), content);
    this.root.append(h("summary", {}, t("Más filtros")), h("p", { class: "hint" }, t("Como estaba el batch entonces. Tienen que cumplirse todos.")), h("div", { class: "more-chips" }, group(t("Prioridad"), this.priorityChips), group(t("Revisión"), this.reviewChips)), h("div", { class: "more-fields" }, ...SINGLE.map(field)), this.wrong);
    this.draw();
  }

  take({ priorities, reviews, single }: More): void {
    for (const [set, values] of [[this.priorities, priorities], [this.reviews, reviews]] as const) {
      set.clear();
      for (const value of values) set.add(value);
    }
    for (const [name, input] of this.fields) input.value = single[name] ?? "";
    this.root.open = this.said().length > 0;
    this.draw();
  }

  chosen(): More {
    const filled = [...this.fields].map(([name, input]) => [name, input.value.trim()] as const).filter(([, value]) => value);
    return { priorities: [...this.priorities], reviews: [...this.reviews], single: Object.fromEntries(filled) };
  }

  /** Each on its own, for the line that tells what was chosen. */
  said(): string[] {
    const { priorities, reviews, single } = this.chosen();
    const filled = SINGLE.filter((name) => single[name]).map((name) => (name === "text" ? `«${single[name]}»` : `${t(LABELS[name])} ${day(single[name])}`));
    return [priorities.map((value) => t("prioridad {which}", { which: t(value) })).join(", "), reviews.map((value) => t(value)).join(", "), ...filled].filter(Boolean);
  }

  /** Whether what is wrong lies here; if so, it is said here. */
  complain(text: string): boolean {
    const here = [...this.fields.keys(), "priority", "review"].some((name) => text.includes(`«${name}»`));
    if (!here) return false;
    // The server names its own words.
    this.wrong.textContent = SINGLE.reduce((said, name) => said.replaceAll(`«${name}»`, `«${t(LABELS[name])}»`), text);
    this.wrong.hidden = false;
    this.root.open = true;
    return true;
  }

  private chose(): void {
    this.wrong.hidden = true;
    this.changed();
  }

  private draw(): void {
    const known = (values: string[], set: Set<string>) => [...new Set([...values, ...set])];
    this.priorityChips.replaceChildren(...chips(known(PRIORITIES, this.priorities), this.priorities, () => this.chose(), t));
    this.reviewChips.replaceChildren(...chips(known(REVIEWS, this.reviews), this.reviews, () => this.chose(), t));
  }
}
