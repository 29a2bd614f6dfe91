// Correo: who gets messages and which, how they look, and what became of each.
import { get } from "./lib/api";
import { find, may } from "./lib/dom";
import { sentence } from "./lib/notice";
import type { Message, Overview, Own } from "./mail/mail";
import { showOutbox } from "./mail/outbox";
import { showOwn } from "./mail/own";
import { showPeople } from "./mail/people";
import { showState } from "./mail/state";

const EVERY = 10_000;
const SOON = 1_000;
const wrong = find("#mail-error");
let timer = 0;
let soon = 0;

async function draw(): Promise<void> {
  const own = await get<Own>("/api/mail/own");
  showOwn(own, changed);
  if (!may("people")) return;
  const [mail, outbox] = await Promise.all([get<Overview>("/api/mail"), get<{ messages: Message[] }>("/api/mail/outbox")]);
  showState(mail, own.email, changed);
  showPeople(mail, changed);
  showOutbox(outbox.messages, changed);
}

function look(): void {
  window.clearTimeout(timer);
  draw()
    .then(() => {
      wrong.hidden = true;
    })
    .catch((error) => {
      wrong.textContent = sentence(error);
      wrong.hidden = false;
    })
    .finally(() => {
      soon = Math.max(0, soon - 1);
      timer = window.setTimeout(look, soon ? SOON : EVERY);
    });
}

/** Something was sent or saved: what comes of it shows within seconds. */
function changed(): void {
  soon = 6;
  look();
}

look();
