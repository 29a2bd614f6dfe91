// Work that goes on in the background: followed until it ends.
import { ApiError, get } from "../lib/api";
import { t } from "../lib/text";
import type { Task } from "./backup";

const EVERY = 500;
/** Answers that may be lost in a row; the work goes on meanwhile. */
const LOST = 20;

const pause = (time: number) => new Promise((resolve) => window.setTimeout(resolve, time));

/** Resolves when the task has ended, whichever way; rejects when nobody knows any more what became of it. */
export async function follow(id: string, tell: (task: Task) => void = () => undefined): Promise<Task> {
  for (let lost = 0; lost < LOST; ) {
    try {
      const task = await get<Task>(`/api/backups/tasks/${encodeURIComponent(id)}`);
      lost = 0;
      tell(task);
      if (task.state !== "running") return task;
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status > 0 && error.status < 500)) throw error;
      lost += 1;
    }
    await pause(EVERY);
  }
  throw new Error(t("Se perdió de vista. Mira la lista de copias cuando vuelva el servidor."));
}
