// The timeline of a batch: what it is now, and everything that ever happened to it, newest first.
import { ApiError, type Batch, assigneeOf, batchAddress, get } from "./lib/api";
import { find, h, icon } from "./lib/dom";
import { listen, onChange } from "./lib/live";
import { problem, sentence } from "./lib/notice";
import { late, priorityMark, statusMark } from "./lib/parts";
import { actorName, type TimelineEntry } from "./lib/story";
import { day, plural, t, today } from "./lib/text";
import { entryItem } from "./timeline/entry";
import { gone, now } from "./timeline/now";

interface History {
  timeline: TimelineEntry[];
  next: number | null;
}

const PAGE = 50;

const id = find("#batch-id").dataset.id ?? "";
const list = find("#timeline");
const more = find<HTMLButtonElement>("#more");
let entries: TimelineEntry[] = [];
let batch: Batch | null = null;
let rev: number | null = null;
let next: number | null = null;
let total = 0;

const read = (before?: number | null) => get<History>(`${batchAddress(id)}/history?limit=${PAGE}${before ? `&before=${before}` : ""}`);

async function readBatch(): Promise<void> {
  try {
    ({ batch, rev } = await get<{ batch: Batch; rev: number }>(batchAddress(id)));
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
    [batch, rev] = [null, null];
  }
}

async function load(): Promise<void> {
  try {
    const history = await read();
    if (history.timeline[0]?.gone) [batch, rev] = [null, null];
    else await readBatch();
    // What was read further down stays open.
    const known = new Set(history.timeline.map((entry) => entry.rev));
    const older = entries.filter((entry) => !known.has(entry.rev) && entry.rev < (history.timeline.at(-1)?.rev ?? 0));
    entries = [...history.timeline, ...older];
    if (older.length === 0) next = history.next;
    draw();
  } catch (error) {
    failed(error);
  }
}

async function loadMore(): Promise<void> {
  more.disabled = true;
  try {
    const history = await read(next);
    entries.push(...history.timeline);
    next = history.next;
    draw();
  } catch (error) {
    problem(error);
  }
  more.disabled = false;
}

function failed(error: unknown): void {
  if (error instanceof ApiError && error.status === 404) return unknown(error.message);
  const again = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => void load() }, t("Reintentar"));
  list.replaceChildren(h("li", { class: "empty" }, icon("exclamation-triangle"), h("p", {}, sentence(error)), again));
  find("#now").replaceChildren(h("p", { class: "hint" }, t("No se pudo leer.")));
}

function unknown(text: string): void {
  list.replaceChildren(h("li", { class: "empty" }, icon("inbox"), h("p", {}, text), h("a", { class: "btn btn-quiet btn-sm", href: "/batches" }, t("Ver los batches"))));
  find("#now").replaceChildren(h("p", { class: "hint" }, t("Nunca ha habido un batch con este id.")));
}

function draw(): void {
  if (entries.length === 0 && !batch) return unknown(t("No hay nada escrito sobre este batch."));
  drawHead();
  const undone = undoneOperations(entries);
  const shownBefore = new Map([...list.querySelectorAll<HTMLElement>("li[data-key]")].map((item) => [item.dataset.key, item]));
  const items = entries.map((entry) => {
    const by = undone.get(entry.op);
    const key = `${entry.rev}/${by?.op ?? ""}/${rev}`;
    return shownBefore.get(key) ?? entryItem({ id, entry, undoneBy: by, key, present: () => ({ batch, rev }), changed: () => void load() });
  });
  list.replaceChildren(...items);
  if (entries.length === 0) list.append(h("li", { class: "empty" }, icon("clock-history"), h("p", {}, t("Todavía no tiene historia: empieza con su próximo cambio."))));
  total = Math.max(total, entries[0]?.rev ?? 0);
  find("#history-title").replaceChildren(t("Historia"), " ", h("span", { class: "pill" }, plural(total, "{count} cambio", "{count} cambios")));
  more.hidden = next === null;
}

function drawHead(): void {
  const marks = find("#batch-marks");
  document.body.classList.toggle("batch-gone", batch === null);
  if (!batch) {
    marks.replaceChildren(h("span", { class: "tag tag-risk" }, icon("trash3"), t("Eliminado")));
    find("#now-title").textContent = t("Ya no está en el tablero");
    return find("#now").replaceChildren(gone(id, entries[0], () => void load()));
  }
  const due = batch.metadata?.due_date;
  const isLate = late(batch, today());
  marks.replaceChildren(
    statusMark(batch.status),
    h("span", {}, icon("person"), assigneeOf(batch) || t("Sin asignar")),
    ...[priorityMark(batch)].filter((mark) => mark !== null),
    ...(due ? [h("span", { class: isLate ? "late" : "" }, icon("calendar3"), isLate ? t("venció {day}", { day: day(due) }) : t("vence {day}", { day: day(due) }))] : []),
  );
  find("#now-title").textContent = t("Ahora");
  find("#now").replaceChildren(now(batch));
}

/** Which operations are undone, and by which entry; an undoing that was itself undone does not count. */
function undoneOperations(newestFirst: TimelineEntry[]): Map<string, TimelineEntry> {
  const undone = new Map<string, TimelineEntry>();
  for (const entry of newestFirst) if (entry.undoes && !undone.has(entry.op) && !undone.has(entry.undoes)) undone.set(entry.undoes, entry);
  return undone;
}

function changed(change: { kind: string; docs: string[]; count: number; actor: string }): void {
  if (change.kind !== "batch" || !(change.docs.includes(id) || change.count > change.docs.length)) return;
  const mine = change.actor === document.body.dataset.account;
  void load().then(() => {
    if (!mine) tell(t("{actor} acaba de cambiarlo.", { actor: actorName(change.actor, "") }));
  });
}

function tell(text: string): void {
  const fresh = find("#fresh");
  fresh.textContent = text;
  fresh.hidden = false;
  window.setTimeout(() => (fresh.hidden = true), 6000);
}

more.addEventListener("click", () => void loadMore());
void load();
onChange(changed);
listen(() => void load());
