// Documents whose id cannot be used get one of their own, each in its row.
import { post, shown } from "../lib/api";
import { h, icon } from "../lib/dom";
import { t } from "../lib/text";
import { notice } from "../lib/notice";

export function mendProblems(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form.mend")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void mend(form);
    });
  }
}

async function mend(form: HTMLFormElement): Promise<void> {
  const field = form.querySelector("input")!;
  const button = form.querySelector("button")!;
  const wrong = form.querySelector<HTMLElement>(".field-error")!;
  button.disabled = true;
  try {
    const receipt = await post("/api/data/problems/mend", { own: form.dataset.own, id: field.value });
    const name = shown(receipt.id);
    const link = h("a", { href: `/batches/${encodeURIComponent(name)}` }, name);
    form.replaceWith(h("p", { class: "mended", role: "status" }, icon("check-circle-fill"), t("Ahora es"), " ", link));
    // No undoing here: what has no id again would be off the board.
    notice(`${t("El documento ahora se llama {name}", { name })} · ${t("Guardado dos veces")}`);
  } catch (error) {
    button.disabled = false;
    wrong.textContent = error instanceof Error ? error.message : String(error);
    wrong.hidden = false;
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}
