// What somebody wants back: from what, what of it, and how. The address of the page says it, so that it can be sent to
// somebody and asked again after an interruption. Only a file cannot be in it.

export type Source =
  | { kind: "moment"; moment: string }
  | { kind: "before"; op: string }
  | { kind: "archive"; id: string }
  | { kind: "revision"; batch: string; rev: number }
  | { kind: "file"; file: File | null };

/** Filters of one value (board/filters.py). */
export const SINGLE = ["text", "due_after", "due_before", "assigned_after", "assigned_before"] as const;
export type Single = (typeof SINGLE)[number];

export interface Question {
  source: Source | null;
  people: string[];
  /** Those of nobody, which rules out people. */
  unassigned: boolean;
  statuses: string[];
  ids: string[];
  priorities: string[];
  reviews: string[];
  single: Partial<Record<Single, string>>;
  fields: string[];
  /** Only what the board does not have. */
  deleted: boolean;
  /** What the source does not have goes from the board. */
  equal: boolean;
}

export function fromAddress(given: URLSearchParams): Question {
  return {
    source: sourceOf(given),
    people: given.getAll("assignee"),
    unassigned: given.has("unassigned"),
    statuses: given.getAll("status"),
    ids: given.getAll("ids"),
    priorities: given.getAll("priority"),
    reviews: given.getAll("review"),
    single: Object.fromEntries(SINGLE.map((name) => [name, given.get(name) ?? ""]).filter(([, value]) => value)),
    fields: given.getAll("fields"),
    deleted: given.has("deleted"),
    equal: given.has("equal"),
  };
}

function sourceOf(given: URLSearchParams): Source | null {
  const [id, moment, op, batch] = ["source", "moment", "before", "batch"].map((name) => given.get(name) ?? "");
  if (id) return { kind: "archive", id };
  if (op) return { kind: "before", op };
  if (moment) return { kind: "moment", moment };
  if (batch && Number(given.get("rev")) > 0) return { kind: "revision", batch, rev: Number(given.get("rev")) };
  return given.get("from") === "file" ? { kind: "file", file: null } : null;
}

export function toAddress(question: Question): string {
  const said = new URLSearchParams(sourceParameters(question.source));
  for (const [name, values] of Object.entries(many(question))) for (const value of values) said.append(name, value);
  for (const name of SINGLE) if (question.single[name]) said.set(name, question.single[name]);
  if (question.unassigned) said.set("unassigned", "1");
  for (const field of question.fields) said.append("fields", field);
  if (question.deleted) said.set("deleted", "1");
  if (question.equal) said.set("equal", "1");
  return `?${said}`;
}

function sourceParameters(source: Source | null): Record<string, string> {
  switch (source?.kind) {
    case "moment":
      return { moment: source.moment };
    case "before":
      return { before: source.op };
    case "archive":
      return { source: source.id };
    case "revision":
      return { batch: source.batch, rev: String(source.rev) };
    case "file":
      return { from: "file" };
    default:
      return {};
  }
}

/** As the server takes it; a file goes beside it. */
export function toRequest(question: Question): Record<string, unknown> {
  const { source, fields, deleted, equal } = question;
  return { source: sourceRequest(source), filters: filtersOf(question), fields, only_deleted: deleted, equal };
}

/** Filters of any number of values. */
const many = ({ people, statuses, ids, priorities, reviews }: Question): Record<string, string[]> => ({ assignee: people, status: statuses, ids, priority: priorities, review: reviews });

function filtersOf(question: Question): Record<string, unknown> {
  const named = Object.entries(many(question)).filter(([, values]) => values.length > 0);
  return { ...Object.fromEntries(named), ...question.single, ...(question.unassigned ? { unassigned: true } : {}) };
}

function sourceRequest(source: Source | null): unknown {
  switch (source?.kind) {
    case "moment":
      return { moment: source.moment };
    case "before":
      return { before: source.op };
    case "archive":
      return { archive: source.id };
    case "revision":
      return { batch: source.batch, rev: source.rev };
    default:
      return undefined;
  }
}

/** Not everything was asked for. */
export const isNarrow = (question: Question) => Object.keys(filtersOf(question)).length > 0;
