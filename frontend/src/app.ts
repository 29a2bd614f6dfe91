// Loaded by every page: the shield, the menu, the notice of a lost connection.
import { find, maybe } from "./lib/dom";
import { listen } from "./lib/live";
import { watchStatus } from "./lib/shield";

function watchConnection(): void {
  const banner = find("#connection");
  // A page that shows a copy because the database is away says so itself, and goes back to the board.
  const away = maybe("[data-away]") !== null;
  let timer = 0;
  document.addEventListener("connection", (event) => {
    window.clearTimeout(timer);
    const connected = (event as CustomEvent<boolean>).detail;
    if (away && connected) backToTheBoard();
    else if (away) return;
    else if (connected) banner.hidden = true;
    // A page that is only just reconnecting says nothing.
    else timer = window.setTimeout(() => (banner.hidden = false), 1500);
  });
  window.addEventListener("pagehide", () => window.clearTimeout(timer));
}

function backToTheBoard(): void {
  if (location.pathname === "/last-copy") location.assign("/");
  else location.reload();
}

/** While the journal cannot be written nothing can be saved: said on every page, for as long as it lasts. */
function watchJournal(): void {
  const banner = find("#journal");
  document.addEventListener("journal", (event) => {
    const trouble = (event as CustomEvent<string | null>).detail;
    banner.hidden = trouble === null;
    if (trouble !== null) find("#journal-why").textContent = trouble;
  });
  // Most pages listen for their own sake; all scripts of a page have run by now.
  document.addEventListener("DOMContentLoaded", () => document.body.dataset.live ?? listen(() => undefined));
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
  watchStatus();
  watchConnection();
  watchJournal();
}
closeMenus();
maybe(".nav-main a[aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
