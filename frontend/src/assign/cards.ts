// A card per segmentador: counters that change by themselves, and a place to drop batches on.
import { type Counts, type Person, type Progress } from "../lib/api";
import { h, icon, may } from "../lib/dom";
import { bar, done, fillBar, initials } from "../lib/parts";
import { number, percent, plural, t } from "../lib/text";

interface Answers {
  dropped(name: string): void;
  opened(name: string): void;
  chosen(): string[];
}

interface Card {
  root: HTMLElement;
  total: HTMLElement;
  bar: HTMLElement;
  percent: HTMLElement;
  counts: HTMLElement;
  late: HTMLElement;
  preview: HTMLElement;
}

const NOTHING: Counts = { total: 0, NS: 0, In: 0, S: 0, other: 0, overdue: 0 };

export class PersonCards {
  private cards = new Map<string, Card>();
  private counts = new Map<string, Counts>();
  private names: string[] = [];
  /** Until the counts are there no card is shown: one that says 0 would be wrong. */
  private counted = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly answers: Answers,
  ) {}

  know(names: string[]): void {
    this.names = names;
    this.draw();
  }

  show(progress: Progress): void {
    this.counted = true;
    this.counts = new Map(progress.people.map((person: Person) => [person.name, person]));
    this.draw();
  }

  /** What a drop will come to, shown before the server has answered; its counters follow at once. */
  move(amount: number, from: string | null, to: string | null): void {
    for (const [name, sign] of [[from, -1], [to, 1]] as const) {
      const counts = name === null ? undefined : (this.counts.get(name) ?? { ...NOTHING });
      if (name === null || !counts) continue;
      this.counts.set(name, { ...counts, total: counts.total + sign * amount, NS: Math.max(0, counts.NS + sign * amount) });
    }
    this.draw();
  }

  private draw(): void {
    if (!this.counted) return;
    const all = new Set([...this.names, ...this.counts.keys()]);
    const sorted = [...all].sort((a, b) => a.localeCompare(b, "es"));
    for (const [name, card] of this.cards) {
      if (all.has(name)) continue;
      card.root.remove();
      this.cards.delete(name);
    }
    sorted.forEach((name, place) => {
      const card = this.cards.get(name) ?? this.make(name);
      this.fill(card, name);
      if (this.root.children[place] !== card.root) this.root.insertBefore(card.root, this.root.children[place] ?? null);
    });
    for (const rest of this.root.querySelectorAll(".skeleton-card, .empty")) rest.remove();
    if (sorted.length === 0) this.root.append(empty());
  }

  private make(name: string): Card {
    const open = h("button", { type: "button", class: "link-button", onclick: () => this.answers.opened(name) }, icon("list-ul"), t("Ver batches"));
    const card: Card = {
      root: h("article", { class: "person", "data-name": name, "aria-label": name }),
      total: h("span", { class: "person-total" }),
      bar: bar(),
      percent: h("span", { class: "person-percent" }),
      counts: h("p", { class: "person-counts" }),
      late: h("span", { class: "person-late" }),
      preview: h("p", { class: "person-preview", hidden: true }),
    };
    const head = h("header", {}, h("span", { class: "avatar", "aria-hidden": "true" }, initials(name)), h("h3", { title: name }, name), card.total);
    const foot = h("footer", {}, open, card.late);
    card.root.append(head, h("div", { class: "person-bar" }, card.bar, card.percent), card.counts, card.preview, foot);
    if (may("assign")) this.accept(card, name);
    this.cards.set(name, card);
    return card;
  }

  private fill(card: Card, name: string): void {
    const counts = this.counts.get(name) ?? NOTHING;
    card.total.textContent = number(counts.total);
    card.total.setAttribute("aria-label", plural(counts.total, "{count} batch", "{count} batches"));
    fillBar(card.bar, counts);
    card.percent.textContent = percent(done(counts));
    const parts = (["NS", "In", "S"] as const).map((kind) => h("span", { class: `count count-${kind}` }, `${kind} `, h("b", {}, number(counts[kind]))));
    if (counts.other) parts.push(h("span", { class: "count count-other" }, `${t("otros")} `, h("b", {}, number(counts.other))));
    card.counts.replaceChildren(...parts);
    card.late.textContent = counts.overdue ? plural(counts.overdue, "{count} vencido", "{count} vencidos") : "";
  }

  private accept(card: Card, name: string): void {
    let depth = 0;
    const leave = () => {
      depth = 0;
      card.root.classList.remove("lifted");
      card.preview.hidden = true;
    };
    card.root.addEventListener("dragenter", (event) => {
      if (!document.body.classList.contains("dragging")) return;
      event.preventDefault();
      depth += 1;
      if (depth === 1) this.lift(card, name);
    });
    card.root.addEventListener("dragover", (event) => {
      if (document.body.classList.contains("dragging")) event.preventDefault();
    });
    card.root.addEventListener("dragleave", () => {
      depth -= 1;
      if (depth <= 0) leave();
    });
    card.root.addEventListener("drop", (event) => {
      event.preventDefault();
      leave();
      this.answers.dropped(name);
    });
  }

  private lift(card: Card, name: string): void {
    const before = this.counts.get(name)?.total ?? 0;
    const after = before + this.answers.chosen().length;
    card.preview.textContent = t("{before} → {after} batches", { before, after });
    card.preview.hidden = false;
    card.root.classList.add("lifted");
  }
}

function empty(): HTMLElement {
  const link = h("a", { href: "/#personas" }, t("Agrega al primero en Avance."));
  return h("div", { class: "empty" }, icon("people"), h("p", {}, t("Aún no hay segmentadores."), " ", link));
}
