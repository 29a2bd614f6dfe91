// Mi cuenta: one's own password, and keys for one's own programs.
import { handedOver } from "./accounts/handed";
import { get, json, post } from "./lib/api";
import { confirm, find } from "./lib/dom";
import { notice, problem, sentence } from "./lib/notice";
import { t } from "./lib/text";

const form = find<HTMLFormElement>("#password-form");
const wrong = find("#password-error");
const field = (name: string) => document.querySelector<HTMLInputElement>(`#${name}`);

function refuse(text: string, at: string): void {
  wrong.textContent = text;
  wrong.hidden = false;
  field(at)?.focus();
}

async function save(): Promise<void> {
  wrong.hidden = true;
  const [current, fresh, again] = ["current", "new", "again"].map((name) => field(name)?.value ?? "");
  if (fresh !== again) return refuse(t("Las dos veces tienen que ser iguales."), "again");
  try {
    const answer = await post("/api/account/password", { current, new: fresh });
    // The session is another one now, and so is what its requests are told by.
    find<HTMLMetaElement>('meta[name="csrf-token"]').content = String(answer.csrf_token);
    document.querySelector("#no-password")?.remove();
    form.reset();
    notice(String(answer.message));
    if (!field("current")) location.reload();
  } catch (error) {
    refuse(sentence(error), field("current") ? "current" : "new");
  }
}

function showTokens(count: number): void {
  find("#tokens").textContent = count === 0 ? t("No tienes ninguna.") : t("Tienes {count}.", { count });
  find("#revoke-tokens").hidden = count === 0;
}

async function look(): Promise<void> {
  showTokens((await get<{ tokens: number }>("/api/account")).tokens);
}

async function makeToken(): Promise<void> {
  const { token } = await post<{ token: string }>("/api/account/token", {});
  find("#token-made").replaceChildren(handedOver(t("Tu clave nueva"), token, t("Guárdala ahora: no se vuelve a mostrar.")));
  await look();
}

async function revoke(): Promise<void> {
  const text = t("Los programas que las usan dejan de entrar hasta que les des otra.");
  if (!(await confirm(t("Invalidar las claves"), text, t("Invalidar las que hay"), t("Cancelar")))) return;
  const answer = await json("DELETE", "/api/account/token", {});
  find("#token-made").replaceChildren();
  notice(String(answer.message));
  await look();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void save();
});
find("#make-token").addEventListener("click", () => void makeToken().catch(problem));
find("#revoke-tokens").addEventListener("click", () => void revoke().catch(problem));
look().catch(problem);
