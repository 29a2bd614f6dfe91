// Making and finding elements. Text is always set as text, so nothing of the data can become markup.

import { t } from "./text";

type Child = Node | string | null | undefined | false;
type Properties = Record<string, unknown>;

/** An element: `on…` are listeners, `class`, `data-…` and `aria-…` attributes, the rest properties. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else if (name in element && !name.includes("-") && name !== "list") (element as unknown as Properties)[name] = value;
    else element.setAttribute(name === "className" ? "class" : name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

export function icon(name: string): HTMLElement {
  return h("i", { class: `bi bi-${name}`, "aria-hidden": "true" });
}

export function find<T extends HTMLElement = HTMLElement>(selector: string, within: ParentNode = document): T {
  const found = within.querySelector<T>(selector);
  if (!found) throw new Error(`nothing on this page is ${selector}`);
  return found;
}

export function maybe<T extends HTMLElement = HTMLElement>(selector: string): T | null {
  return document.querySelector<T>(selector);
}

/** What the account's role allows; what it does not is absent from the page. */
export function may(permission: string): boolean {
  return (document.body.dataset.may ?? "").split(" ").includes(permission);
}

export function debounce(wait: number, run: () => void): () => void {
  let timer = 0;
  return () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(run, wait);
  };
}

/** A dialog that closes with Escape, its cross, or a click beside it, and goes when closed. */
export function dialog(title: string, body: HTMLElement, buttons: HTMLElement[], wide = false): HTMLDialogElement {
  const heading = h("h2", { class: "dialog-title", id: "dialog-title" }, title);
  const cross = h("button", { type: "button", class: "icon-button", "aria-label": t("Cerrar") }, icon("x-lg"));
  const box = h(
    "dialog",
    { class: wide ? "sheet sheet-wide" : "sheet", "aria-labelledby": "dialog-title" },
    h("header", {}, heading, cross),
    body,
    buttons.length > 0 && h("footer", {}, ...buttons),
  );
  cross.addEventListener("click", () => box.close());
  box.addEventListener("mousedown", (event) => event.target === box && box.close());
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

/** Ask before something that cannot simply be taken back; true when the button that says so was pressed. */
export function confirm(title: string, text: string, action: string, cancel: string, danger = true): Promise<boolean> {
  return new Promise((resolve) => {
    let agreed = false;
    const yes = h("button", { type: "button", class: danger ? "btn btn-danger" : "btn btn-primary" }, action);
    const no = h("button", { type: "button", class: "btn btn-quiet" }, cancel);
    const box = dialog(title, h("p", { class: "dialog-text" }, text), [no, yes]);
    yes.addEventListener("click", () => {
      agreed = true;
      box.close();
    });
    no.addEventListener("click", () => box.close());
    box.addEventListener("close", () => resolve(agreed));
    yes.focus();
  });
}
