// What the API of mail tells, and its words.
import { t } from "../lib/text";

export interface Person {
  name: string;
  email: string;
  off: boolean;
  language: "es" | "en";
  batches: number;
  reachable: boolean;
  why: string;
}

export interface Overview {
  configured: boolean;
  missing: string[];
  host: string;
  port: number;
  security: "starttls" | "tls" | "none";
  user: string;
  from: string;
  public_url: string;
  assigned_minutes: number;
  next: { worklist: string | null; due: string | null; summary: string | null };
  trouble: { why: string; since: string; again: string } | null;
  leads: string[];
  counts: Partial<Record<State, number>>;
  people: Person[];
}

export type State = "queued" | "sending" | "sent" | "failed";

export interface Message {
  key: string;
  kind: string;
  name: string;
  to: string;
  subject: string;
  state: State;
  why: string;
  attempts: number;
  again: boolean;
  bytes: number;
  file: string | null;
  made_at: string;
  at: string | null;
  next_at: string;
}

export interface Own {
  lead: boolean;
  email: string;
  person: Person | null;
}

export const LANGUAGES: [string, string][] = [["es", "Español"], ["en", "English"]];

const KINDS: Record<string, string> = {
  worklist: "Lista de trabajo",
  assigned: "Asignación",
  due: "Recordatorio",
  summary: "Resumen",
  alarm: "Alarma",
  trial: "Prueba",
};

export const kindWord = (kind: string) => t(KINDS[kind] ?? kind);

const STATES: Record<State, [string, string]> = {
  queued: ["En espera", "hourglass-split"],
  sending: ["Enviándose", "arrow-repeat"],
  sent: ["Enviado", "check-circle-fill"],
  failed: ["No se pudo enviar", "x-octagon-fill"],
};

export const stateWord = (state: State): [string, string] => [t(STATES[state][0]), STATES[state][1]];
export const SECURITIES = { starttls: "STARTTLS", tls: "TLS", none: "sin cifrar" };
