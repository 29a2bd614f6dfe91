// Cuentas: who may log in, with which role, and for whom on the board.
import { addAccount, personChoice, showPassword } from "./accounts/add";
import { type Role, roles } from "./accounts/roles";
import { get, json, people, post } from "./lib/api";
import { confirm, find, h } from "./lib/dom";
import { notice, problem, sentence } from "./lib/notice";
import { t } from "./lib/text";

interface Account {
  name: string;
  role: Role;
  segmentador: string | null;
  disabled: boolean;
  has_password: boolean;
}

const wrong = find("#accounts-error");
const own = document.body.dataset.account;
let team: string[] = [];

async function look(): Promise<void> {
  const [answer, names] = await Promise.all([get<{ accounts: Account[] }>("/api/accounts"), people()]);
  team = names;
  const focused = (document.activeElement as HTMLElement | null)?.dataset.act;
  find("#accounts").replaceChildren(...answer.accounts.map(row));
  if (focused) find("#accounts").querySelector<HTMLElement>(`[data-act="${CSS.escape(focused)}"]`)?.focus();
  wrong.hidden = true;
}

function redraw(): void {
  look().catch((error) => {
    wrong.textContent = sentence(error);
    wrong.hidden = false;
  });
}

function row(account: Account): HTMLElement {
  const { name } = account;
  const act = (what: string) => `${what}:${name}`;
  const role = h("select", { class: "form-select form-select-sm", "aria-label": t("Rol de {name}", { name }), "data-act": act("role") }, ...roles().map(([value, word]) => h("option", { value, selected: value === account.role }, word)));
  role.addEventListener("change", () => void save(name, { role: role.value }));
  const stands = personChoice(team, account.segmentador);
  stands.classList.add("form-select-sm");
  stands.setAttribute("aria-label", t("A quién representa {name}", { name }));
  stands.dataset.act = act("person");
  stands.addEventListener("change", () => void save(name, { segmentador: stands.value || null }));
  const reset = h("button", { type: "button", class: "btn btn-quiet btn-sm", "data-act": act("password"), "aria-label": t("Contraseña nueva para {name}", { name }), onclick: () => void renew(name).catch(problem) }, t("Contraseña nueva"));
  const gate = h("button", { type: "button", class: "btn btn-quiet btn-sm", "data-act": act("gate"), "aria-label": account.disabled ? t("Activar a {name}", { name }) : t("Desactivar a {name}", { name }), onclick: () => void open(account) }, account.disabled ? t("Activar") : t("Desactivar"));
  return h(
    "tr",
    { "data-name": name },
    h("th", { scope: "row" }, name, name === own && h("span", { class: "hint" }, ` · ${t("eres tú")}`)),
    h("td", { "data-label": t("Rol") }, role),
    h("td", { "data-label": t("En el tablero es") }, stands),
    h("td", { "data-label": t("Estado") }, state(account)),
    h("td", {}, h("div", { class: "account-actions" }, ...(name === own ? [h("a", { class: "btn btn-quiet btn-sm", href: "/account" }, t("Mi cuenta"))] : [!account.disabled && reset, gate]))),
  );
}

function state(account: Account): string {
  if (account.disabled) return t("Desactivada");
  return account.has_password ? t("Puede entrar") : t("Sin contraseña: solo con claves");
}

async function save(name: string, fields: Record<string, unknown>): Promise<void> {
  try {
    const answer = await json("PATCH", `/api/accounts/${encodeURIComponent(name)}`, fields);
    notice(String(answer.message));
  } catch (error) {
    problem(error);
  }
  redraw();
}

async function open(account: Account): Promise<void> {
  const { name } = account;
  const text = t("{name} ya no podrá entrar; sus sesiones y claves dejan de servir. Lo que hizo sigue en el historial, y puedes activarla otra vez.", { name });
  if (!account.disabled && !(await confirm(t("Desactivar a {name}", { name }), text, t("Desactivar"), t("Cancelar")))) return;
  await save(name, { disabled: !account.disabled });
}

async function renew(name: string): Promise<void> {
  const text = t("La contraseña de ahora deja de servir y se cierran sus sesiones.");
  if (!(await confirm(t("Contraseña nueva para {name}", { name }), text, t("Dar una nueva"), t("Cancelar")))) return;
  showPassword(await post(`/api/accounts/${encodeURIComponent(name)}/password`, {}));
  redraw();
}

find("#add-account").addEventListener("click", () => addAccount(team, redraw));
redraw();
