// The shield at the top of every page: whether the information is safe, in one line. It asks by itself, and is never
// green for want of an answer. Each answer is told to the page too, as `status`; `status-wanted` asks for another.
import { ApiError, get } from "./api";
import { find } from "./dom";
import { said } from "./said";
import { ago, t } from "./text";

export type Light = "green" | "amber" | "red";

export interface Line {
  name: string;
  state: Light;
  value: string;
  since: string | null;
  advice: string;
  standing: boolean;
}

export interface Status {
  light: Light;
  /** The light without what is so for as long as the installation is as it is. */
  shield: Light;
  good_copy: string | null;
  measured: string;
  lines: Line[];
}

/** What a page hears: a report, or why there is none. */
export type Heard = Status | ApiError;

const AGAIN = 30_000;
/** An answer older than this is none. */
const LASTS = 60_000;
/** So long an answer of the server may be from before what has just been told (web/api_status.py, FRESH). */
const SERVED_FOR = 11_000;
/** Characters of a line that find room. */
const LONGEST = 34;
const KEPT = "resguardo-status";
const LOOKS: Record<Light, [string, string]> = {
  green: ["shield-safe", "shield-check"],
  amber: ["shield-attention", "shield-exclamation"],
  red: ["shield-risk", "shield-x"],
};

let asking = false;
let answered = 0;
let shownLight: Light | null = null;

export function watchStatus(): void {
  const kept = remembered();
  if (kept) draw(kept.status.shield, words(kept.status));
  document.addEventListener("status-wanted", () => void ask());
  document.addEventListener("journal", () => {
    void ask();
    window.setTimeout(() => void ask(), SERVED_FOR);
  });
  document.addEventListener("visibilitychange", () => void (document.hidden || ask()));
  window.setInterval(() => void (document.hidden || ask()), AGAIN);
  void ask();
}

async function ask(): Promise<void> {
  if (asking) return;
  asking = true;
  try {
    const status = await get<Status>("/api/status");
    answered = Date.now();
    sessionStorage.setItem(KEPT, JSON.stringify({ at: answered, status }));
    draw(status.shield, words(status));
    tell(status);
  } catch (error) {
    failed(error);
  } finally {
    asking = false;
  }
}

/** From one page to the next the shield need not go blank. */
function remembered(): { at: number; status: Status } | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null") as { at: number; status: Status } | null;
    return kept && Date.now() - kept.at < LASTS ? kept : null;
  } catch {
    return null;
  }
}

function failed(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
  // One answer that was lost says nothing yet.
  if (error.status === 503) draw("red", t("En riesgo · la base de datos no contesta"));
  else if (Date.now() - answered > LASTS) draw("amber", t("Atención · no se sabe cómo están las copias"));
  tell(error);
}

const tell = (heard: Heard) => document.dispatchEvent(new CustomEvent<Heard>("status", { detail: heard }));

const narrow = window.matchMedia("(width <= 480px)");

function words(status: Status): string {
  if (status.shield === "green" && status.good_copy && narrow.matches) return t("Resguardada · {age}", { age: ago(status.good_copy) });
  if (status.shield === "green" && status.good_copy) return t("Resguardada · copia buena {age}", { age: ago(status.good_copy) });
  const wrong = status.lines.find((line) => line.state === status.shield && !line.standing);
  const whole = wrong ? `${t(wrong.name)}: ${said(wrong.value)}` : "";
  const what = wrong && whole.length > LONGEST ? t(wrong.name) : whole;
  return status.shield === "red" ? t("En riesgo · {what}", { what }) : t("Atención · {what}", { what });
}

function draw(light: Light, text: string): void {
  const chip = find("#shield");
  const [kind, image] = LOOKS[light];
  chip.className = `shield ${kind}`;
  chip.title = text;
  find("i", chip).className = `bi bi-${image}`;
  find(".shield-text", chip).textContent = text;
  // Read aloud when it turns, not each time that a copy is an hour older.
  if (shownLight !== null && shownLight !== light) find("#shield-said").textContent = text;
  shownLight = light;
}
