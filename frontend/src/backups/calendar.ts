// A month, with a dot for each copy; a day is a button that shows its copies in the list.
import { find, h, icon } from "../lib/dom";
import { clock, dayOf } from "../lib/moments";
import { day as dayText, plural, t, today } from "../lib/text";
import { type Backup, type State, dot, momentOf, stateWord } from "./backup";

const LOCALE = document.documentElement.lang === "en" ? "en" : "es-MX";
/** Dots that find room in a day. */
const MOST = 4;

/** `2025-11` */
type Month = string;

const monthOf = (date: string): Month => date.slice(0, 7);

function moved(month: Month, by: number): Month {
  const [year, number] = month.split("-").map(Number) as [number, number];
  const there = new Date(Date.UTC(year, number - 1 + by, 1));
  return there.toISOString().slice(0, 7);
}

const utc = (date: string) => new Date(`${date}T00:00Z`);
const monthName = (month: Month) => new Intl.DateTimeFormat(LOCALE, { month: "long", year: "numeric", timeZone: "UTC" }).format(utc(`${month}-01`));

/** Monday first. */
const place = (date: string) => (utc(date).getUTCDay() + 6) % 7;

export class Calendar {
  private readonly root = find("#calendar");
  private month = monthOf(today());
  private backups: Backup[] = [];
  private coming = new Set<string>();
  private drawn = "";
  private chosen = "";

  constructor(private readonly choose: (day: string) => void) {}

  show(backups: Backup[], coming: string[]): void {
    this.backups = backups.filter((backup) => momentOf(backup));
    this.coming = new Set(coming.map((moment) => dayOf(moment)));
    this.draw();
  }

  select(day: string): void {
    this.chosen = day;
    this.draw();
  }

  private go(by: number): void {
    this.month = moved(this.month, by);
    this.draw();
    // The arrow that was pressed is another element now.
    const arrows = this.root.querySelectorAll<HTMLButtonElement>(".calendar-head button");
    const arrow = arrows[by < 0 ? 0 : 1];
    (arrow?.disabled ? arrows[by < 0 ? 1 : 0] : arrow)?.focus();
  }

  private draw(): void {
    const days = new Map<string, Backup[]>();
    for (const backup of this.backups) {
      const date = dayOf(momentOf(backup));
      if (monthOf(date) === this.month) days.set(date, [backup, ...(days.get(date) ?? [])]);
    }
    const key = JSON.stringify([this.month, this.chosen, today(), [...this.coming], [...days].map(([date, list]) => [date, list.map(({ id, state }) => [id, state])])]);
    if (key === this.drawn) return;
    this.drawn = key;
    const focused = (document.activeElement as HTMLElement | null)?.dataset.day;
    this.root.replaceChildren(this.head(), this.table(days));
    if (focused) this.root.querySelector<HTMLElement>(`[data-day="${focused}"]`)?.focus();
  }

  private head(): HTMLElement {
    const oldest = this.backups.map((backup) => monthOf(dayOf(momentOf(backup)))).sort()[0] ?? this.month;
    const last = [monthOf(today()), ...[...this.coming].map(monthOf)].sort().at(-1)!;
    const arrow = (by: number, label: string, disabled: boolean) =>
      h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, disabled, onclick: () => this.go(by) }, icon(by < 0 ? "chevron-left" : "chevron-right"));
    return h(
      "div",
      { class: "calendar-head" },
      h("h2", { class: "card-title", id: "calendar-title", "aria-live": "polite" }, monthName(this.month)),
      arrow(-1, t("Mes anterior"), this.month <= oldest),
      arrow(1, t("Mes siguiente"), this.month >= last),
    );
  }

  private table(days: Map<string, Backup[]>): HTMLElement {
    const first = `${this.month}-01`;
    const count = utc(`${moved(this.month, 1)}-01`).getTime() - utc(first).getTime();
    const cells: (HTMLElement | null)[] = Array.from({ length: place(first) }, () => null);
    for (let number = 1; number <= Math.round(count / 86_400_000); number += 1) {
      const date = `${this.month}-${String(number).padStart(2, "0")}`;
      cells.push(this.cell(date, days.get(date) ?? []));
    }
    const rows = Array.from({ length: Math.ceil(cells.length / 7) }, (_, week) =>
      h("tr", {}, ...Array.from({ length: 7 }, (_, index) => cells[week * 7 + index] ?? h("td", {}))),
    );
    return h("table", { class: "calendar", "aria-labelledby": "calendar-title" }, h("thead", {}, h("tr", {}, ...weekdays())), h("tbody", {}, ...rows));
  }

  private cell(date: string, backups: Backup[]): HTMLElement {
    const number = String(Number(date.slice(8)));
    const kind = date === today() ? "calendar-day today" : "calendar-day";
    const coming = this.coming.has(date);
    if (backups.length === 0) {
      const next = coming && h("span", { class: "dots" }, h("span", { class: "dot dot-coming" }), h("span", { class: "visually-hidden" }, t("copia prevista")));
      return h("td", {}, h("div", { class: kind, "aria-current": date === today() && "date" }, h("span", { class: "number" }, number), next));
    }
    const shown = backups.slice(0, MOST).map(({ state }) => dot(state));
    const rest = backups.length - shown.length;
    const dots = h("span", { class: "dots" }, ...shown, rest > 0 && h("span", { class: "more" }, `+${rest}`), coming && rest <= 0 && h("span", { class: "dot dot-coming", "aria-hidden": "true" }));
    const pressed = date === this.chosen;
    const button = h("button", { type: "button", class: `${kind} calendar-button`, "data-day": date, "aria-pressed": String(pressed), "aria-label": label(date, backups), "aria-current": date === today() && "date" }, h("span", { class: "number" }, number), dots);
    button.addEventListener("click", () => this.choose(pressed ? "" : date));
    return h("td", {}, button);
  }
}

function weekdays(): HTMLElement[] {
  const name = (width: "narrow" | "long", index: number) => new Intl.DateTimeFormat(LOCALE, { weekday: width, timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, 1 + index)));
  return Array.from({ length: 7 }, (_, index) => h("th", { scope: "col" }, h("span", { "aria-hidden": "true" }, name("narrow", index)), h("span", { class: "visually-hidden" }, name("long", index))));
}

function label(date: string, backups: Backup[]): string {
  const each = backups.map((backup) => `${clock(momentOf(backup))} ${stateWord(backup.state).toLowerCase()}`);
  return `${dayText(date)}: ${plural(backups.length, "{count} copia", "{count} copias")} (${each.join(", ")})`;
}

/** What the dots say; states that there are none of are left out, but for the way a copy goes. */
export function legend(backups: Backup[]): HTMLElement[] {
  const words: [State | "coming", string][] = [
    ["complete", t("hecha")],
    ["verified", t("comprobada")],
    ["good", t("restaurada en un simulacro")],
    ["damaged", t("dañada")],
    ["removed", t("quitada")],
    ["coming", t("prevista")],
  ];
  const there = new Set(backups.map(({ state }) => state as string));
  const kept = words.filter(([state]) => !["damaged", "removed"].includes(state) || there.has(state));
  return kept.map(([state, word]) => h("li", {}, state === "coming" ? h("span", { class: "dot dot-coming", "aria-hidden": "true" }) : dot(state), word));
}
