// Sizes and durations as people say them.
import { t } from "./text";

const LOCALE = document.documentElement.lang === "en" ? "en" : "es-MX";
const UNITS = ["B", "KB", "MB", "GB", "TB"];

const rounded = (value: number, digits: number) => value.toLocaleString(LOCALE, { maximumFractionDigits: digits });

/** `1.2 MB` */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${rounded(value, value < 10 && unit > 0 ? 1 : 0)} ${UNITS[unit]}`;
}

/** `4.2 s`, `12 min`, `1 h 20 min` */
export function duration(seconds: number): string {
  if (seconds < 0.05) return t("menos de {seconds} s", { seconds: rounded(0.1, 1) });
  if (seconds < 10) return t("{seconds} s", { seconds: rounded(seconds, 1) });
  if (seconds < 90) return t("{seconds} s", { seconds: rounded(seconds, 0) });
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return t("{minutes} min", { minutes });
  return t("{hours} h {minutes} min", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}
