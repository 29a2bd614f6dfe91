// An operation before which to go back: imports first, since those are what people regret; then the newest.
import { type Operation, newest, operationAddress, what } from "../history/operation";
import { get } from "../lib/api";
import { h, icon } from "../lib/dom";
import { when } from "../lib/moments";
import { sentence } from "../lib/notice";
import { actorName, avatar, viaText } from "../lib/story";
import { ago, t } from "../lib/text";
import type { Choice } from "./from";
import { optionList } from "./options";
import type { Source } from "./question";

const IMPORTS = 5;
const RECENT = 20;

export class OperationChoice implements Choice {
  readonly root = h("div", { class: "from-panel" });
  private known = new Map<string, Operation>();
  private asked = false;
  private op = "";

  constructor(private readonly changed: () => void) {}

  open(): void {
    if (this.asked) return;
    this.asked = true;
    this.root.replaceChildren(h("div", { class: "skeleton" }), h("div", { class: "skeleton" }));
    void this.load();
  }

  take(source: Source): void {
    if (source.kind !== "before") return;
    this.op = source.op;
    this.asked = false;
    this.open();
  }

  source(): Source | null {
    return this.op ? { kind: "before", op: this.op } : null;
  }

  said(): string {
    const operation = this.known.get(this.op);
    if (!operation) return t("Antes de la operación {op}", { op: this.op });
    return t("Antes de esto: {who} ({when})", { who: plain(operation), when: when(operation.at) });
  }

  private async load(): Promise<void> {
    try {
      const wanted = this.op ? get<{ operation: Operation }>(operationAddress(this.op)).then(({ operation }) => operation) : null;
      const [first, recent, own] = await Promise.all([newest({ via: "import" }, IMPORTS), newest({}, RECENT), wanted]);
      const others = recent.filter(({ op }) => first.every((one) => one.op !== op));
      const alone = own && ![...first, ...others].some(({ op }) => op === own.op) ? [own] : [];
      for (const operation of [...first, ...others, ...alone]) this.known.set(operation.op, operation);
      this.draw([
        [t("Elegido"), alone],
        [t("Importaciones"), first],
        [t("Lo más reciente"), others],
      ]);
      this.changed();
    } catch (error) {
      this.asked = false;
      this.root.replaceChildren(h("p", { class: "field-error", role: "alert" }, sentence(error)));
    }
  }

  private draw(groups: [string, Operation[]][]): void {
    const full = groups.filter(([, operations]) => operations.length > 0);
    if (full.length === 0) return this.root.replaceChildren(h("div", { class: "empty" }, icon("clock-history"), h("p", {}, t("Todavía no hay ningún cambio."))));
    const choose = (op: string) => {
      this.op = op;
      this.changed();
    };
    const lists = full.flatMap(([title, operations]) => [
      h("h3", { class: "options-title" }, title),
      optionList("operation", title, operations.map((operation) => ({ value: operation.op, content: row(operation) })), this.op, choose),
    ]);
    const older = h("p", { class: "hint options-foot" }, t("¿Es más antiguo?"), " ", h("a", { href: "/history" }, t("Búscalo en el historial y elige Restaurar antes de esto")));
    this.root.replaceChildren(h("div", { class: "options-scroll", tabIndex: 0, role: "group", "aria-label": t("Antes de un cambio") }, ...lists), older);
  }
}

function row(operation: Operation): (Node | string | false)[] {
  const undone = operation.undone_by ? h("span", { class: "tag tag-muted" }, t("Deshecha")) : false;
  return [
    h("span", { class: "option-head" }, avatar(operation.actor, operation.via), h("span", { class: "option-text" }, plain(operation)), undone),
    h("span", { class: "hint option-under" }, `${when(operation.at)} · ${ago(operation.at)} · ${viaText(operation.via)}`),
  ];
}

/** `ana importó 40 batches` */
function plain(operation: Operation): string {
  const text = what(operation).map((part) => (typeof part === "string" ? part : (part.textContent ?? ""))).join("");
  return `${actorName(operation.actor, operation.via)} ${text}`;
}
