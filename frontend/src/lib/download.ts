// Downloads by fetch, so that what the server refuses is said on the page instead of replacing it.
import { send } from "./api";
import { h } from "./dom";
import { notice, problem } from "./notice";

export async function download(address: string, started: string): Promise<void> {
  notice(started, "info");
  try {
    const answer = await send("GET", address);
    const content = await answer.blob();
    const link = h("a", { href: URL.createObjectURL(content), download: fileName(answer) });
    document.body.append(link);
    link.click();
    link.remove();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    problem(error);
  }
}

function fileName(answer: Response): string {
  const header = answer.headers.get("Content-Disposition") ?? "";
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(header)?.[1];
  if (encoded) return decodeURIComponent(encoded);
  return /filename="([^"]*)"/i.exec(header)?.[1] ?? /filename=([^;]+)/i.exec(header)?.[1]?.trim() ?? "resguardo";
}
