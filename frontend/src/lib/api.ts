// The board's HTTP interface.
import { t } from "./text";

export interface Metadata {
  assigned_at?: unknown;
  due_date?: unknown;
  priority?: unknown;
  review_status?: unknown;
  [name: string]: unknown;
}

export interface Batch {
  id: string;
  assignee?: unknown;
  status?: unknown;
  comments?: unknown;
  folder?: unknown;
  metadata?: Metadata | null;
  [name: string]: unknown;
}

export interface Counts {
  total: number;
  NS: number;
  In: number;
  S: number;
  other: number;
  overdue: number;
}

export interface Person extends Counts {
  name: string;
  percent: number;
}

export interface Progress {
  totals: Counts & { unassigned: number };
  people: Person[];
}

export interface Listing {
  batches: Batch[];
  revs?: Record<string, number>;
  pagination: { page: number; per_page: number; total: number; total_pages: number };
}

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly data: Record<string, unknown>,
  ) {
    super(message);
  }
}

const token = () => document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";

/** Like `fetch`, with the session's token; raises `ApiError` with the sentence the server answered. */
export async function send(method: string, address: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Accept", "application/json");
  if (method !== "GET") headers.set("X-CSRF-Token", token());
  let answer: Response;
  try {
    answer = await fetch(address, { ...init, method, headers, credentials: "same-origin" });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    document.dispatchEvent(new CustomEvent("connection", { detail: false }));
    throw new ApiError(t("No hay conexión con el servidor. Inténtalo de nuevo."), 0, {});
  }
  if (answer.ok) return answer;
  const data = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  if (answer.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  const said = typeof data.error === "string" ? data.error : t("El servidor contestó {status}. Inténtalo de nuevo.", { status: String(answer.status) });
  throw new ApiError(said, answer.status, data);
}

export async function get<T>(address: string): Promise<T> {
  return (await (await send("GET", address)).json()) as T;
}

export async function post<T = Record<string, unknown>>(address: string, body: unknown): Promise<T> {
  return json<T>("POST", address, body);
}

export async function json<T = Record<string, unknown>>(
  method: string,
  address: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const init = { body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } };
  return (await (await send(method, address, init)).json()) as T;
}

export const batchAddress = (id: string) => `/api/batches/${encodeURIComponent(id)}`;
export const personAddress = (name: string) => `/api/segmentadores/${encodeURIComponent(name)}`;

/** A filter's value: a comma is part of it (board/filters.py). */
export const literal = (value: string) => value.replace(/\\/g, "\\\\").replace(/,/g, "\\,");

export function list(parameters: URLSearchParams): Promise<Listing> {
  return get<Listing>(`/api/batches?${parameters}`);
}

/** All pages of a listing, handed on as they arrive. */
export async function everything(filter: Record<string, string>, arrived: (batches: Batch[]) => void): Promise<void> {
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const listing = await list(new URLSearchParams({ ...filter, per_page: "1000", page: String(page) }));
    pages = listing.pagination.total_pages;
    arrived(listing.batches);
  }
}

export async function people(): Promise<string[]> {
  const answer = await get<{ segmentadores: { name?: unknown }[] }>("/api/segmentadores");
  return answer.segmentadores.map((person) => person.name).filter((name): name is string => typeof name === "string" && name.trim() !== "");
}

export function assign(ids: string[], assignee: string | null): Promise<Record<string, unknown>> {
  return post("/api/batches/assign", { ids, assignee });
}

export const assigneeOf = (batch: Batch) => (typeof batch.assignee === "string" ? batch.assignee.trim() : "");
export const shown = (value: unknown) => (value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));

/** Reviews in the spelling of today, whichever the data has. */
export function reviewOf(batch: Batch): string {
  const value = shown(batch.metadata?.review_status);
  const plain = value.toLowerCase().replace("_", " ");
  return { pendiente: "Pendiente", aprobado: "Aprobado", "no aprobado": "No Aprobado" }[plain] ?? value;
}
