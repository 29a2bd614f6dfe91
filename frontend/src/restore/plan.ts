// What a restore would do, as the server has worked it out and frozen it (web/api_restore.py).
import { send } from "../lib/api";
import { t } from "../lib/text";
import type { Task } from "../lib/tasks";

export type What = "created" | "brought_back" | "changed" | "deleted";

export interface Value {
  field: string;
  from?: unknown;
  to?: unknown;
  actor?: string | null;
  at?: string | null;
}

export interface Row {
  id: string;
  kind: "batch" | "segmentador";
  what: What;
  values: Value[];
  assignee?: string | null;
  status?: string | null;
  /** Who changed it last: whose work would go, or who deleted it. */
  last?: { actor: string; at: string; op: string } | null;
}

export interface Counts extends Record<What, number> {
  total: number;
  unchanged: number;
  kept: number;
  skipped: number;
  absent: number;
}

export interface LastChange {
  op: string;
  at: string;
  actor: string;
  action: string;
  kind: string;
  doc: string;
}

export interface Plan extends Counts {
  plan: string;
  equal: boolean;
  left_out: { kind: string; id: string; why: string }[];
  last_change: LastChange | null;
  source: Record<string, unknown>;
}

/** What came of it, whether a restore or a list. */
export interface Done {
  operation: string;
  backup_before: string | null;
  conflicts: { kind: string; id: string; actor: string | null; at: string | null }[];
  conflict_count: number;
}

export interface Applied extends Counts, Done {
  at: string;
}

export interface Page {
  changes: Row[];
  pagination: { page: number; per_page: number; total: number; total_pages: number };
}

/** Sends a file with a question about it. */
export function upload(file: File, question: Record<string, unknown>, signal: AbortSignal): Promise<Plan> {
  const body = new FormData();
  for (const [name, value] of Object.entries(question)) if (value !== undefined) body.append(name, JSON.stringify(value));
  body.append("file", file);
  return send("POST", "/api/restore/plan", { body, signal }).then((answer) => answer.json() as Promise<Plan>);
}

/** What a running task says of itself. */
export function stepText({ step }: Pick<Task<unknown>, "step">): string {
  const [name = "", count = ""] = step.split(" ");
  const documents = Number(count) ? ` · ${t("{count} documentos", { count: Number(count) })}` : "";
  if (name === "reading") return t("Leyendo cómo estaba el tablero") + documents;
  if (name === "comparing") return t("Comparando con el tablero de ahora") + documents;
  return t("Abriendo");
}
