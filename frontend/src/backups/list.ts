// The copies as a table, newest first; each opens to all that is known of it and what can be done with it.
import { find, h, icon, may } from "../lib/dom";
import { size } from "../lib/measures";
import { dayOf } from "../lib/moments";
import { notice } from "../lib/notice";
import { ago, day as dayText, plural, t } from "../lib/text";
import { type Backup, type Task, backupAddress, contents, dot, drillText, missing, momentOf, named, reasonText, stateText, stateWord } from "./backup";
import { details } from "./details";

/** A copy is a card on a narrow screen. */
const PAGE = window.matchMedia("(width <= 700px)").matches ? 8 : 20;
const COLUMNS = 5;

interface Row {
  key: string;
  row: HTMLTableRowElement;
  panel: HTMLTableRowElement;
}

export class List {
  private readonly body = find("#copies");
  private readonly note = find("#copies-note");
  private readonly more = find<HTMLButtonElement>("#copies-more");
  private readonly withRemoved = find<HTMLInputElement>("#with-removed");
  private readonly rows = new Map<string, Row>();
  private readonly open = new Set<string>();
  private backups: Backup[] = [];
  private tasks: Task[] = [];
  private day = "";
  private most = PAGE;
  private missingOfAll = "";

  constructor(
    private readonly changed: () => void,
    private readonly everyDay: () => void,
  ) {
    this.withRemoved.addEventListener("change", () => this.draw());
    this.more.addEventListener("click", () => {
      this.most += PAGE;
      this.draw();
    });
  }

  show(backups: Backup[], tasks: Task[]): void {
    this.backups = backups;
    this.tasks = tasks;
    this.draw();
  }

  only(day: string): void {
    this.day = day;
    this.most = PAGE;
    this.draw();
  }

  private wanted(): Backup[] {
    if (this.day) return this.backups.filter((backup) => momentOf(backup) && dayOf(momentOf(backup)) === this.day);
    return this.backups.filter(({ state }) => state !== "removed" || this.withRemoved.checked);
  }

  /** What no copy has inside is said once, above them. */
  private drawMissing(): void {
    const texts = new Set(this.backups.filter(({ bytes, swept }) => bytes !== undefined && !swept).map(missing));
    const [text] = texts;
    this.missingOfAll = texts.size === 1 && text ? text : "";
    find("#copies-missing").textContent = this.missingOfAll;
  }

  private draw(): void {
    const wanted = this.wanted();
    this.drawMissing();
    const removed = this.backups.filter(({ state }) => state === "removed").length;
    find("#with-removed-field").hidden = removed === 0 || this.day !== "";
    find("#with-removed-text").textContent = t("Mostrar las quitadas ({count})", { count: removed });
    this.more.hidden = wanted.length <= this.most;
    this.drawNote(wanted.length);
    const focused = document.activeElement as HTMLElement | null;
    const shown = wanted.slice(0, this.most).map((backup) => this.row(backup));
    const nodes = shown.length ? shown.flatMap(({ row, panel }) => [row, panel]) : [empty()];
    if (nodes.length !== this.body.children.length || nodes.some((node, place) => this.body.children[place] !== node)) {
      const [own, act] = [focused?.closest<HTMLElement>("[data-own]")?.dataset.own, focused?.dataset.act];
      this.body.replaceChildren(...nodes);
      if (own && act) this.body.querySelector<HTMLElement>(`[data-own="${own}"] [data-act="${act}"]`)?.focus();
      else if (focused && this.body.contains(focused)) focused.focus();
    }
  }

  private drawNote(count: number): void {
    this.note.hidden = this.day === "";
    if (!this.day) return;
    const all = h("button", { type: "button", class: "link-button", onclick: () => this.everyDay() }, t("Ver todas"));
    this.note.replaceChildren(`${dayText(this.day)} · ${plural(count, "{count} copia", "{count} copias")}`, " ", all);
  }

  /** The elements of a copy that is as it was are kept, so that nothing jumps and the keyboard stays where it is. */
  private row(backup: Backup): Row {
    const task = this.tasks.find(({ about }) => about === backup.id);
    const newest = this.backups.find(({ state }) => state === "good")?.id === backup.id;
    const key = JSON.stringify([backup, task?.kind, newest, this.missingOfAll]);
    const known = this.rows.get(backup.id);
    if (known?.key === key) return known;
    const panel = h("tr", { class: "copy-panel", "data-own": backup.id, hidden: true }, h("td", { colSpan: COLUMNS }));
    const toggle = h("button", { type: "button", class: "btn btn-quiet btn-sm", "data-act": "details", "aria-label": t("Detalles de la copia del {when}", { when: named(backup) }) }, icon("chevron-down"), t("Detalles"));
    const fill = () => {
      const opened = this.open.has(backup.id);
      panel.hidden = !opened;
      toggle.setAttribute("aria-expanded", String(opened));
      find("i", toggle).className = `bi bi-chevron-${opened ? "up" : "down"}`;
      if (opened && !panel.firstElementChild!.hasChildNodes()) panel.firstElementChild!.append(details(backup, { newest, task, changed: this.changed }));
    };
    toggle.addEventListener("click", () => {
      if (!this.open.delete(backup.id)) this.open.add(backup.id);
      fill();
    });
    const made = { key, row: line(backup, task, toggle, missing(backup) === this.missingOfAll), panel };
    this.rows.set(backup.id, made);
    fill();
    return made;
  }
}

function line(backup: Backup, task: Task | undefined, toggle: HTMLElement, asAll: boolean): HTMLTableRowElement {
  const moment = momentOf(backup);
  const more = [backup.bytes === undefined ? "" : size(backup.bytes), asAll ? "" : missing(backup)].filter(Boolean);
  const pin = backup.pinned != null && h("span", { class: "tag tag-link" }, icon("pin-angle-fill"), t("Fijada: {reason}", { reason: backup.pinned }));
  return h(
    "tr",
    { class: `copy copy-${backup.state}`, "data-own": backup.id, "data-state": backup.state },
    h("th", { scope: "row" }, h("time", { dateTime: moment, title: moment && ago(moment) }, named(backup)), h("span", { class: "copy-why" }, reasonText(backup)), pin),
    h("td", { "data-label": t("Estado") }, task ? working(task) : h("div", { class: "copy-state" }, dot(backup.state), h("div", {}, h("b", {}, stateWord(backup.state)), h("span", { class: "copy-why" }, stateText(backup))))),
    h("td", { "data-label": t("Contenido") }, h("div", {}, h("span", { class: "copy-contents" }, backup.bytes !== undefined ? contents(backup) : "—"), h("span", { class: "copy-why" }, more.join(" · ")))),
    h("td", { "data-label": t("Simulacro (RTO)"), class: "copy-rto" }, drillText(backup)),
    h("td", { class: "copy-actions" }, h("div", {}, ...offered(backup), toggle)),
  );
}

function working(task: Task): HTMLElement {
  const text = task.kind === "verify" ? t("Comprobando…") : t("Simulacro en curso…");
  return h("div", { class: "copy-state" }, h("span", { class: "working", "aria-hidden": "true" }), h("b", { role: "status" }, text));
}

/** What one comes here for; what is done seldom is in the details. */
function offered(backup: Backup): HTMLElement[] {
  if (backup.state === "damaged" || backup.swept) return [];
  const found: HTMLElement[] = [];
  if (may("import") && backup.state !== "removed") {
    const href = `/restore?source=${encodeURIComponent(backup.id)}`;
    found.push(h("a", { class: "btn btn-quiet btn-sm", href, "data-act": "restore", "aria-label": t("Restaurar de la copia del {when}", { when: named(backup) }) }, icon("arrow-counterclockwise"), t("Restaurar")));
  }
  if (may("backup") && backup.state !== "removed") {
    const label = t("Comparar la copia del {when} con el tablero", { when: named(backup) });
    found.push(h("a", { class: "btn btn-quiet btn-sm", href: `/compare?a=${encodeURIComponent(backup.id)}&b=now`, "data-act": "compare", "aria-label": label, title: label }, icon("arrow-left-right"), t("Comparar")));
  }
  if (may("backup")) {
    const label = t("Descargar la copia del {when}", { when: named(backup) });
    const link = h("a", { class: "btn btn-quiet btn-sm", href: `${backupAddress(backup.id)}/download`, "data-act": "download", "aria-label": label, title: label }, icon("download"), t("Descargar"));
    link.setAttribute("download", "");
    link.addEventListener("click", () => notice(t("Descargando la copia…"), "info"));
    found.push(link);
  }
  return found;
}

function empty(): HTMLElement {
  const text = may("backup") ? t("Aún no hay copias. Haz la primera con el botón de arriba; las demás se hacen solas.") : t("Aún no hay copias.");
  return h("tr", {}, h("td", { colSpan: COLUMNS }, h("div", { class: "empty" }, icon("archive"), h("p", {}, text))));
}
