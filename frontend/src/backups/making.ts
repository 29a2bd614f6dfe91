// A copy being made: its steps, how long it has taken, and what came of it.
import { post } from "../lib/api";
import { find, h, icon, maybe } from "../lib/dom";
import { duration } from "../lib/measures";
import { notice, sentence } from "../lib/notice";
import { said } from "../lib/said";
import { follow } from "../lib/tasks";
import { plural, t } from "../lib/text";
import { type Backup, type Task, missing } from "./backup";

const STEPS: Record<string, string> = {
  reading: "Leer el tablero",
  writing: "Escribir la copia y leerla de vuelta",
  drill: "Restaurarla de verdad en una base aparte y comparar",
};

export class Making {
  private readonly root = find("#making");
  private readonly button = maybe<HTMLButtonElement>("#make");
  private followed = "";

  constructor(private readonly ended: () => void) {
    this.button?.addEventListener("click", () => void this.begin());
  }

  /** One that somebody began, here or elsewhere. */
  async follow(id: string): Promise<void> {
    if (this.followed === id) return;
    this.followed = id;
    if (this.button) this.button.disabled = true;
    try {
      this.finish(await follow<Backup>(id, (task) => this.followed === id && this.draw(task)));
    } catch (error) {
      this.failed(sentence(error));
    }
    this.ended();
  }

  private async begin(): Promise<void> {
    this.button!.disabled = true;
    this.draw(null);
    try {
      await this.follow((await post<{ task: string }>("/api/backups", { background: true, reason: "manual" })).task);
    } catch (error) {
      this.failed(sentence(error));
    }
  }

  private draw(task: Task | null): void {
    const names = Object.keys(STEPS);
    const place = Math.max(0, names.indexOf(task?.step ?? ""));
    const text = t("Paso {place} de {places} · {step}", { place: place + 1, places: names.length, step: t(STEPS[names[place]!]!) });
    if (!this.root.querySelector(".steps")) this.frame(names);
    const bar = find(".steps", this.root);
    [...bar.children].forEach((step, index) => (step.className = index < place ? "step done" : index === place ? "step now" : "step"));
    bar.setAttribute("aria-valuenow", String(place));
    bar.setAttribute("aria-valuetext", text);
    const said = find(".making-step", this.root);
    if (said.textContent !== text) said.textContent = text;
    find(".making-time", this.root).textContent = duration(Math.floor(task?.seconds ?? 0));
  }

  private frame(names: string[]): void {
    this.root.hidden = false;
    this.root.className = "card-box making";
    this.root.replaceChildren(
      h("div", { class: "making-head" }, h("b", {}, t("Haciendo una copia")), h("span", { class: "making-time" })),
      h("div", { class: "steps", role: "progressbar", "aria-label": t("Haciendo una copia"), "aria-valuemin": "0", "aria-valuemax": String(names.length) }, ...names.map(() => h("span", { class: "step" }))),
      h("p", { class: "making-step", role: "status" }),
      h("p", { class: "hint" }, t("Puedes seguir trabajando o cerrar la página: la copia se termina igual.")),
    );
  }

  private finish(task: Task): void {
    if (task.state === "failed" || !task.result) return this.failed(said(task.error ?? ""));
    if (task.result.state === "damaged") return this.failed(said(task.result.drill?.detail ?? ""));
    notice([made(task.result), missing(task.result)].filter(Boolean).join(". "));
    this.clear();
  }

  private failed(why: string): void {
    const close = h("button", { type: "button", class: "icon-button", "aria-label": t("Cerrar aviso"), onclick: () => this.clear() }, icon("x-lg"));
    this.root.hidden = false;
    this.root.className = "card-box making making-failed";
    this.root.replaceChildren(h("p", { role: "alert" }, icon("exclamation-octagon-fill"), h("span", {}, h("b", {}, t("La copia no se pudo hacer.")), " ", why)), close);
    if (this.button) this.button.disabled = false;
  }

  private clear(): void {
    this.root.hidden = true;
    this.root.replaceChildren();
    if (this.button) this.button.disabled = false;
  }
}

function made(backup: Backup): string {
  const count = plural(backup.batches, "{count} batch", "{count} batches");
  if (backup.state !== "good") return t("Copia hecha y comprobada: {count}. Su simulacro espera turno.", { count });
  return t("Copia buena: {count}; en el simulacro el tablero volvió en {rto}", { count, rto: duration(backup.drill?.rto ?? 0) });
}
