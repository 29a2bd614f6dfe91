// Loaded by every page: the shield, the menu, the notice of a lost connection.
import { get } from "./lib/api";
import { find, maybe } from "./lib/dom";
import { ago, t } from "./lib/text";

interface Backup {
  state: string;
  moment: string;
}

const STALE_AFTER = 26 * 3600 * 1000;

function shield(state: "safe" | "attention" | "risk", text: string): void {
  const chip = find("#shield");
  chip.className = `shield shield-${state}`;
  find(".shield-text", chip).textContent = text;
  find("i", chip).className = `bi ${state === "safe" ? "bi-shield-check" : "bi-shield-exclamation"}`;
}

function newest(backups: Backup[], state: string): string | undefined {
  const moments = backups.filter((backup) => backup.state === state).map((backup) => backup.moment);
  return moments.sort((a, b) => Date.parse(b) - Date.parse(a))[0];
}

async function askShield(): Promise<void> {
  const { backups } = await get<{ backups: Backup[] }>("/api/backups");
  const good = newest(backups, "good");
  if (good && Date.now() - Date.parse(good) <= STALE_AFTER) {
    return shield("safe", t("Resguardada · copia buena {age}", { age: ago(good) }));
  }
  // A copy that was read back but never restored is not called good.
  const verified = newest(backups, "verified") ?? good;
  if (verified) shield("attention", t("Atención · copia comprobada {age}", { age: ago(verified) }));
  else shield("attention", t("Atención · sin copia comprobada aún"));
}

function watchConnection(): void {
  const banner = find("#connection");
  let timer = 0;
  document.addEventListener("connection", (event) => {
    window.clearTimeout(timer);
    if ((event as CustomEvent<boolean>).detail) banner.hidden = true;
    // A page that is only just reconnecting says nothing.
    else timer = window.setTimeout(() => (banner.hidden = false), 1500);
  });
  window.addEventListener("pagehide", () => window.clearTimeout(timer));
}

function closeMenus(): void {
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
      if (!menu.contains(event.target as Node)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = maybe<HTMLDetailsElement>("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector<HTMLElement>("summary")?.focus();
    }
  });
}

if (maybe("#shield")) {
  const ask = () => void askShield().catch(() => shield("attention", t("Atención · no se sabe cómo están las copias")));
  ask();
  window.setInterval(ask, 60_000);
  watchConnection();
}
closeMenus();
