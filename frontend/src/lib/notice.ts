// Notices at the corner of the page, read aloud by screen readers.
import { find, h, icon } from "./dom";
import { inWords } from "./moments";
import { t } from "./text";

type Kind = "done" | "info" | "problem";

const ICONS: Record<Kind, string> = { done: "check-circle-fill", info: "info-circle-fill", problem: "exclamation-triangle-fill" };
const MOST = 4;

interface Action {
  label: string;
  run: () => void;
}

export function notice(text: string, kind: Kind = "done", action?: Action): void {
  const region = find("#notices");
  const close = h("button", { type: "button", class: "icon-button", "aria-label": t("Cerrar aviso") }, icon("x"));
  const box = h("div", { class: `notice notice-${kind}`, role: kind === "problem" ? "alert" : "status" }, icon(ICONS[kind]), h("span", {}, text));
  if (action) {
    const button = h("button", { type: "button", class: "notice-action" }, action.label);
    button.addEventListener("click", () => {
      box.remove();
      action.run();
    });
    box.append(button);
  }
  box.append(close);
  close.addEventListener("click", () => box.remove());
  while (region.children.length >= MOST) region.firstElementChild?.remove();
  region.append(box);
  // What still has to be decided does not go by itself.
  if (kind === "problem" && action) return;
  stay(box, kind === "problem" ? 12_000 : action ? 9_000 : 5_000);
}

/** Goes by itself, but not while somebody points at it or has the keyboard in it. */
function stay(box: HTMLElement, time: number): void {
  let timer = window.setTimeout(() => box.remove(), time);
  const hold = () => window.clearTimeout(timer);
  const release = () => {
    hold();
    timer = window.setTimeout(() => box.remove(), time);
  };
  box.addEventListener("mouseenter", hold);
  box.addEventListener("focusin", hold);
  box.addEventListener("mouseleave", release);
  box.addEventListener("focusout", release);
}

/** What went wrong; moments as people read them. */
export const sentence = (error: unknown) => inWords(error instanceof Error ? error.message : String(error));

/** Says what went wrong; for `.catch(problem)`. */
export function problem(error: unknown): void {
  notice(sentence(error), "problem");
}
