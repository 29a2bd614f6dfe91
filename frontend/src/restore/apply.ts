// Steps 4 and 5: doing exactly what the preview showed, and what came of it, with the way back.
import { post } from "../lib/api";
import { h, icon } from "../lib/dom";
import { duration } from "../lib/measures";
import { when } from "../lib/moments";
import { sentence } from "../lib/notice";
import { type Task, follow } from "../lib/tasks";
import { number, plural, t } from "../lib/text";
import { previewUndo } from "../lib/undo";
import type { Applied, Done, Plan } from "./plan";

const documents = (count: number) => plural(count, "{count} cambio", "{count} cambios");

/** Where something is deleted, how many has to be typed first: the box that asks for it, and whether it was. */
export function typedCount(count: number, changed: () => void): { box: HTMLElement; input: HTMLInputElement; fits(): boolean } {
  const input = h("input", { id: "restore-confirm", class: "form-control", type: "text", inputMode: "numeric", autocomplete: "off", "aria-describedby": "restore-confirm-hint" });
  input.addEventListener("input", changed);
  const box = h(
    "div",
    { class: "apply-confirm" },
    h("label", { class: "form-label", htmlFor: "restore-confirm" }, plural(count, "Se elimina {count} que no está ahí. Escribe {count} para confirmarlo", "Se eliminan {count} que no están ahí. Escribe {count} para confirmarlo")),
    input,
    h("p", { class: "hint", id: "restore-confirm-hint" }, t("Su historia se queda, y Deshacer los trae de vuelta.")),
  );
  return { box, input, fits: () => input.value.trim() === String(count) };
}

/** The button that does it. */
export function applyForm(plan: Plan, go: (confirm: string) => void): HTMLElement {
  const kept = plan.total - plan.deleted;
  const label = plan.deleted === 0 ? t("Aplicar {changes}", { changes: documents(kept) }) : kept === 0 ? plural(plan.deleted, "Eliminar {count}", "Eliminar {count}") : t("Aplicar {changes} y eliminar {deleted}", { changes: documents(kept), deleted: plan.deleted });
  const button = h("button", { type: "submit", class: plan.deleted ? "btn btn-danger" : "btn btn-primary", id: "apply", disabled: plan.deleted > 0 }, icon(plan.deleted ? "trash3" : "arrow-counterclockwise"), label);
  const typed = typedCount(plan.deleted, () => (button.disabled = !typed.fits()));
  const form = h("form", { class: "apply-form" }, h("ul", { class: "apply-promises" }, promise("archive", t("Antes se hace una copia del tablero como está ahora.")), promise("shield-check", t("Se hace exactamente lo que dice la vista previa, o nada si algo de eso cambió.")), promise("arrow-counterclockwise", t("Es una sola operación: se deshace con un botón."))), plan.deleted > 0 && typed.box, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!button.disabled) go(typed.input.value.trim());
  });
  return form;
}

const promise = (image: string, text: string) => h("li", {}, icon(image), text);

export const begin = (plan: string, confirm: string) => post<{ task: string }>("/api/restore/apply", { plan, confirm, background: true });
export const followApply = (task: string, tell: (task: Task<Applied>) => void) => follow<Applied>(task, tell);

const STEPS: Record<string, string> = { checking: "Comprobar que nada se movió", archive: "Hacer una copia del tablero de ahora", applying: "Aplicar los cambios" };

/** How far it is, redrawn with each answer. */
export class Progress {
  readonly root: HTMLElement;
  private readonly bar = h("div", { class: "progress-line", role: "progressbar", "aria-label": t("Restaurando"), "aria-valuemin": "0", "aria-valuemax": "100" }, h("span", {}));
  private readonly text = h("p", { role: "status" });
  private readonly time = h("span", { class: "making-time" });
  private furthest = "";

  constructor() {
    this.root = h("div", { class: "apply-progress" }, h("div", { class: "making-head" }, this.text, this.time), this.bar, h("p", { class: "hint" }, t("Puedes seguir trabajando o cerrar la página: se termina igual. Lo que alguien cambie mientras tanto se queda.")));
  }

  show({ step, seconds }: Pick<Task<Applied>, "step" | "seconds">): void {
    const [name = "checking", count = ""] = step.split(" ");
    // It is checked once more after the copy: going back would look like a mistake.
    const shown = name === "checking" && this.furthest === "archive" ? "archive" : name || "checking";
    this.furthest = shown;
    const [done, of] = count.split("/").map(Number);
    const part = { checking: 4, archive: 12 }[shown] ?? 24 + (of ? (76 * (done ?? 0)) / of : 0);
    (this.bar.firstElementChild as HTMLElement).style.width = `${part}%`;
    this.bar.setAttribute("aria-valuenow", String(Math.round(part)));
    const text = t(STEPS[shown] ?? shown) + (of ? ` · ${t("{done} de {all}", { done: number(done ?? 0), all: number(of) })}` : "");
    if (this.text.textContent !== text) this.text.textContent = text;
    this.time.textContent = duration(Math.floor(seconds));
  }
}

/** What it is called to take it back and to do it again, and what there is to do next. */
interface Words {
  undo: string;
  redo: string;
  next: HTMLElement;
}

const restored = (): Words => ({ undo: t("Deshacer la restauración"), redo: t("Rehacer la restauración"), next: h("a", { class: "btn btn-quiet", href: "/restore" }, t("Restaurar otra cosa")) });

/** What was done, what others were faster with, the copy made before, and the way back; and forth again. */
export function result(applied: Done, title: string, words: Words = restored()): HTMLElement {
  const box = h("div", { class: "applied" });
  const state = h("p", { class: "applied-title", role: "status" });
  const undo = h("button", { type: "button", class: "btn btn-quiet", id: "undo-restore" });
  let [op, undone] = [applied.operation, false];
  const draw = () => {
    state.replaceChildren(icon(undone ? "arrow-counterclockwise" : "check-circle-fill"), undone ? t("Deshecho: el tablero está como antes.") : `${title} · ${t("Guardado dos veces")}`);
    box.classList.toggle("applied-undone", undone);
    undo.replaceChildren(icon(undone ? "arrow-clockwise" : "arrow-counterclockwise"), undone ? t("Rehacer") : t("Deshacer"));
  };
  undo.addEventListener("click", () => {
    undo.disabled = true;
    previewUndo(undone ? words.redo : words.undo, op, {
      done: (operation) => {
        [op, undone] = [operation, !undone];
        draw();
      },
    })
      .catch((error) => box.append(h("p", { class: "field-error", role: "alert" }, sentence(error))))
      .finally(() => (undo.disabled = false));
  });
  draw();
  const links = [h("a", { class: "btn btn-quiet", href: `/history?op=${encodeURIComponent(applied.operation)}` }, icon("clock-history"), t("Verlo en el historial")), words.next];
  box.append(state, copyLine(applied) ?? "", ...conflicts(applied), h("div", { class: "applied-buttons" }, undo, ...links));
  return box;
}

function copyLine({ backup_before: own }: Done): HTMLElement | null {
  if (!own) return null;
  const link = h("a", { href: `/restore?source=${encodeURIComponent(own)}` }, t("la copia hecha antes"));
  return h("p", { class: "plan-included" }, icon("archive"), h("span", {}, t("El tablero de antes está en"), " ", link, h("span", { class: "mono muted" }, ` ${own}`)));
}

function conflicts({ conflicts: rows, conflict_count: count }: Done): HTMLElement[] {
  if (!count) return [];
  const items = rows.slice(0, 50).map(({ id, actor, at }) => h("li", {}, h("b", {}, id), ` · ${actor?.trim() || t("Otro programa")}${at ? `, ${when(at)}` : ""}`));
  const text = plural(count, "{count} lo cambió o creó alguien mientras tanto, y se queda así:", "{count} los cambió o creó alguien mientras tanto, y se quedan así:");
  return [h("div", { class: "applied-conflicts" }, h("p", {}, icon("people"), text), h("ul", {}, ...items))];
}

/** `23 volvieron · 4 cambiaron` */
export function doneText(plan: Pick<Plan, "created" | "brought_back" | "changed" | "deleted">): string {
  const parts = [
    plan.brought_back > 0 && plural(plan.brought_back, "{count} volvió", "{count} volvieron"),
    plan.created > 0 && plural(plan.created, "{count} es nuevo", "{count} son nuevos"),
    plan.changed > 0 && plural(plan.changed, "{count} cambió", "{count} cambiaron"),
    plan.deleted > 0 && plural(plan.deleted, "{count} se eliminó", "{count} se eliminaron"),
  ];
  return parts.filter(Boolean).join(" · ") || t("No había nada que cambiar");
}
