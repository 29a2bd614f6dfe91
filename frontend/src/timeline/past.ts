// A batch as it was after one of its changes, beside what it is now; and the way back to that.
import { type Batch, batchAddress, get, json } from "../lib/api";
import { conflictOf } from "../lib/conflict";
import { dialog, h, icon, may } from "../lib/dom";
import { flat, inOrder, isBlank, same, valueText } from "../lib/fields";
import { when } from "../lib/moments";
import { type TimelineEntry, actorName } from "../lib/story";
import { t } from "../lib/text";
import { saved } from "../lib/undo";
import type { Present } from "./entry";
import { stateRow } from "./now";

interface Past {
  batch: Batch | null;
  rev: number;
  at: string;
  actor: string;
}

/** Plain fields whose values JSON carries exactly; others come back by undoing, which keeps every type. */
const PLAIN = new Set([
  ...["assignee", "status", "comments", "folder", "mongo_uploaded"],
  ...["assigned_at", "due_date", "priority", "review_status", "reviewed_at", "total_masks", "completed_masks"].map((name) => `metadata.${name}`),
]);
const IS_DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*(Z|[+-]\d{2}:\d{2})$/;

export async function showPast(id: string, entry: TimelineEntry, present: Present, changed: () => void): Promise<void> {
  const past = await get<Past>(`${batchAddress(id)}/at?rev=${entry.rev}`);
  const then = flat(past.batch);
  const now = flat(present.batch);
  const names = inOrder(new Set([...then.keys(), ...now.keys()])).filter((name) => !isBlank(then.get(name)) || !isBlank(now.get(name)));
  const differing = names.filter((name) => !same(then.get(name), now.get(name)));
  const rows = names.map((name) => {
    const differs = present.batch !== null && differing.includes(name);
    const row = stateRow(name, then.get(name), differs ? h("span", { class: "state-now" }, t("ahora: {value}", { value: short(valueText(name, now.get(name))) })) : undefined);
    row.classList.toggle("differs", differs);
    return row;
  });
  const back = backButton(differing, then, present);
  const note = h("p", { class: "past-note" }, icon("clock-history"), t("Así estaba tras el cambio de {actor}, {when}. Es el pasado: aquí no se edita.", { actor: actorName(entry.actor, entry.via), when: when(past.at) }));
  const same_ = differing.length === 0 && h("p", { class: "hint" }, t("Es como está ahora."));
  const wrong = h("p", { class: "field-error", role: "alert", hidden: true });
  const guided = !back && (present.batch === null || differing.length > 0) ? guidedWay(id, entry.rev) : null;
  const box = dialog(id, h("div", { class: "past" }, note, same_, h("dl", { class: "state" }, ...rows), wrong), [back ?? guided].filter((button) => button !== null), true);
  back?.addEventListener("click", () => {
    back.disabled = true;
    goBack(id, differing, then, present)
      .then((receipt) => {
        box.close();
        saved(t("{id} volvió a como estaba el {when}", { id, when: when(past.at) }), receipt, { ended: changed });
        changed();
      })
      .catch((error: Error) => {
        wrong.textContent = conflictOf(error) ? t("Alguien acaba de cambiarlo. Cierra esto y vuelve a mirar antes de regresar.") : error.message;
        wrong.hidden = false;
        back.disabled = false;
      });
  });
}

const short = (text: string) => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

function backButton(differing: string[], then: Map<string, unknown>, present: Present): HTMLButtonElement | null {
  const fits = (name: string) => PLAIN.has(name) && !IS_DATE.test(String(then.get(name)));
  const possible = may("batches") && present.batch !== null && differing.length > 0 && differing.every(fits);
  return possible ? h("button", { type: "button", class: "btn btn-primary" }, icon("arrow-counterclockwise"), t("Volver a este punto")) : null;
}

/** For values that JSON would not carry exactly, and for a batch that is gone. */
function guidedWay(id: string, rev: number): HTMLElement | null {
  const href = `/restore?batch=${encodeURIComponent(id)}&rev=${rev}`;
  return may("import") ? h("a", { class: "btn btn-primary", href }, icon("arrow-counterclockwise"), t("Volver a este punto")) : null;
}

function goBack(id: string, differing: string[], then: Map<string, unknown>, present: Present): Promise<Record<string, unknown>> {
  const metadata: Record<string, unknown> = {};
  const fields: Record<string, unknown> = {};
  for (const name of differing) {
    const value = then.get(name) ?? null;
    if (name.startsWith("metadata.")) metadata[name.slice("metadata.".length)] = value;
    else fields[name] = value;
  }
  const body = Object.keys(metadata).length ? { ...fields, metadata } : fields;
  return json("PATCH", batchAddress(id), body, present.rev === null ? {} : { "If-Match": `"${present.rev}"` });
}
