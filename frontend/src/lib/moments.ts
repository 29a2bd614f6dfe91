// Moments as people of the board's zone read and type them; the API speaks ISO times with an offset.
import { day, t } from "./text";

const LOCALE = document.documentElement.lang === "en" ? "en" : "es-MX";

type Parts = Record<string, string>;

/** A moment's year, month, day, hour, minute and second in the board's zone. */
function parts(moment: Date): Parts {
  const zone = document.body.dataset.zone;
  const format = new Intl.DateTimeFormat("en-CA", {
    ...(zone ? { timeZone: zone } : {}),
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  return Object.fromEntries(format.formatToParts(moment).map((part) => [part.type, part.value]));
}

/** `2025-11-28`: on which day of the board's zone it was. */
export function dayOf(moment: string | Date): string {
  const at = parts(new Date(moment));
  return `${at.year}-${at.month}-${at.day}`;
}

export function clock(moment: string): string {
  const at = parts(new Date(moment));
  return `${at.hour}:${at.minute}`;
}

/** `vie 28 nov, 14:30` */
export function when(moment: string): string {
  if (Number.isNaN(Date.parse(moment))) return moment;
  return `${day(dayOf(moment))}, ${clock(moment)}`;
}

/** A sentence of the server, which writes moments for programs, with them as people read them. */
export const inWords = (text: string) => text.replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})/g, when);

/** A heading for what happened on a day: `Hoy`, `Ayer`, `viernes 28 de noviembre`. */
export function dayTitle(date: string): string {
  const now = new Date();
  if (date === dayOf(now)) return t("Hoy");
  if (date === dayOf(new Date(now.getTime() - 86_400_000))) return t("Ayer");
  const [year, month, number] = date.split("-").map(Number) as [number, number, number];
  const sameYear = date.slice(0, 4) === dayOf(now).slice(0, 4);
  const options: Intl.DateTimeFormatOptions = { weekday: "long", day: "numeric", month: "long" };
  if (!sameYear) options.year = "numeric";
  return new Intl.DateTimeFormat(LOCALE, options).format(new Date(year, month - 1, number));
}

/** For a field of the browser's kind `datetime-local`, in the board's zone. */
export function toField(moment: string | Date): string {
  const at = parts(new Date(moment));
  return `${at.year}-${at.month}-${at.day}T${at.hour}:${at.minute}:${at.second}`;
}

/** What such a field, or one of the kind `date`, says; null where it says nothing. */
export function fromField(value: string): string | null {
  const asUtc = Date.parse(`${value.length === 10 ? `${value}T00:00` : value}Z`);
  if (Number.isNaN(asUtc)) return null;
  // The offset depends on the moment sought: a second look settles it, a change of clocks aside.
  let moment = asUtc;
  for (let look = 0; look < 2; look += 1) moment = asUtc - (Date.parse(`${toField(new Date(moment))}Z`) - moment);
  return new Date(moment).toISOString();
}

/** The start of the day after, so that a day chosen as the last one counts whole. */
export function dayAfter(value: string): string | null {
  const start = Date.parse(`${value}T00:00Z`);
  return Number.isNaN(start) ? null : fromField(new Date(start + 86_400_000).toISOString().slice(0, 10));
}
