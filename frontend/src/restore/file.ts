// A file to bring something back from. It stays in the browser, and goes along with each question about it.
import { h, icon } from "../lib/dom";
import { size } from "../lib/measures";
import { t } from "../lib/text";
import type { Choice } from "./from";
import type { Source } from "./question";

const ENDINGS = ".json,.zst,.gz,.bson,.archive,application/json";

export class FileChoice implements Choice {
  readonly root: HTMLElement;
  private readonly input = h("input", { type: "file", id: "restore-file", class: "visually-hidden", accept: ENDINGS });
  private readonly name = h("p", { class: "drop-name" });
  private readonly label = h("label", { class: "btn btn-quiet", htmlFor: "restore-file" });
  private file: File | null = null;

  constructor(private readonly changed: () => void) {
    this.root = h("div", { class: "from-panel drop" }, icon("file-earmark-arrow-up"), this.name, this.input, this.label, h("p", { class: "hint" }, t("Un respaldo de este tablero o del anterior, o lo que escribe mongodump con --archive.")));
    this.input.addEventListener("change", () => this.set(this.input.files?.[0] ?? null));
    for (const kind of ["dragenter", "dragover"]) {
      this.root.addEventListener(kind, (event) => {
        event.preventDefault();
        this.root.classList.add("over");
      });
    }
    for (const kind of ["dragleave", "drop"]) this.root.addEventListener(kind, () => this.root.classList.remove("over"));
    this.root.addEventListener("drop", (event) => {
      event.preventDefault();
      this.set(event.dataTransfer?.files[0] ?? null);
    });
    this.draw();
  }

  open(): void {
    this.draw();
  }

  take(source: Source): void {
    if (source.kind === "file" && source.file) this.set(source.file);
  }

  source(): Source | null {
    return this.file && { kind: "file", file: this.file };
  }

  said(): string {
    return this.file ? t("El archivo {name}", { name: this.file.name }) : "";
  }

  private set(file: File | null): void {
    if (file === null) return;
    this.file = file;
    this.draw();
    this.changed();
  }

  private draw(): void {
    this.name.replaceChildren(this.file ? h("b", {}, this.file.name) : t("Arrastra aquí el archivo"), this.file ? ` · ${size(this.file.size)}` : "");
    this.label.textContent = this.file ? t("Elegir otro archivo") : t("Elegir archivo");
  }
}
