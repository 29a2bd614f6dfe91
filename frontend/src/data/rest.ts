// What the board has and the list does not name: it stays, unless somebody says that it goes, and how many that is.
import { h } from "../lib/dom";
import { plural, t } from "../lib/text";
import { typedCount } from "../restore/apply";

interface Unnamed {
  /** How many would go if somebody says so; `unnamed` are all of them. */
  deleted: number;
  unnamed: number;
  /** Why none may go. */
  no_deleting: string | null;
  error: number;
}

export class Rest {
  /** Null where the list names all there is. */
  readonly root: HTMLElement | null = null;
  private readonly wanted = tick("intake-delete");
  private readonly without = tick("intake-without-errors");

  private readonly typed;

  /** `form`: of which id the form is that the number typed belongs to. */
  constructor(
    private readonly plan: Unnamed,
    form: string,
    changed: () => void,
  ) {
    this.typed = typedCount(plan.deleted, changed);
    this.typed.input.setAttribute("form", form);
    if (plan.unnamed > 0) this.root = h("div", { class: "intake-rest" }, ...(plan.deleted > 0 ? this.choice(changed) : [h("p", { class: "hint" }, `${absentText(plan.unnamed)} ${plan.no_deleting ?? t("Hay más de uno con su id, o son demasiado grandes: se quedan.")}`)]));
  }

  /** How many go, as things are. */
  get count(): number {
    return this.wanted.checked ? this.plan.deleted : 0;
  }

  /** Nothing goes, or all has been said that must be for it. */
  get ready(): boolean {
    return this.count === 0 || (this.typed.fits() && (this.plan.error === 0 || this.without.checked));
  }

  /** For the server. */
  get said(): { confirm?: string; leave_out_errors?: boolean } {
    return this.count === 0 ? {} : { confirm: this.typed.input.value.trim(), leave_out_errors: this.without.checked };
  }

  private choice(changed: () => void): (HTMLElement | false)[] {
    const { deleted, error, unnamed } = this.plan;
    const errors = error > 0 && line(this.without, plural(error, "Dejar fuera el renglón con error", "Dejar fuera los {count} renglones con error"), t("Por un id mal escrito parecería que su batch falta. Corrige la lista, o deja fuera esos renglones: lo que nombran, o se le parece, se queda."));
    const more = h("div", { class: "intake-rest-more", hidden: true }, errors, this.typed.box);
    this.wanted.addEventListener("change", () => {
      more.hidden = !this.wanted.checked;
      changed();
      if (this.wanted.checked) this.root?.scrollIntoView({ block: "nearest", behavior: "instant" });
    });
    this.without.addEventListener("change", changed);
    const stay = unnamed > deleted && ` ${plural(unnamed - deleted, "{count} más se queda: hay otro con su id, o es demasiado grande.", "{count} más se quedan: hay otros con su id, o son demasiado grandes.")}`;
    const hint = h("span", { class: "hint" }, plural(deleted, "En «se eliminaría» ves cuál es y quién lo cambió por última vez.", "En «se eliminarían» ves cuáles son y quién los cambió por última vez."), stay);
    return [line(this.wanted, plural(deleted, "Eliminar también el batch que la lista no nombra", "Eliminar también los {count} batches que la lista no nombra"), hint), more];
  }
}

const absentText = (count: number) => plural(count, "{count} del tablero no está en la lista.", "{count} del tablero no están en la lista.");

const tick = (id: string) => h("input", { type: "checkbox", class: "form-check-input", id });

const line = (box: HTMLElement, label: string, hint: HTMLElement | string) => h("label", { class: "intake-mode" }, box, h("span", {}, h("b", {}, label), typeof hint === "string" ? h("span", { class: "hint" }, hint) : hint));
