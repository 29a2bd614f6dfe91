// Who may take what back (auth.py, `demand_undo`). A button that the server would refuse is not shown.
import { may } from "./dom";

/** A lead everything; whoever may assign, what they did themselves. */
export function mayUndo(operation: { actor: string }): boolean {
  return may("batches") || (mayUndoOwn() && operation.actor === document.body.dataset.account);
}

export const mayUndoOwn = () => may("batches") || may("assign");
