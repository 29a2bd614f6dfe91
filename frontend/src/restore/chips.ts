// Choices of which any number holds, as buttons that stay pressed.
import { h, icon } from "../lib/dom";

/** `set` holds those that are chosen, and is changed with each press. */
export function chips(values: string[], set: Set<string>, chose: (value: string) => void, label: (value: string) => string = (value) => value): HTMLButtonElement[] {
  return values.map((value) => {
    const chip = h("button", { type: "button", class: "chip", "aria-pressed": String(set.has(value)), title: value }, icon("check-lg"), label(value));
    chip.addEventListener("click", () => {
      if (!set.delete(value)) set.add(value);
      chip.setAttribute("aria-pressed", String(set.has(value)));
      chose(value);
    });
    return chip;
  });
}
