// The line of time as a slider: a window of it, the operations in it as marks, and the keyboard. Arrows move a little,
// Page Down and Page Up go from change to change, Home and End to the ends of the window.
import { get } from "../lib/api";
import { debounce, h } from "../lib/dom";
import { when } from "../lib/moments";
import { actorName } from "../lib/story";
import { t } from "../lib/text";
import { type Operation, what } from "./operation";

const STEPS = 1000;
const DAY = 86_400_000;
const MARKS = 100;
const SPANS: [number, string][] = [
  [DAY, "Un día"],
  [7 * DAY, "7 días"],
  [30 * DAY, "30 días"],
  [Infinity, "Todo"],
];

interface Answers {
  now(): number;
  /** While it moves. */
  moving(moment: string): void;
  /** Once it rests. */
  moved(moment: string): void;
  before(op: string): void;
  /** The marks are there. */
  ready(): void;
}

export class Timescale {
  readonly root: HTMLElement;
  private readonly slider = h("input", { id: "past-slider", class: "slider", type: "range", min: "0", max: String(STEPS), value: String(STEPS), "aria-label": t("Momento, desde el primer cambio hasta ahora"), "aria-describedby": "past-keys" });
  private readonly marks = h("div", { class: "slider-marks", "aria-hidden": "true" });
  private readonly starts = h("span", {});
  private readonly ends = h("span", {});
  private readonly spans = h("div", { class: "spans", role: "group", "aria-label": t("Cuánto tiempo abarca la línea") });
  private span: number;
  private until: number;
  private operations: Operation[] = [];
  private asked = 0;
  private at: number;

  constructor(
    private readonly began: number,
    private readonly answers: Answers,
  ) {
    this.until = this.at = answers.now();
    const life = this.until - began;
    this.span = life > 7 * DAY ? 7 * DAY : Infinity;
    const offered = SPANS.filter(([span]) => span === Infinity || span < life);
    if (offered.length > 1) this.spans.append(...offered.map(([span, name]) => h("button", { type: "button", class: "chip", "data-span": String(span), onclick: () => this.widen(span) }, t(name))));
    const rests = debounce(250, () => answers.moved(this.moment()));
    this.slider.addEventListener("input", () => {
      this.at = this.from + (Number(this.slider.value) / STEPS) * (this.until - this.from);
      this.tell();
      answers.moving(this.moment());
      rests();
    });
    this.slider.addEventListener("keydown", (event) => this.key(event));
    const keys = h("p", { class: "hint slider-keys", id: "past-keys" }, t("Con el teclado: ← y → mueven un poco; Re Pág y Av Pág saltan de cambio en cambio."));
    this.root = h("div", { class: "past-slider" }, this.spans, h("div", { class: "slider-track" }, this.marks, this.slider), h("div", { class: "slider-ends", "aria-hidden": "true" }, this.starts, this.ends), keys);
  }

  /** Shown for the first time, or again: what happened meanwhile is on it. */
  open(): void {
    this.until = this.answers.now();
    this.draw();
  }

  /** The line stretches as far as it has to. */
  place(moment: string): void {
    this.at = Date.parse(moment);
    const wider = SPANS.find(([span]) => this.until - span <= this.at)?.[0] ?? Infinity;
    if (this.at < this.from) this.widen(wider);
    else this.tell();
  }

  /** The first change after what is shown. */
  get following(): Operation | undefined {
    return this.operations.filter(({ at }) => Date.parse(at) > this.at).at(-1);
  }

  forward(): void {
    const next = this.following;
    if (next) this.answers.moved(next.at);
  }

  private get from(): number {
    return Math.max(this.began, this.until - this.span);
  }

  private moment(): string {
    return new Date(Math.min(this.at, this.answers.now())).toISOString();
  }

  private widen(span: number): void {
    this.span = span;
    this.draw();
  }

  private tell(): void {
    const width = this.until - this.from;
    this.slider.value = String(width > 0 ? Math.round(((this.at - this.from) / width) * STEPS) : STEPS);
    this.slider.setAttribute("aria-valuetext", when(this.moment()));
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "PageUp") {
      event.preventDefault();
      this.forward();
    } else if (event.key === "PageDown") {
      event.preventDefault();
      const last = this.operations.find(({ at }) => Date.parse(at) <= this.at);
      if (last) this.answers.before(last.op);
    }
  }

  private draw(): void {
    for (const button of this.spans.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.span === String(this.span)));
    this.starts.textContent = when(new Date(this.from).toISOString());
    this.ends.textContent = t("ahora");
    this.tell();
    void this.load();
  }

  private async load(): Promise<void> {
    const question = ++this.asked;
    const wanted = new URLSearchParams({ limit: String(MARKS), from: new Date(this.from).toISOString() });
    try {
      const { operations } = await get<{ operations: Operation[] }>(`/api/operations?${wanted}`);
      if (question !== this.asked) return;
      this.operations = operations;
    } catch {
      this.operations = []; // the line does without its marks
    }
    this.marks.replaceChildren(...this.operations.map((operation) => this.mark(operation)));
    this.answers.ready();
  }

  private mark(operation: Operation): HTMLElement {
    const { actor, via, actions, at } = operation;
    const kind = actions.includes("delete") ? "delete" : via === "import" || actions.includes("restore") ? "import" : "edit";
    const text = what(operation).map((part) => (typeof part === "string" ? part : (part.textContent ?? ""))).join("");
    const mark = h("span", { class: `slider-mark slider-mark-${kind}`, title: `${when(at)} · ${actorName(actor, via)} ${text}`, onclick: () => this.answers.before(operation.op) });
    mark.style.left = `${((Date.parse(at) - this.from) / Math.max(1, this.until - this.from)) * 100}%`;
    return mark;
  }
}
