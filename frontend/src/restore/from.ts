// Step 1: from what. A moment, before an operation, a copy, or a file; each with what it takes to choose one.
import { h, icon } from "../lib/dom";
import { when } from "../lib/moments";
import { sentence } from "../lib/notice";
import { t } from "../lib/text";
import { CopyChoice } from "./copies";
import { FileChoice } from "./file";
import { MomentChoice } from "./moment";
import { OperationChoice } from "./operations";
import type { Source } from "./question";

/** One way to say from what. */
export interface Choice {
  readonly root: HTMLElement;
  /** What is chosen; null where nothing is yet. */
  source(): Source | null;
  take(source: Source): void;
  /** Called when it is shown, each time. */
  open(): void;
  /** How it is called in a sentence. */
  said(): string;
}

type Kind = "moment" | "before" | "archive" | "file";

const KINDS: [Kind, string, string, string][] = [
  ["moment", "clock-history", "Un momento", "El tablero como estaba a una hora"],
  ["before", "skip-backward-circle", "Antes de un cambio", "De una importación, un borrado…"],
  ["archive", "archive", "Una copia", "De las que se hacen solas o a mano"],
  ["file", "file-earmark-arrow-up", "Un archivo", "Un respaldo, también del tablero anterior"],
];

export class From {
  private readonly choices: Record<Kind, Choice>;
  private readonly radios = new Map<Kind, HTMLInputElement>();
  private readonly wrong = h("div", { class: "guide-wrong", role: "alert", hidden: true });
  private kind: Kind | "revision" | null = null;
  private revision: Extract<Source, { kind: "revision" }> | null = null;

  constructor(
    root: HTMLElement,
    private readonly changed: () => void,
  ) {
    const told = () => (this.clear(), changed());
    this.choices = { moment: new MomentChoice(told), before: new OperationChoice(told), archive: new CopyChoice(told), file: new FileChoice(told) };
    const options = KINDS.map(([kind, image, name, hint]) => {
      const radio = h("input", { type: "radio", name: "from", value: kind, class: "visually-hidden", onchange: () => (this.show(kind), told()) });
      this.radios.set(kind, radio);
      return h("label", { class: "choice" }, radio, icon(image), h("span", {}, h("b", {}, t(name)), h("span", { class: "hint" }, t(hint))));
    });
    root.append(h("fieldset", { class: "choices" }, h("legend", { class: "visually-hidden" }, t("De dónde")), ...options), ...Object.values(this.choices).map((choice) => choice.root), this.wrong);
    for (const choice of Object.values(this.choices)) choice.root.hidden = true;
  }

  source(): Source | null {
    if (this.kind === "revision") return this.revision;
    return this.kind && this.choices[this.kind].source();
  }

  take(source: Source): void {
    if (source.kind === "revision") {
      this.revision = source;
      this.kind = "revision";
      return;
    }
    this.show(source.kind);
    this.choices[source.kind].take(source);
  }

  /** Shown when the step is opened: somebody who came for one revision chooses anew. */
  open(): void {
    if (this.kind === null) this.show("moment");
    else if (this.kind !== "revision") this.choices[this.kind].open();
  }

  said(): string {
    if (this.kind === "revision" && this.revision) return t("{batch}, como quedó en su revisión {rev}", { batch: this.revision.batch, rev: this.revision.rev });
    return this.kind && this.kind !== "revision" ? this.choices[this.kind].said() : "";
  }

  /** What was wrong with it, and moments that could be had instead. */
  complain(error: unknown, nearest: string[] = []): void {
    const buttons = nearest.map((moment) => h("button", { type: "button", class: "btn btn-quiet btn-sm", onclick: () => this.instead(moment) }, icon("clock-history"), t("Volver al {when}", { when: when(moment) })));
    this.wrong.replaceChildren(h("p", {}, icon("exclamation-triangle-fill"), sentence(error)), ...(buttons.length ? [h("div", { class: "guide-nearest" }, ...buttons)] : []));
    this.wrong.hidden = false;
  }

  clear(): void {
    this.wrong.hidden = true;
  }

  private instead(moment: string): void {
    this.clear();
    this.take({ kind: "moment", moment });
    this.changed();
    document.dispatchEvent(new CustomEvent("preview-wanted"));
  }

  private show(kind: Kind): void {
    this.kind = kind;
    this.radios.get(kind)!.checked = true;
    for (const [name, choice] of Object.entries(this.choices)) choice.root.hidden = name !== kind;
    this.choices[kind].open();
  }
}
