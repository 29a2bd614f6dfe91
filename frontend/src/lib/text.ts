// What people read: the Spanish text is the key, a translation may come with the page.

type Fields = Record<string, string | number>;

const catalogue: Record<string, string> = (() => {
  const source = document.getElementById("texts")?.textContent;
  return source ? (JSON.parse(source) as Record<string, string>) : {};
})();

const LOCALE = document.documentElement.lang === "en" ? "en" : "es-MX";

export function t(text: string, fields: Fields = {}): string {
  const template = catalogue[text] ?? text;
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = fields[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : value;
  });
}

/** One of two texts, by how many; `{count}` is filled in. */
export function plural(count: number, one: string, many: string, fields: Fields = {}): string {
  return t(count === 1 ? one : many, { ...fields, count });
}

export function number(value: number): string {
  return value.toLocaleString(LOCALE === "en" ? "en" : "es-MX");
}

export function percent(value: number): string {
  return `${value.toLocaleString(LOCALE, { maximumFractionDigits: 1 })} %`;
}

/** `2025-11-28` -> `vie 28 nov` (with the year when it is not this one); anything else stays as it is. */
export function day(value: unknown): string {
  if (typeof value !== "string") return "";
  const match = /^(\d{4})-(\d{2})-(\d{2})/.exec(value);
  if (!match) return value;
  const date = new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  if (Number.isNaN(date.getTime())) return value;
  const here = date.getFullYear() === new Date().getFullYear();
  const parts = new Intl.DateTimeFormat(LOCALE, {
    weekday: "short",
    day: "numeric",
    month: "short",
    ...(here ? {} : { year: "numeric" }),
  }).formatToParts(date);
  const part = (type: string) => parts.find((one) => one.type === type)?.value.replace(".", "") ?? "";
  return [part("weekday"), part("day"), part("month"), here ? "" : part("year")].filter(Boolean).join(" ");
}

/** Today in the board's zone, as the data writes days. */
export function today(): string {
  const zone = document.body.dataset.zone;
  const options = zone ? { timeZone: zone } : {};
  return new Intl.DateTimeFormat("en-CA", { ...options, year: "numeric", month: "2-digit", day: "2-digit" }).format(new Date());
}

export function ago(moment: string): string {
  const minutes = Math.max(0, Math.round((Date.now() - Date.parse(moment)) / 60_000));
  if (minutes < 1) return t("hace un momento");
  if (minutes < 60) return t("hace {count} min", { count: minutes });
  if (minutes < 48 * 60) return t("hace {count} h", { count: Math.round(minutes / 60) });
  return t("hace {count} días", { count: Math.round(minutes / 1440) });
}

/** Without accents and case, for finding. */
export function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
