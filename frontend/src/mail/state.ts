// The mail server: what the settings say, what is sent by itself and when, and how to set it up where it is not.
import { post } from "../lib/api";
import { find, h, icon } from "../lib/dom";
import { when } from "../lib/moments";
import { notice, problem } from "../lib/notice";
import { plural, t } from "../lib/text";
import { type Overview, SECURITIES } from "./mail";
import { preview } from "./preview";

const EXAMPLE = `RESGUARDO_SMTP_HOST=smtp.ejemplo.mx
RESGUARDO_SMTP_SECURITY=starttls
RESGUARDO_SMTP_USER=tablero@ejemplo.mx
RESGUARDO_SMTP_PASSWORD=…
RESGUARDO_MAIL_FROM="Resguardo <tablero@ejemplo.mx>"
RESGUARDO_PUBLIC_URL=https://tablero.ejemplo.mx`;

export function showState(mail: Overview, own: string, changed: () => void): void {
  const place = find("#mail-state");
  if (!mail.configured) return place.replaceChildren(...lesson(mail));
  const parts: (HTMLElement | false)[] = [trouble(mail), facts(mail), trial(own, changed), lacking(mail)];
  // A field that somebody types in stays as it is.
  if (place.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement) return;
  place.replaceChildren(...parts.filter((part): part is HTMLElement => part !== false));
}

function lesson(mail: Overview): HTMLElement[] {
  return [
    h("p", { class: "mail-light attention" }, icon("exclamation-triangle-fill"), h("b", {}, t("Aún no se puede mandar correo."))),
    h("p", { class: "hint" }, t("Pon estos valores en el entorno del tablero, o en resguardo.toml, y vuelve a ponerlo en marcha. Las vistas previas ya funcionan.")),
    h("ul", { class: "mail-missing" }, ...mail.missing.map((text) => h("li", {}, text))),
    h("pre", { class: "mail-example", tabIndex: 0 }, EXAMPLE),
  ];
}

function trouble(mail: Overview): HTMLElement {
  if (!mail.trouble) return h("p", { class: "mail-light safe" }, icon("check-circle-fill"), h("b", {}, t("Listo para mandar.")));
  const again = t("Desde el {since}. Se intenta de nuevo a las {again}; no se pierde nada.", { since: when(mail.trouble.since), again: when(mail.trouble.again) });
  return h("div", { class: "mail-trouble", role: "alert" }, icon("x-octagon-fill"), h("div", {}, h("b", {}, t("Ahora no se puede enviar.")), h("p", {}, mail.trouble.why), h("p", { class: "hint" }, again)));
}

function facts(mail: Overview): HTMLElement {
  const never = t("solo con el botón");
  const at = (moment: string | null, none: string) => (moment ? when(moment) : none);
  const server = `${mail.host}:${mail.port} · ${t(SECURITIES[mail.security])}`;
  const assigned = mail.assigned_minutes ? plural(mail.assigned_minutes, "tras {count} minuto sin más asignaciones", "tras {count} minutos sin más asignaciones") : t("no se avisan");
  const rows: [string, string, (() => void)?][] = [
    [t("Servidor"), server],
    [t("De parte de"), mail.from],
    [t("Listas de trabajo"), at(mail.next.worklist, never)],
    [t("Asignaciones"), assigned],
    [t("Recordatorios"), at(mail.next.due, t("no se mandan"))],
    [t("Resumen"), at(mail.next.summary, t("no se manda")), () => void preview("/api/mail/preview/summary")],
    [t("Alarma"), mail.leads.length ? mail.leads.join(", ") : t("nadie: ninguna coordinación dio su correo"), () => void preview("/api/mail/preview/alarm")],
  ];
  return h("dl", { class: "mail-facts" }, ...rows.map(([label, value, show]) => h("div", {}, h("dt", {}, label), h("dd", {}, value, show && h("button", { type: "button", class: "link-button", onclick: show, "aria-label": `${t("Vista previa")}: ${label}` }, icon("eye"), t("Ver"))))));
}

function trial(own: string, changed: () => void): HTMLElement {
  const field = h("input", { class: "form-control", type: "email", id: "trial-to", required: true, value: own, autocomplete: "email", placeholder: "ana@ejemplo.mx" });
  const form = h("form", { class: "mail-trial" }, h("label", { class: "form-label", htmlFor: "trial-to" }, t("Mandar una prueba a")), h("div", {}, field, h("button", { type: "submit", class: "btn btn-quiet" }, icon("send"), t("Probar"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    post("/api/mail/trial", { to: field.value })
      .then((answer) => {
        notice(String(answer.message));
        field.blur();
        changed();
      })
      .catch(problem);
  });
  return form;
}

function lacking(mail: Overview): HTMLElement | false {
  if (mail.public_url) return false;
  return h("p", { class: "hint" }, t("Sin RESGUARDO_PUBLIC_URL los mensajes no llevan enlaces al tablero ni el de no recibir más; para eso se contesta al mensaje."));
}
