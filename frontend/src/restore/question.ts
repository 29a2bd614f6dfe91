// What somebody wants back: from what, what of it, and how. The address of the page says it, so that it can be sent to
// somebody and asked again after an interruption. Only a file cannot be in it.

export type Source =
  | { kind: "moment"; moment: string }
  | { kind: "before"; op: string }
  | { kind: "archive"; id: string }
  | { kind: "revision"; batch: string; rev: number }
  | { kind: "file"; file: File | null };

export interface Question {
  source: Source | null;
  people: string[];
  statuses: string[];
  ids: string[];
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
    statuses: given.getAll("status"),
    ids: given.getAll("ids"),
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
  for (const name of question.people) said.append("assignee", name);
  for (const status of question.statuses) said.append("status", status);
  for (const id of question.ids) said.append("ids", id);
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
export function toRequest({ source, people, statuses, ids, fields, deleted, equal }: Question): Record<string, unknown> {
  const named = Object.entries({ assignee: people, status: statuses, ids }).filter(([, values]) => values.length > 0);
  return { source: sourceRequest(source), filters: Object.fromEntries(named), fields, only_deleted: deleted, equal };
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

/** A single batch was asked for, whatever else is chosen. */
export const isNarrow = (question: Question) => question.people.length + question.statuses.length + question.ids.length > 0;
