// A copy of the vault to bring something back from.
import { type Backup, contents, dot, named, reasonText, stateWord } from "../backups/backup";
import { get } from "../lib/api";
import { h, icon } from "../lib/dom";
import { size } from "../lib/measures";
import { sentence } from "../lib/notice";
import { ago, t } from "../lib/text";
import type { Choice } from "./from";
import { optionList } from "./options";
import type { Source } from "./question";

const SHOWN = 6;

export class CopyChoice implements Choice {
  readonly root = h("div", { class: "from-panel" });
  private backups: Backup[] | null = null;
  private most = SHOWN;
  private id = "";

  constructor(private readonly changed: () => void) {}

  open(): void {
    if (this.backups !== null) return;
    this.root.replaceChildren(h("div", { class: "skeleton" }), h("div", { class: "skeleton" }));
    get<{ backups: Backup[] }>("/api/backups")
      .then(({ backups }) => {
        this.backups = backups.filter(({ state, swept }) => state !== "damaged" && state !== "removed" && !swept);
        if (!this.id) this.id = (this.backups.find(({ state }) => state === "good") ?? this.backups[0])?.id ?? "";
        this.draw();
        this.changed();
      })
      .catch((error) => this.root.replaceChildren(h("p", { class: "field-error", role: "alert" }, sentence(error))));
  }

  take(source: Source): void {
    if (source.kind === "archive") this.id = source.id;
    this.draw();
  }

  source(): Source | null {
    return this.id ? { kind: "archive", id: this.id } : null;
  }

  said(): string {
    const found = this.backups?.find(({ id }) => id === this.id);
    return found ? t("La copia del {when}", { when: named(found) }) : t("La copia {id}", { id: this.id });
  }

  private draw(): void {
    if (this.backups === null) return;
    if (this.backups.length === 0) {
      const link = h("a", { class: "btn btn-quiet btn-sm", href: "/backups" }, t("Ver las copias"));
      return this.root.replaceChildren(h("div", { class: "empty" }, icon("archive"), h("p", {}, t("Aún no hay copias.")), link));
    }
    // The chosen one is in sight, however old it is.
    const shown = this.backups.filter(({ id }, place) => place < this.most || id === this.id);
    const list = optionList(
      "copy",
      t("Las copias"),
      shown.map((backup) => ({ value: backup.id, content: row(backup) })),
      this.id,
      (id) => {
        this.id = id;
        this.changed();
      },
    );
    const more = h("button", { type: "button", class: "link-button", onclick: () => ((this.most += 4 * SHOWN), this.draw()) }, icon("chevron-down"), t("Mostrar más"));
    this.root.replaceChildren(list, ...(shown.length < this.backups.length ? [more] : []));
  }
}

function row(backup: Backup): (Node | string)[] {
  const state = h("span", { class: "option-state" }, dot(backup.state), stateWord(backup.state));
  const facts = [reasonText(backup), contents(backup), backup.bytes === undefined ? "" : size(backup.bytes)].filter(Boolean);
  return [h("span", { class: "option-head" }, h("b", {}, named(backup)), h("span", { class: "hint" }, ago(backup.moment)), state), h("span", { class: "hint" }, facts.join(" · "))];
}
