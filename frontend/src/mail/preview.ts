// A message as it looks, in a frame of its own that shows what is in it and nothing else.
import { get } from "../lib/api";
import { dialog, h, icon } from "../lib/dom";
import { size } from "../lib/measures";
import { problem } from "../lib/notice";
import { t } from "../lib/text";

interface Shown {
  subject: string;
  to: string;
  text: string;
  file: { name: string; bytes: number } | null;
}

/** Opens it; `button` is what can be done with it. */
export async function preview(address: string, button?: [string, () => Promise<void>]): Promise<void> {
  let shown: Shown;
  try {
    shown = await get<Shown>(address);
  } catch (error) {
    return problem(error);
  }
  const source = `${address}${address.includes("?") ? "&" : "?"}format=html`;
  const frame = h("iframe", { src: source, title: t("El mensaje"), class: "mail-frame" });
  const text = h("pre", { class: "mail-text", hidden: true, tabIndex: 0 }, shown.text);
  const rows: [string, string][] = [[t("Para"), shown.to], [t("Asunto"), shown.subject]];
  if (shown.file) rows.push([t("Adjunto"), `${shown.file.name} · ${size(shown.file.bytes)}`]);
  const head = h("dl", { class: "mail-head" }, ...rows.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
  const body = h("div", { class: "mail-preview" }, head, frame, text);
  const swap = h("button", { type: "button", class: "btn btn-quiet", "aria-pressed": "false" }, icon("text-left"), t("Ver como texto"));
  swap.addEventListener("click", () => {
    text.hidden = !text.hidden;
    frame.hidden = !text.hidden;
    swap.setAttribute("aria-pressed", String(!text.hidden));
  });
  const buttons = [swap];
  if (button) {
    const [label, run] = button;
    const act = h("button", { type: "button", class: "btn btn-primary" }, icon("send"), label);
    act.addEventListener("click", () => {
      act.disabled = true;
      run().then(() => box.close(), (error) => {
        act.disabled = false;
        problem(error);
      });
    });
    buttons.push(act);
  }
  const box = dialog(t("Vista previa"), body, buttons, true);
}
