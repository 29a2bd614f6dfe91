// A secret that is shown once: to be copied, or read aloud to whom it is for.
import { h, icon } from "../lib/dom";
import { t } from "../lib/text";

export function handedOver(label: string, secret: string, hint: string): HTMLElement {
  const shown = h("input", { class: "form-control secret", readOnly: true, value: secret, "aria-label": label });
  const copy = h("button", { type: "button", class: "btn btn-quiet" }, icon("clipboard"), t("Copiar"));
  copy.addEventListener("click", () => {
    shown.select();
    // Without https there is no clipboard; then it is at least marked.
    void navigator.clipboard?.writeText(secret).then(() => copy.replaceChildren(icon("check-lg"), t("Copiada")));
  });
  return h("div", { class: "handed-over" }, h("p", {}, label), h("div", {}, shown, copy), h("p", { class: "hint" }, hint));
}
