// Downloads by fetch, so that what the server refuses is said on the page instead of replacing it.
import { post, send } from "./api";
import { find, h, icon } from "./dom";
import { notice, problem } from "./notice";
import { cancel as cancelTask, follow } from "./tasks";
import { number, plural, t } from "./text";

/** From here on it is shown how far it is, and can be cancelled. */
const LONG = 1_000;
/** Workbooks are made whole before their first byte, and batches may be a million. */
const LONG_FILES = /^\/api\/export\/(batches|.*[?&]format=xlsx)/;

export async function download(address: string, started: string): Promise<void> {
  notice(started, "info");
  const cancel = new AbortController();
  const shown = progress(started, cancel);
  try {
    const made = LONG_FILES.test(address) ? await finished(address, cancel.signal, shown.step) : address;
    const answer = await send("GET", made, { signal: cancel.signal });
    const content = await arrived(answer, shown.tell);
    const link = h("a", { href: URL.createObjectURL(content), download: fileName(answer) });
    document.body.append(link);
    link.click();
    link.remove();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    if (cancel.signal.aborted) notice(t("Se canceló la descarga."), "info");
    else problem(error);
  } finally {
    shown.end();
  }
}

/** Have it made in the background, and wait: the address of the file. */
async function finished(address: string, signal: AbortSignal, tell: (step: string) => void): Promise<string> {
  const { task } = await post<{ task: string }>(address, {});
  const stop = () => cancelTask(task, "export");
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const ended = await follow<{ file: string }>(task, ({ step }) => tell(step), "export");
  signal.removeEventListener("abort", stop);
  if (ended.result === null) throw new Error(ended.error ?? "");
  return `/api/export/files/${ended.result.file}`;
}

async function arrived(answer: Response, tell: (bytes: number) => void): Promise<Blob> {
  const reader = answer.body?.getReader();
  if (!reader) return answer.blob();
  const parts: BlobPart[] = [];
  let bytes = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(next.value as BlobPart);
    bytes += next.value.byteLength;
    tell(bytes);
  }
  return new Blob(parts, { type: answer.headers.get("Content-Type") ?? "" });
}

/** A box that comes when it takes long: how much has arrived, and a button to cancel. */
function progress(label: string, cancel: AbortController): { tell: (bytes: number) => void; step: (step: string) => void; end: () => void } {
  const said = h("span", {}, label);
  const button = h("button", { type: "button", class: "notice-action" }, t("Cancelar"));
  button.addEventListener("click", () => cancel.abort());
  const box = h("div", { class: "notice notice-info", role: "status" }, icon("hourglass-split"), said, button);
  const timer = window.setTimeout(() => find("#notices").append(box), LONG);
  return {
    tell: (bytes) => (said.textContent = `${label} ${number(Math.round(bytes / 1024))} KB`),
    step: (step) => {
      const rows = /^rows (\d+)$/.exec(step)?.[1];
      if (rows) said.textContent = `${label} ${plural(Number(rows), "{count} renglón", "{count} renglones")}`;
    },
    end: () => {
      window.clearTimeout(timer);
      box.remove();
    },
  };
}

function fileName(answer: Response): string {
  const header = answer.headers.get("Content-Disposition") ?? "";
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(header)?.[1];
  if (encoded) return decodeURIComponent(encoded);
  return /filename="([^"]*)"/i.exec(header)?.[1] ?? /filename=([^;]+)/i.exec(header)?.[1]?.trim() ?? "resguardo";
}
