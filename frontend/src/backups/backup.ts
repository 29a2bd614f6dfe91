// A copy as the catalogue lists it, and the words for it.
import { h, icon } from "../lib/dom";
import { duration } from "../lib/measures";
import { when } from "../lib/moments";
import { said } from "../lib/said";
import type { Task as Followed } from "../lib/tasks";
import { number, plural, t } from "../lib/text";

export type State = "complete" | "verified" | "good" | "damaged" | "removed";

/** A line of its card: what happened to it. */
export interface Event {
  what: "verify" | "drill" | "pin" | "unpin" | "remove" | "keep" | "sweep";
  at: string;
  ok?: boolean | null;
  detail?: string;
  seconds?: number;
  rto?: number;
  documents?: number;
  where?: string;
  reason?: string;
  actor?: string;
}

export interface Backup {
  id: string;
  state: State;
  moment: string;
  reason: string;
  batches: number;
  segmentadores: number;
  batches_by_status?: Record<string, number>;
  bytes?: number;
  sha256?: string;
  format?: string;
  resguardo?: string;
  safety?: boolean;
  missing?: string[];
  drill?: Event | null;
  verify?: Event | null;
  pinned?: string | null;
  removed?: Event | null;
  swept?: boolean;
  events?: Event[];
}

export type Task = Followed<Backup>;

/** Days between a copy's removal and that of its data (vault/catalogue.py, GRACE). */
const GRACE = 7;
const STATES: Record<State, string> = { complete: "Hecha", verified: "Comprobada", good: "Buena", damaged: "Dañada", removed: "Quitada" };
const MISSING: Record<string, string> = { masks: "máscaras", accounts: "cuentas", ledger: "historial" };

export const stateWord = (state: State) => t(STATES[state] ?? state);
export const backupAddress = (id: string) => `/api/backups/${encodeURIComponent(id)}`;

/** Hollow: made; ring: verified; full: restored in a drill. */
export function dot(state: State): HTMLElement {
  return h("span", { class: `dot dot-${state}`, "aria-hidden": "true" }, state === "damaged" && icon("x-lg"));
}

/** A copy that lost its manifest has no moment but that in its name. */
export function momentOf(backup: Backup): string {
  if (backup.moment) return backup.moment;
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(backup.id);
  return match ? `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z` : "";
}

/** What a copy is called in a sentence. */
export const named = (backup: Backup) => when(momentOf(backup)) || backup.id;

/** Why it has the state it has, and what comes next. */
export function stateText(backup: Backup): string {
  const { state, drill, verify, removed } = backup;
  if (state === "good") return "";
  if (state === "verified") return t("se leyó cada byte; espera su simulacro");
  if (state === "complete") return t("nadie la ha leído de vuelta");
  if (state === "damaged") return said([drill, verify].find((event) => event?.ok === false)?.detail ?? "") || t("su archivo o su manifiesto no está completo");
  if (backup.swept) return t("sus datos ya se borraron");
  const ends = removed ? new Date(Date.parse(removed.at) + GRACE * 86_400_000).toISOString() : "";
  return ends ? t("sus datos se borran el {day}", { day: when(ends) }) : t("sus datos ya se borraron");
}

export function contents(backup: Backup): string {
  const people = plural(backup.segmentadores, "{count} segmentador", "{count} segmentadores");
  return `${plural(backup.batches, "{count} batch", "{count} batches")} · ${people}`;
}

export function missing(backup: Backup): string {
  const names = (backup.missing ?? []).map((name) => t(MISSING[name] ?? name));
  return names.length ? t("No incluye: {list}", { list: names.join(", ") }) : "";
}

export function drillText(backup: Backup): string {
  const { drill } = backup;
  if (!drill) return t("aún no");
  if (drill.ok === null) return t("no se pudo intentar");
  return drill.ok ? duration(drill.rto ?? 0) : t("falló");
}

/** The plan that a copy was made before is a number that says nothing to people. */
export const reasonText = (backup: Backup) => (backup.reason ? said(backup.reason.replace(/ \([0-9a-f]{16}\)$/, "")) : t("sin motivo"));

const byWhom = (event: Event) => event.actor?.trim() || t("las reglas");

/** One line of a card as a sentence. */
export function eventText(event: Event): string {
  const seconds = duration(event.seconds ?? 0);
  switch (event.what) {
    case "verify":
      return event.ok ? t("Comprobada: se leyó cada byte en {seconds}", { seconds }) : t("No pasó la comprobación: {why}", { why: said(event.detail ?? "") });
    case "drill":
      if (event.ok === null) return t("El simulacro no se pudo intentar: {why}", { why: said(event.detail ?? "") });
      return event.ok
        ? t("Simulacro: {documents} documentos restaurados y comparados; el tablero volvió en {rto}", { documents: number(event.documents ?? 0), rto: duration(event.rto ?? 0) })
        : t("No pasó el simulacro: {why}", { why: said(event.detail ?? "") });
    case "pin":
      return t("Fijada por {who}: {reason}", { who: byWhom(event), reason: event.reason ?? "" });
    case "unpin":
      return t("Soltada por {who}", { who: byWhom(event) });
    case "remove":
      return t("Quitada por {who}: {reason}", { who: byWhom(event), reason: said(event.reason ?? "") });
    case "keep":
      return t("Conservada por {who}", { who: byWhom(event) });
    case "sweep":
      return t("Sus datos se borraron");
    default:
      return event.what;
  }
}
