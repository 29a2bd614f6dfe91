// The roles, as people say them (auth.py).
import { t } from "../lib/text";

export type Role = "lead" | "reviewer" | "segmentador" | "viewer";

export const roles = (): [Role, string][] => [
  ["lead", t("Coordinación")],
  ["reviewer", t("Revisión")],
  ["segmentador", t("Segmentación")],
  ["viewer", t("Consulta")],
];
