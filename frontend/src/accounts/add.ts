// A new account, and the password that goes with it.
import { post } from "../lib/api";
import { dialog, h } from "../lib/dom";
import { sentence } from "../lib/notice";
import { t } from "../lib/text";
import { handedOver } from "./handed";
import { type Role, roles } from "./roles";

interface Made {
  name: string;
  password: string;
  message: string;
}

export function addAccount(people: string[], changed: () => void): void {
  const name = h("input", { class: "form-control", id: "account-name", required: true, maxLength: 200, autocomplete: "off" });
  const role = h("select", { class: "form-select", id: "account-role" }, ...roles().map(([value, word]) => h("option", { value, selected: value === "segmentador" }, word)));
  const stands = personChoice(people, null);
  stands.id = "account-person";
  name.addEventListener("input", () => {
    if (people.includes(name.value.trim())) stands.value = name.value.trim();
  });
  const wrong = h("p", { class: "field-error", role: "alert", hidden: true });
  const form = h(
    "form",
    { class: "account-form", id: "account-form" },
    labelled(t("Nombre"), name),
    labelled(t("Rol"), role),
    labelled(t("En el tablero es"), stands),
    wrong,
  );
  const submit = h("button", { type: "submit", class: "btn btn-primary" }, t("Crear la cuenta"));
  submit.setAttribute("form", form.id);
  const box = dialog(t("Agregar una cuenta"), form, [submit]);
  name.focus();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit.disabled = true;
    post<Made>("/api/accounts", { name: name.value, role: role.value as Role, segmentador: stands.value || null })
      .then((made) => {
        box.close();
        showPassword(made);
        changed();
      })
      .catch((error) => {
        wrong.textContent = sentence(error);
        wrong.hidden = false;
        submit.disabled = false;
      });
  });
}

/** What a lead hands to the person; nobody can see it again. */
export function showPassword(made: Made): void {
  const hint = t("Entrégasela ahora: no se vuelve a mostrar. La cambia en Mi cuenta.");
  const close = h("button", { type: "button", class: "btn btn-primary" }, t("Listo"));
  const box = dialog(made.message, handedOver(t("Contraseña de {name}", { name: made.name }), made.password, hint), [close]);
  close.addEventListener("click", () => box.close());
}

export function personChoice(people: string[], chosen: string | null): HTMLSelectElement {
  const names = chosen && !people.includes(chosen) ? [...people, chosen] : people;
  const options = names.map((person) => h("option", { value: person, selected: person === chosen }, person));
  return h("select", { class: "form-select" }, h("option", { value: "", selected: !chosen }, t("nadie")), ...options);
}

function labelled(text: string, control: HTMLElement): HTMLElement {
  return h("div", {}, h("label", { class: "form-label", htmlFor: control.id }, text), control);
}
