// Parts that several pages show alike.
import { type Batch, type Counts, shown } from "./api";
import { h, icon } from "./dom";
import { percent, plural, t } from "./text";

export const STATUSES = ["NS", "In", "S"];
export const REVIEWS = ["Pendiente", "Aprobado", "No Aprobado"];
export const PRIORITIES = ["alta", "media", "baja"];

const STATUS_WORDS: Record<string, string> = { NS: "No segmentado", In: "Incompleta", S: "Segmentado" };

export const statusWord = (status: string) => (STATUS_WORDS[status] ? t(STATUS_WORDS[status]) : t("Otro estatus"));

export const done = (counts: Counts) => (counts.total ? Math.round((counts.S / counts.total) * 1000) / 10 : 0);

/** How far the work is, as one bar of S, In and NS; its numbers stand beside it as text. */
export function bar(): HTMLElement {
  return h("div", { class: "bar", role: "img" }, ...["S", "In", "other", "NS"].map((kind) => h("span", { class: `bar-${kind}` })));
}

export function fillBar(element: HTMLElement, counts: Counts): void {
  const kinds = ["S", "In", "other", "NS"] as const;
  kinds.forEach((kind, place) => {
    const part = element.children[place] as HTMLElement;
    part.style.width = counts.total ? `${((counts[kind] ?? 0) / counts.total) * 100}%` : "0";
  });
  element.setAttribute("aria-label", t("{percent} completado", { percent: percent(done(counts)) }));
}

export function statusMark(status: unknown): HTMLElement {
  const text = shown(status) || "—";
  const known = STATUSES.includes(text) ? text : "other";
  return h("span", { class: `mark mark-${known}`, title: statusWord(text) }, text);
}

export function priorityMark(batch: Batch): HTMLElement | null {
  const value = shown(batch.metadata?.priority);
  return value ? h("span", { class: `priority priority-${PRIORITIES.includes(value) ? value : "other"}` }, t(value)) : null;
}

/** Late: due before today and not finished. */
export function late(batch: Batch, today: string): boolean {
  const due = batch.metadata?.due_date;
  return typeof due === "string" && due !== "" && due.slice(0, 10) < today && batch.status !== "S";
}

export const timelineAddress = (id: string) => `/batches/${encodeURIComponent(id)}`;

/** The way to a batch's history, where its id is not a link itself. */
export function historyLink(id: string): HTMLElement {
  const label = t("Historia de {id}", { id });
  return h("a", { href: timelineAddress(id), class: "icon-button", "aria-label": label, title: label, draggable: false }, icon("clock-history"));
}

export const batchesText = (count: number) => plural(count, "{count} batch", "{count} batches");

export function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();
}
