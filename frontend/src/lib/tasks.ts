// Work that goes on in the background: followed until it ends.
import { ApiError, get, send } from "./api";
import { t } from "./text";

export interface Task<Result> {
  id: string;
  kind: string;
  about: string;
  state: "running" | "done" | "failed" | "cancelled";
  step: string;
  seconds: number;
  result: Result | null;
  error: string | null;
  /** Moments that could be had instead of one that could not. */
  nearest?: string[];
  /** Who was faster. */
  conflict?: { actor: string; at: string | null };
}

const EVERY = 500;
/** What ends soon is seen to end. */
const FIRST = 100;
/** Answers that may be lost in a row; the work goes on meanwhile. */
const LOST = 20;

const pause = (time: number) => new Promise((resolve) => window.setTimeout(resolve, time));

/** Nobody wants it any more. It may have ended by now. */
export const cancel = (id: string, kind: "backups" | "export" = "backups"): void => void send("DELETE", `/api/${kind}/tasks/${encodeURIComponent(id)}`).catch(() => undefined);

/** Resolves when the task has ended, whichever way; rejects when nobody knows any more what became of it. */
export async function follow<Result>(id: string, tell: (task: Task<Result>) => void = () => undefined, kind: "backups" | "export" = "backups"): Promise<Task<Result>> {
  for (let lost = 0, asked = 0; lost < LOST; asked += 1) {
    try {
      const task = await get<Task<Result>>(`/api/${kind}/tasks/${encodeURIComponent(id)}`);
      lost = 0;
      tell(task);
      if (task.state !== "running") return task;
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status > 0 && error.status < 500)) throw error;
      lost += 1;
    }
    await pause(asked < 5 ? FIRST : EVERY);
  }
  throw new Error(t("Se perdió de vista. Mira la lista de copias cuando vuelva el servidor."));
}
