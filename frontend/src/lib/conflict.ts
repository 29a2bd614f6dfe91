// Saving on top of somebody else's change: who changed what, both values, and which one is to stay.
import { ApiError } from "./api";
import { longText } from "./changes";
import { dialog, h, icon } from "./dom";
import { fieldLabel, isBlank, valueText } from "./fields";
import { when } from "./moments";
import { ago, t } from "./text";

interface Field {
  field: string;
  base: unknown;
  theirs: unknown;
  yours: unknown;
}

export interface SaveConflict {
  actor: string;
  at: string;
  rev: number;
  fields: Field[];
}

/** What stands in the way of a save, or null where the error is another one. */
export function conflictOf(error: unknown): SaveConflict | null {
  if (!(error instanceof ApiError) || error.status !== 409) return null;
  const conflict = error.data.conflict as SaveConflict | undefined;
  return conflict && Array.isArray(conflict.fields) ? conflict : null;
}

/** `mine`: save again, over theirs. `theirs`: let it go. null: nothing was decided, what was typed stays where it is. */
export function askWhose(doc: string, conflict: SaveConflict): Promise<"mine" | "theirs" | null> {
  return new Promise((resolve) => {
    let answer: "mine" | "theirs" | null = null;
    const actor = conflict.actor.trim() || t("Otro programa");
    const said = t("{actor} lo cambió {ago} ({when}), mientras lo editabas. No se ha perdido nada: elige qué queda.", { actor, ago: ago(conflict.at), when: when(conflict.at) });
    const body = h("div", { class: "whose" }, h("p", { class: "dialog-text" }, said), ...conflict.fields.map((field) => sides(field, actor)));
    const choose = (label: string, kind: string, choice: "mine" | "theirs") => {
      const button = h("button", { type: "button", class: `btn ${kind}` }, label);
      button.addEventListener("click", () => {
        answer = choice;
        box.close();
      });
      return button;
    };
    const theirs = choose(t("Dejar lo de {actor}", { actor }), "btn-quiet", "theirs");
    const mine = choose(t("Poner lo mío"), "btn-primary", "mine");
    const box = dialog(t("{doc} cambió mientras tanto", { doc }), body, [theirs, mine], true);
    box.addEventListener("close", () => resolve(answer));
    theirs.focus();
  });
}

function sides({ field, base, theirs, yours }: Field, actor: string): HTMLElement {
  const side = (label: string, value: unknown, kind: string) =>
    h("div", { class: `side side-${kind}` }, h("h4", {}, label), isBlank(value) ? h("p", { class: "value-blank" }, valueText(field, value)) : longText(valueText(field, value)));
  const before = isBlank(base) ? null : h("details", { class: "side-base" }, h("summary", {}, t("Lo que decía antes de los dos")), longText(valueText(field, base)));
  return h(
    "section",
    { class: "whose-field" },
    h("h3", {}, fieldLabel(field)),
    h("div", { class: "whose-sides" }, side(t("Lo de {actor}", { actor }), theirs, "theirs"), h("span", { class: "whose-or", "aria-hidden": "true" }, icon("arrow-left-right")), side(t("Lo mío"), yours, "mine")),
    before,
  );
}
