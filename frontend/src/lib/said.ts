// Sentences that the server has stored or measured are Spanish. On an English page the template that one was made from
// is found among these, and its translation filled with the same pieces.
import { t } from "./text";

/** What has the same shape and is more special stands before what is less. */
const TEMPLATES = [
  "hace {age}; el tablero volvió en {seconds} s",
  "hace {age}",
  "ninguno; se comprobó hace {age}",
  "todos en el historial; se buscaron hace {age}",
  "lo de las últimas {age}",
  "en marcha; la próxima en {age}",
  "la última falló: {why}",
  "no se pudo intentar: {why}",
  "falló: {why}",
  "el servidor no contesta: {why}; esperan {count}",
  "no se pudieron enviar {failed}; esperan {count}",
  "esperan {count}, ninguno falló",
  "{free} GB libres de {total}",
  "{days} días",
  "diaria {place} de {places}",
  "semanal {place} de {places}",
  "mensual {place} de {places}",
  "fijada: {reason}",
  "previa a una operación delicada, hasta el {day}",
  "siempre quedan al menos {least}",
  "programada: {kinds}",
  "se restauraron {found} {what} de {wanted}",
  "No se puede leer la carpeta de copias: {why}. Revisa el disco y sus permisos.",
];

const places = /\{(\w+)\}/g;

const patterns = TEMPLATES.map((template) => {
  const pieces = template.split(places);
  const escaped = pieces.map((piece, index) => (index % 2 ? "(.+?)" : piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  return { template, names: pieces.filter((_, index) => index % 2), pattern: new RegExp(`^${escaped.join("")}$`) };
});

/** The kinds of a schedule come as a list. */
const words = (text: string): string => text.split(", ").map((word) => t(word)).join(", ");

export function said(text: string): string {
  if (document.documentElement.lang !== "en" || !text) return text;
  const whole = t(text);
  if (whole !== text) return whole;
  for (const { template, names, pattern } of patterns) {
    const match = pattern.exec(text);
    if (match) return t(template, Object.fromEntries(names.map((name, index) => [name, said(match[index + 1]!)])));
  }
  return words(text);
}
