// How many batches of each segmentador are late: looked up when nothing has changed for a moment.
import { assigneeOf, everything } from "../lib/api";
import { today } from "../lib/text";

const WAIT = 1500;

let timer = 0;
let first = true;

export function overdueOf(found: (late: Map<string, number>) => void): void {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void look(found).catch(() => undefined), first ? 0 : WAIT);
  first = false;
}

async function look(found: (late: Map<string, number>) => void): Promise<void> {
  const late = new Map<string, number>();
  await everything({ due_before: today(), status: "NS,In" }, (batches) => {
    for (const batch of batches) {
      const name = assigneeOf(batch);
      if (name) late.set(name, (late.get(name) ?? 0) + 1);
    }
  });
  found(late);
}
