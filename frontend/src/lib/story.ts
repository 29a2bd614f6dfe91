// What happened, as sentences: who did what, from where, and when.
import { fieldLabel, inOrder, isBlank } from "./fields";
import type { FieldChange } from "./changes";
import { h, icon } from "./dom";
import { initials } from "./parts";
import { when } from "./moments";
import { ago, plural, t } from "./text";

export interface TimelineEntry {
  rev: number;
  at: string;
  actor: string;
  via: string;
  action: string;
  op: string;
  op_size: number;
  gone: boolean;
  renamed_from?: string | null;
  renamed_to?: string | null;
  undoes?: string | null;
  fields: FieldChange[];
}

const VIAS: Record<string, string> = {
  page: "desde la página",
  api: "desde un programa, con token",
  cli: "con un comando",
  import: "al importar un archivo",
  restore: "al restaurar",
  external: "fuera de Resguardo",
  demo: "datos de ejemplo",
};

export const ACTIONS: Record<string, string> = {
  create: "creó",
  edit: "editó",
  assign: "asignó",
  unassign: "dejó sin asignar",
  delete: "eliminó",
  rename: "renombró",
  restore: "restauró",
  external: "cambió fuera de Resguardo",
  mend: "corrigió",
  undo: "deshizo",
};

const ICONS: Record<string, string> = { external: "box-arrow-in-right", undo: "arrow-counterclockwise", restore: "shield-check" };

export const viaText = (via: string) => (VIAS[via] ? t(VIAS[via]) : via);
export const verb = (action: string) => (ACTIONS[action] ? t(ACTIONS[action]) : action);

/** Changes of other programs have nobody's name. */
export const actorName = (actor: string, via: string) => (via === "external" || !actor.trim() ? t("Otro programa") : actor);

export function avatar(actor: string, via: string): HTMLElement {
  if (via === "external" || !actor.trim()) return h("span", { class: "avatar avatar-other", "aria-hidden": "true" }, icon("cpu"));
  return h("span", { class: "avatar", "aria-hidden": "true" }, initials(actor));
}

export function moment(at: string): HTMLElement {
  return h("time", { dateTime: at, title: when(at) }, when(at), h("span", { class: "ago" }, ` · ${ago(at)}`));
}

export const actionIcon = (action: string) => (ICONS[action] ? icon(ICONS[action]) : null);

/** `maggie · editó Estatus y Comentarios`, the name apart so that it can stand out. */
export function told(entry: TimelineEntry): string {
  const { action, gone } = entry;
  if (entry.renamed_to) return t("le puso otro id: ahora es {name}", { name: entry.renamed_to });
  if (entry.renamed_from) return t("le puso este id; antes era {name}", { name: entry.renamed_from });
  if (action === "external") return gone ? t("lo borró") : entry.rev === 1 ? t("lo escribió; aquí empieza su historia") : t("cambió {fields}", { fields: fieldNames(entry.fields) });
  if (action === "undo") return gone ? t("deshizo su creación") : t("deshizo un cambio: {fields}", { fields: fieldNames(entry.fields) });
  if (gone) return t("lo eliminó");
  if (action === "create") return t("lo creó");
  if (entry.via === "import") return t("lo importó: {fields}", { fields: fieldNames(entry.fields) });
  if (action === "restore") return t("lo restauró: {fields}", { fields: fieldNames(entry.fields) });
  if (action === "unassign") return t("lo dejó sin asignar");
  const given = entry.fields.find((change) => change.field === "assignee")?.to;
  if (action === "assign" && !isBlank(given)) return t("lo asignó a {name}", { name: String(given) });
  return `${verb(action)} ${fieldNames(entry.fields)}`;
}

/** `Estatus y Comentarios`; beyond three, how many. */
function fieldNames(changes: FieldChange[]): string {
  const names = inOrder(changes.map((change) => change.field)).map(fieldLabel);
  if (names.length === 0) return t("todo");
  if (names.length > 3) return plural(names.length, "{count} campo", "{count} campos");
  const last = names.pop()!;
  return names.length ? t("{list} y {last}", { list: names.join(", "), last }) : last;
}

export function undoTitle(entry: { op_size: number; actor: string; via: string }): string {
  if (entry.op_size === 1) return t("Deshacer este cambio de {actor}", { actor: actorName(entry.actor, entry.via) });
  return plural(entry.op_size, "Deshacer el cambio de {actor} en {count} documento", "Deshacer el cambio de {actor} en {count} documentos", { actor: actorName(entry.actor, entry.via) });
}
