// A comparison under way: what is being read, how far it is, and a way to give it up. Shown when it takes longer.
import { h } from "../lib/dom";
import { duration } from "../lib/measures";
import type { Task } from "../lib/tasks";
import { number, t } from "../lib/text";

/** What ends sooner shows nothing but its result. */
const SOON = 400;
/** Where nobody can tell how much there is to read. */
const UNKNOWN = 8;

export class Waiting {
  readonly root: HTMLElement;
  private readonly line = h("div", { class: "progress-line", role: "progressbar", "aria-label": t("Comparando"), "aria-valuemin": "0", "aria-valuemax": "100" }, h("span", {}));
  private readonly text = h("p", { role: "status" });
  private readonly time = h("span", { class: "making-time" });
  private readonly timer: number;

  constructor(cancel: () => void) {
    const button = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => ((button.disabled = true), cancel()) }, t("Cancelar"));
    const head = h("div", { class: "card-box compare-waiting", hidden: true }, h("div", { class: "making-head" }, this.text, this.time), this.line, button);
    this.root = h("div", { class: "compare-result" }, head, h("div", { class: "card-box compare-skeleton", "aria-hidden": "true" }, ...Array.from({ length: 4 }, () => h("div", { class: "skeleton" }))));
    this.timer = window.setTimeout(() => (head.hidden = false), SOON);
  }

  end(): void {
    window.clearTimeout(this.timer);
  }

  show({ step, seconds }: Pick<Task<unknown>, "step" | "seconds">): void {
    const words = step.split(" ");
    const [done = 0, all = 0] = words[0] === "comparing" ? (words[1] ?? "").split("/").map(Number) : [];
    const part = all ? UNKNOWN + ((100 - UNKNOWN) * done) / all : UNKNOWN;
    (this.line.firstElementChild as HTMLElement).style.width = `${part}%`;
    this.line.setAttribute("aria-valuenow", String(Math.round(part)));
    const text = all ? t("Comparando · {done} de {all} documentos", { done: number(done), all: number(all) }) : reading(words);
    if (this.text.textContent !== text) this.text.textContent = text;
    this.time.textContent = duration(Math.floor(seconds));
  }
}

/** A moment is put together from the history, and tells how many entries it has seen. */
function reading([, , count = ""]: string[]): string {
  return Number(count) ? t("Leyendo el historial · {count} cambios", { count: Number(count) }) : t("Leyendo y comprobando lo que se compara");
}
