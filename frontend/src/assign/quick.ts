// Carga rápida: a pasted list of ids becomes batches.
import { post, shown } from "../lib/api";
import { dialog, h } from "../lib/dom";
import { notice } from "../lib/notice";
import { plural, t } from "../lib/text";
import { saved } from "../lib/undo";

const separators = /[\s,;]+/;
const amount = (value: unknown) => (Array.isArray(value) ? value.length : Number(value) || 0);

export function quickCreate(made: () => void): void {
  const area = h("textarea", { id: "quick-ids", class: "form-control mono", rows: 9, placeholder: "batch_000430F\nbatch_000431F", spellcheck: false });
  const hint = h("p", { class: "hint", "aria-live": "polite" }, t("Sepáralos con líneas, comas o espacios."));
  const wrong = h("p", { class: "field-error", role: "alert", hidden: true });
  const go = h("button", { type: "submit", class: "btn btn-primary", disabled: true }, t("Crear batches"));
  const form = h("form", { id: "quick-form" }, h("label", { htmlFor: "quick-ids", class: "form-label" }, t("Pega los ids de los batches nuevos")), area, hint, wrong);
  go.setAttribute("form", "quick-form");
  const box = dialog(t("Carga rápida"), form, [go]);
  area.addEventListener("input", () => {
    const count = new Set(area.value.split(separators).filter(Boolean)).size;
    go.disabled = count === 0;
    go.textContent = count ? plural(count, "Crear {count} batch", "Crear {count} batches") : t("Crear batches");
  });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go.disabled = true;
    wrong.hidden = true;
    post("/api/batches/quick-create", { batch_list: area.value })
      .then((answer) => {
        box.close();
        said(answer);
        made();
      })
      .catch((error: Error) => {
        wrong.textContent = error.message;
        wrong.hidden = false;
        go.disabled = false;
      });
  });
  area.focus();
}

function said(answer: Record<string, unknown>): void {
  const created = amount(answer.created);
  const skipped = amount(answer.skipped);
  const first = plural(created, "{count} batch creado", "{count} batches creados");
  const second = skipped ? ` · ${plural(skipped, "{count} ya existía", "{count} ya existían")}` : "";
  const named = Array.isArray(answer.skipped) && skipped > 0 && skipped <= 3 ? ` (${answer.skipped.map(shown).join(", ")})` : "";
  if (created) saved(`${first}${second}${named}`, answer);
  else notice(`${first}${second}${named}`, "info");
}
