// One side of a comparison: a copy, a moment in the board's zone, or the board as it is now.
import { type Backup, named, reasonText, stateWord } from "../backups/backup";
import { h, icon } from "../lib/dom";
import { fromField, toField } from "../lib/moments";
import { batchesText } from "../lib/parts";
import { t } from "../lib/text";
import { NOW } from "./comparison";

type Kind = "archive" | "moment" | "now";

const DAY = 86_400_000;
const KINDS: [Kind, string, string][] = [
  ["archive", "archive", "Una copia"],
  ["moment", "clock-history", "Un momento"],
  ["now", "table", "Ahora"],
];

export class Side {
  readonly root: HTMLElement;
  private readonly radios = new Map<Kind, HTMLInputElement>();
  private readonly copies: HTMLSelectElement;
  private readonly moment: HTMLInputElement;
  private readonly parts: Record<Kind, HTMLElement>;
  private kind: Kind = "archive";
  private id = "";
  /** What the field says may lack milliseconds of what was asked for. */
  private exact = "";

  constructor(
    name: "a" | "b",
    title: string,
    private readonly changed: () => void,
  ) {
    const [copies, moment] = [`compare-copy-${name}`, `compare-moment-${name}`];
    this.copies = h("select", { id: copies, class: "form-select", disabled: true }, h("option", { value: "" }, t("Leyendo las copias…")));
    this.moment = h("input", { id: moment, class: "form-control", type: "datetime-local", step: "1", "aria-describedby": `${moment}-zone` });
    this.moment.value = toField(new Date(Date.now() - DAY));
    const label = (text: string, own: string) => h("label", { class: "visually-hidden", htmlFor: own }, `${title}: ${text}`);
    this.parts = {
      archive: h("div", {}, label(t("Copia"), copies), this.copies),
      moment: h("div", {}, label(t("Momento"), moment), this.moment, h("p", { class: "hint", id: `${moment}-zone` }, t("Zona horaria: {zone}", { zone: document.body.dataset.zone ?? "" }))),
      now: h("p", { class: "hint" }, t("El tablero como está al comparar.")),
    };
    this.copies.addEventListener("change", () => ((this.id = this.copies.value), changed()));
    this.moment.addEventListener("input", () => ((this.exact = ""), changed()));
    const kinds = KINDS.map(([kind, image, text]) => this.kindChoice(name, kind, image, t(text)));
    this.root = h("fieldset", { class: "compare-side", "data-side": name }, h("legend", {}, title), h("div", { class: "compare-kinds" }, ...kinds), ...Object.values(this.parts));
    this.show("archive");
  }

  /** A copy's id, a moment, or `now`; empty where nothing is chosen. */
  value(): string {
    if (this.kind === "now") return NOW;
    if (this.kind === "archive") return this.id;
    return this.exact || (fromField(this.moment.value) ?? "");
  }

  set(value: string): void {
    if (value === NOW) return this.show("now");
    if (/^\d{4}-\d{2}-\d{2}T/.test(value)) {
      this.exact = value;
      // A plus sign that somebody left as it is in an address arrives as a blank.
      const moment = value.replace(/ (\d\d:?\d\d)$/, "+$1");
      this.moment.value = Number.isNaN(Date.parse(moment)) ? "" : toField(moment);
      return this.show("moment");
    }
    this.id = value;
    this.show("archive");
    if (!this.copies.disabled) this.copies.value = value;
  }

  know(backups: Backup[]): void {
    const options = backups.map((backup) => h("option", { value: backup.id }, [named(backup), stateWord(backup.state), batchesText(backup.batches), reasonText(backup)].join(" · ")));
    // One that the address names and nobody knows is told by the server.
    if (this.id && !backups.some(({ id }) => id === this.id)) options.unshift(h("option", { value: this.id }, this.id));
    const none = options.length === 0;
    this.copies.replaceChildren(...(none ? [h("option", { value: "" }, t("Aún no hay copias"))] : options));
    this.copies.disabled = none;
    if (!this.id) this.id = backups[0]?.id ?? "";
    this.copies.value = this.id;
  }

  isChosen(): boolean {
    return this.value() !== "";
  }

  private kindChoice(side: string, kind: Kind, image: string, text: string): HTMLElement {
    const radio = h("input", { type: "radio", name: `compare-${side}`, value: kind, class: "visually-hidden", onchange: () => (this.show(kind), this.changed()) });
    this.radios.set(kind, radio);
    return h("label", { class: "compare-kind" }, radio, icon(image), text);
  }

  private show(kind: Kind): void {
    this.kind = kind;
    this.radios.get(kind)!.checked = true;
    for (const [name, part] of Object.entries(this.parts)) part.hidden = name !== kind;
  }
}
