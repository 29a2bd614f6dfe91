// A list of things of which one is chosen, each a row with a radio button.
import { h } from "../lib/dom";

export interface Option {
  value: string;
  content: (Node | string | false)[];
}

export function optionList(name: string, label: string, options: Option[], chosen: string, choose: (value: string) => void): HTMLElement {
  const rows = options.map(({ value, content }) => {
    const radio = h("input", { type: "radio", class: "form-check-input", name, value, checked: value === chosen, onchange: () => choose(value) });
    return h("li", {}, h("label", { class: "option" }, radio, h("span", { class: "option-body" }, ...content)));
  });
  return h("ul", { class: "options", "aria-label": label }, ...rows);
}
