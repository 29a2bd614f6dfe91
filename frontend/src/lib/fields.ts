// The fields of batches and segmentadores as people call them, and what they hold as people read it.
import { shown } from "./api";
import { h } from "./dom";
import { statusMark, statusWord } from "./parts";
import { when } from "./moments";
import { day, number, t } from "./text";

const LABELS: Record<string, string> = {
  id: "Batch",
  assignee: "Responsable",
  status: "Estatus",
  comments: "Comentarios",
  folder: "Carpeta",
  mongo_uploaded: "Subido a MongoDB",
  metadata: "Otros datos",
  "metadata.assigned_at": "Asignado el",
  "metadata.due_date": "Fecha límite",
  "metadata.priority": "Prioridad",
  "metadata.review_status": "Revisión",
  "metadata.reviewed_at": "Revisado el",
  "metadata.total_masks": "Máscaras en total",
  "metadata.completed_masks": "Máscaras terminadas",
  name: "Nombre",
  role: "Rol",
  email: "Correo",
  created_at: "Alta",
};

const DAYS = new Set(["metadata.due_date", "metadata.assigned_at", "metadata.reviewed_at", "created_at"]);
const WORDS = new Set(["metadata.priority", "metadata.review_status"]);
const LONG = 60;

export const fieldLabel = (field: string) => (LABELS[field] ? t(LABELS[field]) : field.replace(/^metadata\./, ""));

export const isKnown = (field: string) => field in LABELS;

/** Nothing, whichever way the data says it. */
export const isBlank = (value: unknown) => value === undefined || value === null || value === "";

export function valueText(field: string, value: unknown): string {
  if (isBlank(value)) return field === "assignee" ? t("sin asignar") : t("vacío");
  if (field === "status") return `${shown(value)} · ${statusWord(shown(value))}`;
  if (DAYS.has(field)) return dayText(shown(value));
  if (WORDS.has(field)) return t(shown(value));
  if (typeof value === "boolean") return value ? t("sí") : t("no");
  if (typeof value === "number") return number(value);
  return shown(value);
}

/** Dates are written by the old system without a zone: they are shown as they are written. */
function dayText(value: string): string {
  if (/^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$/.test(value)) return when(value);
  const time = /^\d{4}-\d{2}-\d{2}[ T](\d{2}:\d{2})/.exec(value)?.[1];
  return time ? `${day(value)}, ${time}` : day(value);
}

export function valueNode(field: string, value: unknown): HTMLElement {
  if (isBlank(value)) return h("span", { class: "value value-blank" }, valueText(field, value));
  if (field === "status") return h("span", { class: "value" }, statusMark(value), " ", statusWord(shown(value)));
  return h("span", { class: "value" }, valueText(field, value));
}

/** Text that wants lines of its own. */
export const isLong = (value: unknown) => !isBlank(value) && (shown(value).length > LONG || shown(value).includes("\n"));

/** A document's fields by dotted names, those of `metadata` one by one. */
export function flat(document: Record<string, unknown> | null | undefined): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(document ?? {})) {
    if (name === "_id" || name === "_rev") continue;
    if (name === "metadata" && value && typeof value === "object" && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) found.set(`metadata.${key}`, inner);
    } else found.set(name, value);
  }
  return found;
}

/** Known fields first, in the order of this file. */
export function inOrder(fields: Iterable<string>): string[] {
  const known = Object.keys(LABELS);
  const place = (field: string) => (known.includes(field) ? known.indexOf(field) : known.length);
  return [...fields].sort((a, b) => place(a) - place(b) || a.localeCompare(b, "es"));
}

export const same = (a: unknown, b: unknown) => (isBlank(a) && isBlank(b)) || JSON.stringify(a) === JSON.stringify(b);
