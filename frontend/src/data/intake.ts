// A list that came back: compared with the board, shown row by row, put in when somebody says so.
import { ApiError, post, send } from "../lib/api";
import { find, h } from "../lib/dom";
import { sentence } from "../lib/notice";
import { plural, t } from "../lib/text";
import { saved } from "../lib/undo";
import { cancel, follow } from "../lib/tasks";
import { result } from "../restore/apply";
import type { Done } from "../restore/plan";
import { type Choice, type Intake, type Mode, Preview } from "./preview";

interface Source {
  name: string;
  file?: File;
  text?: string;
  status?: string;
}

interface Chosen {
  mode: Mode;
  fields?: string[];
}

/** `changed`: all that was recorded, deletions too; `kept`: what the list does not name and is still there. */
interface Taken extends Done {
  changed: number;
  deleted: number;
  kept: number;
}

type Backup = (answer: unknown, name: string) => void;

export function takeBack(backup: Backup): { open(file: File): void } {
  const lists = new Lists(backup);
  return { open: (file) => lists.open({ name: file.name, file }) };
}

class Lists {
  private readonly input = find<HTMLInputElement>("#list-file");
  private readonly zone = find("#list-drop");
  private readonly wrong = find("#list-error");
  private readonly room = find("#intake");
  private readonly page = find(".data");
  private current: AbortController | null = null;

  constructor(private readonly backup: Backup) {
    this.input.addEventListener("change", () => this.chosen(this.input.files?.[0]));
    for (const kind of ["dragenter", "dragover"]) {
      this.zone.addEventListener(kind, (event) => {
        event.preventDefault();
        this.zone.classList.add("over");
      });
    }
    for (const kind of ["dragleave", "drop"]) this.zone.addEventListener(kind, () => this.zone.classList.remove("over"));
    this.zone.addEventListener("drop", (event) => {
      event.preventDefault();
      this.chosen(event.dataTransfer?.files[0]);
    });
    find<HTMLFormElement>("#paste").addEventListener("submit", (event) => {
      event.preventDefault();
      const [text, status] = [find<HTMLTextAreaElement>("#paste-text").value, find<HTMLSelectElement>("#paste-status").value];
      this.open({ name: t("Lista pegada"), text, status });
    });
  }

  private chosen(file: File | undefined): void {
    if (file) this.open({ name: file.name, file });
    this.input.value = ""; // so that the same file, chosen again, is a change
  }

  open(source: Source, chosen: Chosen = { mode: "update" }): void {
    void this.compare(source, chosen);
  }

  private async compare(source: Source, chosen: Chosen): Promise<void> {
    this.current?.abort();
    const own = (this.current = new AbortController());
    this.busy(source);
    try {
      const begun = (await (await ask(source, chosen, own.signal)).json()) as Intake & { task?: string };
      const answer = begun.task ? await this.followed(source, begun.task, own.signal) : begun;
      if (own.signal.aborted) return;
      if (answer.kind === "table") this.show(source, answer);
      else this.clear(), this.backup(answer, source.name);
    } catch (error) {
      if (!own.signal.aborted) this.say(error);
    }
  }

  /** The comparison goes on in the background; the server leaves it when nobody wants it any more. */
  private async followed(source: Source, task: string, signal: AbortSignal): Promise<Intake> {
    const stop = () => cancel(task);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    const said = this.room.querySelector("p");
    const ended = await follow<Intake>(task, ({ step }) => said && (said.textContent = compared(source, step)));
    signal.removeEventListener("abort", stop);
    if (ended.result === null) throw new Error(ended.error ?? "");
    return ended.result;
  }

  private busy(source: Source): void {
    this.wrong.hidden = true;
    const stop = h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => (this.current?.abort(), this.clear()) }, t("Cancelar"));
    const text = t("Comparando {name} con el tablero…", { name: source.name });
    this.room.replaceChildren(h("div", { class: "card-box reading", role: "status" }, h("span", { class: "working", "aria-hidden": "true" }), h("p", {}, text), stop));
  }

  private say(error: unknown): void {
    this.clear();
    this.wrong.textContent = sentence(error);
    this.wrong.hidden = false;
  }

  private clear(): void {
    this.room.replaceChildren();
    this.page.classList.remove("data-wide");
  }

  private show(source: Source, plan: Intake): void {
    const preview = new Preview(source.name, plan, {
      again: (mode, fields) => this.open(source, { mode, fields }),
      cancel: () => this.clear(),
      go: (choice) => void this.apply(source, preview, choice),
    });
    this.page.classList.add("data-wide");
    this.room.replaceChildren(preview.root);
    preview.root.scrollIntoView({ block: "start", behavior: "instant" });
  }

  private async apply(source: Source, preview: Preview, choice: Choice): Promise<void> {
    preview.working(t("Empezando…"), 0);
    try {
      const begun = await post<{ task: string }>("/api/data/apply", { plan: preview.plan.plan, ...choice, background: true });
      const task = await follow<Taken>(begun.task, ({ step }) => preview.working(...stepText(step)));
      if (task.result === null) throw new Error(task.error ?? "");
      this.done(task.result);
    } catch (error) {
      const { mode, taken } = preview.plan;
      const expired = error instanceof ApiError && error.status < 500;
      preview.failed(sentence(error), expired || !(error instanceof ApiError) ? () => this.open(source, { mode, fields: taken }) : undefined);
    }
  }

  private done(taken: Taken): void {
    const text = takenText(taken);
    saved(text, { operation: taken.operation, changed: taken.changed });
    const words = { undo: t("Deshacer la importación"), redo: t("Rehacer la importación"), next: h("a", { href: "/batches", class: "btn btn-quiet" }, t("Ver los batches")) };
    this.clear();
    const box = h("section", { class: "card-box intake-result" }, result(taken, text, words));
    this.room.append(box);
    box.scrollIntoView({ block: "nearest", behavior: "instant" });
  }
}

/** `1 batch importado · 3 batches eliminados` */
function takenText({ changed, deleted, kept }: Taken): string {
  const count = changed - deleted;
  const parts = [
    (count > 0 || deleted === 0) && plural(count, "{count} batch importado", "{count} batches importados"),
    deleted > 0 && plural(deleted, "{count} batch eliminado", "{count} batches eliminados"),
    kept > 0 && plural(kept, "{count} que la lista no nombra se queda", "{count} que la lista no nombra se quedan"),
  ];
  return parts.filter(Boolean).join(" · ");
}

function ask(source: Source, { mode, fields }: Chosen, signal: AbortSignal): Promise<Response> {
  if (!source.file) {
    const body = JSON.stringify({ text: source.text, status: source.status, mode, background: true, ...(fields ? { fields } : {}) });
    return send("POST", "/api/data/plan", { body, signal, headers: { "Content-Type": "application/json" } });
  }
  const body = new FormData();
  body.append("file", source.file);
  body.append("mode", mode);
  body.append("background", "1");
  body.append("modified", String(source.file.lastModified));
  if (fields) body.append("fields", fields.join(","));
  return send("POST", "/api/data/plan", { body, signal });
}

function compared({ name }: Source, step: string): string {
  const [, done, all] = /^(?:reading|comparing) (\d+)(?:\/(\d+))?$/.exec(step) ?? [];
  if (!done) return t("Comparando {name} con el tablero…", { name });
  if (!all) return t("Leyendo {name}: {done} renglones…", { name, done: Number(done) });
  return t("Comparando {name} con el tablero: {done} de {all}…", { name, done: Number(done), all: Number(all) });
}

/** A step as the server names it, and which part of the work is done. */
function stepText(step: string): [string, number] {
  const [, done, all] = /^applying (\d+)\/(\d+)$/.exec(step) ?? [];
  if (done && all) return [t("Importando {done} de {all}…", { done: Number(done), all: Number(all) }), Number(done) / Math.max(1, Number(all))];
  return [step === "archive" ? t("Haciendo una copia antes…") : t("Comprobando que nada haya cambiado…"), 0];
}
