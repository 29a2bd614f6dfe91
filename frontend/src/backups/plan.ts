// What is kept and why, what will be there in the year ahead, and when the next copies are made.
import { find, h, icon } from "../lib/dom";
import { when } from "../lib/moments";
import { said } from "../lib/said";
import { day as dayText, number, plural, t } from "../lib/text";
import { type Backup, momentOf, named } from "./backup";

interface Decision {
  id: string;
  keep: boolean;
  reason: string;
}

interface Month {
  month: string;
  kept: number;
  oldest: string;
  of_today: string[];
}

export interface Plan {
  decisions: Decision[];
  year: Month[];
  next: Record<string, string>;
}

const LOCALE = document.documentElement.lang === "en" ? "en" : "es-MX";
const KINDS: Record<string, string> = { daily: "Diaria", weekly: "Semanal", monthly: "Mensual" };
/** Decisions shown before somebody asks for all. */
const MOST = 8;

export function showNext(plan: Plan): void {
  const rows = Object.entries(plan.next).sort(([, a], [, b]) => Date.parse(a) - Date.parse(b));
  const none = h("div", {}, h("dt", {}, icon("exclamation-triangle")), h("dd", { class: "attention" }, t("ninguna: las copias automáticas están apagadas")));
  const list = rows.map(([kind, at]) => h("div", {}, h("dt", {}, t(KINDS[kind] ?? kind)), h("dd", {}, when(at))));
  find("#next").replaceChildren(...(list.length ? list : [none]));
}

export function showDecisions(plan: Plan, backups: Backup[]): void {
  const ordered = [...plan.decisions.filter(({ keep }) => !keep), ...plan.decisions.filter(({ keep }) => keep)];
  const going = plan.decisions.filter(({ keep }) => !keep).length;
  const kept = plan.decisions.length - going;
  const words = [plural(kept, "{count} se queda", "{count} se quedan"), ...(going ? [plural(going, "{count} se quitará", "{count} se quitarán")] : [])];
  find("#decisions-sum").textContent = plan.decisions.length ? words.join(" · ") : "";
  const rows = ordered.map((decision) => decisionRow(decision, backups));
  const body = find("#decisions");
  body.replaceChildren(...rows.slice(0, MOST));
  if (rows.length === 0) body.replaceChildren(h("tr", {}, h("td", { colSpan: 3, class: "muted" }, t("Aún no hay copias."))));
  const more = find<HTMLButtonElement>("#decisions-more");
  more.hidden = rows.length <= MOST;
  more.onclick = () => {
    body.replaceChildren(...rows);
    more.hidden = true;
  };
}

function decisionRow({ id, keep, reason }: Decision, backups: Backup[]): HTMLElement {
  const backup = backups.find((one) => one.id === id);
  const verdict = keep ? h("span", { class: "verdict verdict-keep" }, icon("check-lg"), t("se queda")) : h("span", { class: "verdict verdict-go" }, icon("trash"), t("se quitará"));
  return h("tr", {}, h("th", { scope: "row" }, backup && momentOf(backup) ? named(backup) : id), h("td", {}, verdict), h("td", { class: "muted" }, said(reason)));
}

const monthName = (month: string, width: "short" | "long") => new Intl.DateTimeFormat(LOCALE, { month: width, timeZone: "UTC" }).format(new Date(`${month}-01T00:00Z`)).replace(".", "");

/** A bar for each month: how many copies there will be at its end, and how many of them are there today. */
export function showYear(plan: Plan): void {
  const most = Math.max(1, ...plan.year.map(({ kept }) => kept));
  const bars = plan.year.map(({ month, kept, of_today }) => {
    const now = h("span", { class: "year-today" });
    const whole = h("span", { class: "year-bar" }, now);
    whole.style.height = `${(kept / most) * 100}%`;
    now.style.height = `${(Math.min(of_today.length, kept) / Math.max(1, kept)) * 100}%`;
    return h("div", { class: "year-month" }, h("span", { class: "year-count" }, number(kept)), h("span", { class: "year-room" }, whole), h("span", { class: "year-name" }, monthName(month, "short")));
  });
  const [first, last] = [plan.year[0], plan.year.at(-1)];
  const picture = find("#year");
  picture.replaceChildren(...bars);
  const text = first && last ? t("Al final de {first} habrá {count} copias; al final de {last}, {later}, la más vieja del {oldest}.", { first: monthYear(first.month), count: first.kept, last: monthYear(last.month), later: last.kept, oldest: dayText(last.oldest) }) : "";
  picture.setAttribute("aria-label", text);
  find("#year-text").textContent = text;
  find("#year-rows").replaceChildren(
    ...plan.year.map(({ month, kept, oldest, of_today }) =>
      h("tr", {}, h("th", { scope: "row" }, monthYear(month)), h("td", { class: "num" }, number(kept)), h("td", { class: "num" }, number(of_today.length)), h("td", {}, dayText(oldest))),
    ),
  );
}

const monthYear = (month: string) => `${monthName(month, "long")} ${month.slice(0, 4)}`;
