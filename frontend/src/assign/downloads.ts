// The card Descargas y Respaldos; its words are those of the old page (mission.md).
import { confirm, maybe } from "../lib/dom";
import { download } from "../lib/download";
import { notice } from "../lib/notice";
import { t } from "../lib/text";

export function chooseWorklist(): void {
  const select = maybe<HTMLSelectElement>("#worklist-person");
  const button = maybe<HTMLButtonElement>("#worklist");
  if (!select || !button) return;
  const chosen = () => {
    if (!select.value) {
      notice(t("Por favor selecciona un segmentador"), "problem");
      select.focus();
    }
    return select.value;
  };
  const fetchList = () => {
    if (!chosen()) return;
    const address = `/api/export/segmentador/${encodeURIComponent(select.value)}${inFormat()}`;
    void download(address, t("Descargando la carga de trabajo de {name}…", { name: select.value }));
  };
  button.addEventListener("click", fetchList);
  maybe("#print-worklist")?.addEventListener("click", () => {
    if (chosen()) window.open(`/print/worklist/${encodeURIComponent(select.value)}`, "_blank", "noopener");
  });
  select.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    fetchList();
  });
}

/** As a query; nothing for the CSV of always. */
export function inFormat(): string {
  const format = maybe<HTMLSelectElement>("#download-format")?.value ?? "csv";
  return format === "csv" ? "" : `?format=${format}`;
}

export async function backUp(): Promise<void> {
  const text = t("Se descarga un archivo JSON con todos los batches y segmentadores, tal como están en este momento. Guárdalo en un lugar seguro.");
  if (await confirm(t("Descargar respaldo de la base de datos"), text, t("Descargar respaldo"), t("Cancelar"), false)) {
    await download("/api/backup/database", t("Descargando el respaldo de la base de datos…"));
  }
}
