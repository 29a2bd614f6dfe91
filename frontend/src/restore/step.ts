// A step of the guided path: a numbered card that is open, done (its choice on one line), or still to come.
import { find, maybe } from "../lib/dom";

export class Step {
  readonly root: HTMLElement;
  readonly body: HTMLElement;
  private readonly said: HTMLElement;
  private readonly change: HTMLButtonElement;
  private readonly title: HTMLElement;
  private readonly hint: string;

  constructor(name: string, again?: () => void) {
    this.root = find(`#step-${name}`);
    this.body = find(".guide-body", this.root);
    this.said = find(".guide-said", this.root);
    this.change = find<HTMLButtonElement>(".guide-change", this.root);
    this.hint = this.said.textContent ?? "";
    this.title = find("h2", this.root);
    this.title.tabIndex = -1;
    this.change.setAttribute("aria-label", `${this.change.textContent?.trim()}: ${this.title.textContent}`);
    if (again) this.change.addEventListener("click", again);
  }

  get isOpen(): boolean {
    return !this.body.hidden;
  }

  open(): void {
    this.draw("open", this.hint, false);
  }

  /** Closed, with what was chosen. */
  done(text: string): void {
    this.draw("done", text, true);
  }

  ahead(): void {
    this.draw("ahead", this.hint, false);
  }

  /** Stays open, with nothing more to choose. */
  settle(text: string): void {
    this.draw("done", text, false);
    this.body.hidden = false;
  }

  show(...content: Node[]): void {
    this.body.replaceChildren(...content);
  }

  /** Into sight, unless it is: nothing jumps that need not. The keyboard goes along, its old place being gone. */
  reveal(): void {
    this.title.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "nearest" });
    if (this.root.getBoundingClientRect().top < (maybe(".topbar")?.offsetHeight ?? 0)) this.root.scrollIntoView({ block: "start" });
  }

  private draw(state: "open" | "done" | "ahead", text: string, changeable: boolean): void {
    this.root.className = `card-box guide-step guide-${state}`;
    this.body.hidden = state !== "open";
    this.said.textContent = text;
    this.change.hidden = !changeable;
    if (state === "open") this.root.setAttribute("aria-current", "step");
    else this.root.removeAttribute("aria-current");
  }
}
