// A moment to go back to: a field in the board's zone, and shortcuts. One that came with the address is kept exactly.
import { h, icon } from "../lib/dom";
import { dayOf, fromField, toField, when } from "../lib/moments";
import { t } from "../lib/text";
import type { Choice } from "./from";
import type { Source } from "./question";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export class MomentChoice implements Choice {
  readonly root: HTMLElement;
  private readonly field = h("input", { id: "restore-moment", class: "form-control", type: "datetime-local", step: "1", required: true });
  /** What the field says may lack milliseconds of what was asked for. */
  private exact = "";

  constructor(private readonly changed: () => void) {
    const shortcut = (label: string, moment: () => string | null) =>
      h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => this.set(moment() ?? "") }, label);
    const ago = (time: number) => () => new Date(Date.now() - time).toISOString();
    const midnight = (time: number) => () => fromField(`${dayOf(new Date(Date.now() - time))}T00:00:00`);
    this.field.addEventListener("input", () => ((this.exact = ""), changed()));
    this.field.setAttribute("aria-describedby", "restore-zone");
    this.root = h(
      "div",
      { class: "from-panel from-moment" },
      h(
        "div",
        { class: "field" },
        h("label", { class: "form-label", htmlFor: "restore-moment" }, t("Como estaba el…")),
        this.field,
        h("p", { class: "hint", id: "restore-zone" }, t("Zona horaria: {zone}", { zone: document.body.dataset.zone ?? "" })),
      ),
      h("div", { class: "shortcuts" }, shortcut(t("Hace una hora"), ago(HOUR)), shortcut(t("Hoy al empezar el día"), midnight(0)), shortcut(t("Ayer al empezar el día"), midnight(DAY)), shortcut(t("Hace siete días"), ago(7 * DAY))),
      h("p", { class: "hint" }, t("Es exacto al cambio. ¿No sabes cuándo fue?"), " ", h("a", { href: "/history?view=past" }, t("Búscalo recorriendo el tablero en el tiempo"), icon("arrow-right-short"))),
    );
  }

  open(): void {
    if (!this.field.value) this.field.value = toField(new Date(Date.now() - HOUR));
  }

  take(source: Source): void {
    if (source.kind !== "moment") return;
    this.exact = source.moment;
    this.field.value = Number.isNaN(Date.parse(source.moment)) ? "" : toField(source.moment);
  }

  source(): Source | null {
    const moment = this.exact || fromField(this.field.value);
    return moment ? { kind: "moment", moment } : null;
  }

  said(): string {
    const source = this.source();
    return source?.kind === "moment" ? t("El tablero como estaba el {when}", { when: when(source.moment) }) : "";
  }

  private set(moment: string): void {
    this.exact = moment;
    this.field.value = toField(moment);
    this.changed();
  }
}
