// What differs between two states of the board, as the server has worked it out and kept it (web/api_diff.py).
import { backupAddress } from "../backups/backup";
import { get, post, send } from "../lib/api";
import { when } from "../lib/moments";
import { type Task, follow } from "../lib/tasks";
import { t } from "../lib/text";

export type What = "added" | "changed" | "removed";
export const WHATS: What[] = ["added", "changed", "removed"];

export const NOW = "now";

/** What is compared: each an archive's id, a moment, or `now`. */
export interface Question {
  a: string;
  b: string;
}

export interface Work {
  total: number;
  NS: number;
  In: number;
  S: number;
  other: number;
}

export interface Person {
  name: string;
  before: Work;
  after: Work;
}

type Totals = Work & { unassigned: number };

export interface About {
  kind: "archive" | "moment" | "now";
  id?: string;
  moment: string;
}

export interface Comparison extends Record<What, number> {
  comparison: string;
  total: number;
  unchanged: number;
  a: About;
  b: About;
  segmentadores: Record<What, number>;
  fields: Record<string, number>;
  totals: { before: Totals; after: Totals };
  people: Person[];
  unnamed: { a: number; b: number };
}

export interface Row {
  id: string;
  kind: "batch" | "segmentador";
  what: What;
  values: { field: string; from?: unknown; to?: unknown }[];
  assignee?: string | null;
  status?: string | null;
}

export interface Page {
  changes: Row[];
  pagination: { page: number; per_page: number; total: number; total_pages: number };
}

/** A part of what differs. `assignee`: null for everybody, empty for nobody's. */
export interface Part {
  what: What | "";
  kind: "" | "segmentador" | "batch";
  assignee: string | null;
  text: string;
}

export const EVERYTHING: Part = { what: "", kind: "", assignee: null, text: "" };

export const begin = ({ a, b }: Question) => post<{ task: string }>(`${backupAddress(a)}/diff/${encodeURIComponent(b)}`, {});
export const followTask = (task: string, tell: (task: Task<Comparison>) => void) => follow<Comparison>(task, tell);
export const stop = (task: string) => send("DELETE", `/api/backups/tasks/${encodeURIComponent(task)}`);

export const read = (own: string, part: Part, page: number, perPage: number) => get<Page>(address(own, part, { page: String(page), per_page: String(perPage) }));

export function address(own: string, part: Part, more: Record<string, string>): string {
  const given = new URLSearchParams(more);
  for (const name of ["what", "kind", "text"] as const) if (part[name]) given.set(name, part[name]);
  if (part.assignee === "") given.set("unassigned", "1");
  else if (part.assignee !== null) given.set("assignee", part.assignee);
  return `/api/comparisons/${encodeURIComponent(own)}?${given}`;
}

/** What a side is called: `Copia del vie 28 nov, 14:30`. */
export function sideText({ kind, id, moment }: About): string {
  if (kind === "now") return t("El tablero de ahora");
  if (kind === "moment") return t("El tablero del {when}", { when: when(moment) });
  return moment ? t("La copia del {when}", { when: when(moment) }) : t("La copia {id}", { id: id ?? "" });
}
