// What other browsers change arrives here, and is handed to the page.
import { type Progress, get } from "./api";

export interface Change {
  op?: string;
  kind: string;
  action: string;
  actor: string;
  docs: string[];
  count: number;
}

const progressListeners: ((progress: Progress) => void)[] = [];
const changeListeners: ((change: Change) => void)[] = [];
let known: Progress | null = null;

export function onProgress(listener: (progress: Progress) => void): void {
  progressListeners.push(listener);
  if (known) listener(known);
}

export function onChange(listener: (change: Change) => void): void {
  changeListeners.push(listener);
}

export async function refreshProgress(): Promise<void> {
  tell(await get<Progress>("/api/progress"));
}

function tell(progress: Progress): void {
  known = progress;
  for (const listener of progressListeners) listener(progress);
}

const connected = (yes: boolean) => document.dispatchEvent(new CustomEvent("connection", { detail: yes }));

/** Listens for as long as the page is open; a page that was away catches up by `back`. */
export function listen(back: () => void): void {
  let lost = false;
  document.body.dataset.live = "yes";
  const source = new EventSource("/api/events");
  source.addEventListener("open", () => {
    connected(true);
    if (lost) {
      void refreshProgress();
      back();
    }
    lost = false;
  });
  source.addEventListener("error", () => {
    lost = true;
    connected(false);
    if (source.readyState === EventSource.CLOSED) window.setTimeout(() => listenAgain(back), 3000);
  });
  source.addEventListener("progress", (event) => tell(JSON.parse((event as MessageEvent<string>).data) as Progress));
  source.addEventListener("change", (event) => {
    const change = JSON.parse((event as MessageEvent<string>).data) as Change;
    for (const listener of changeListeners) listener(change);
  });
  source.addEventListener("journal", (event) => {
    const { trouble } = JSON.parse((event as MessageEvent<string>).data) as { trouble: string | null };
    document.dispatchEvent(new CustomEvent("journal", { detail: trouble }));
  });
  window.addEventListener("pagehide", () => source.close());
}

function listenAgain(back: () => void): void {
  listen(back);
  void refreshProgress().then(back, () => undefined);
}
