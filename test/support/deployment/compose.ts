import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface ComposeService {
  readonly image?: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  /** `address:published:target`. */
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly container_name?: string;
  readonly deploy?: {
    readonly replicas?: number;
    readonly resources?: { readonly limits?: { readonly cpus?: string; readonly memory?: string } };
  };
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** What the images of the other services listen on, by their documentation. */
export const IMAGE_PORTS: Readonly<Record<string, readonly number[]>> = {
  postgres: [5432],
  redis: [6379],
  // Traces by OTLP, page, health.
  jaeger: [4318, 16686, 13133],
  prometheus: [9090],
  grafana: [3000],
};

/** The project's file as Compose reads it with these variables: anchors merged, variables filled in. */
export function readCompose(variables: Readonly<Record<string, string>> = {}): Compose {
  return fill(parse(composeText(), { merge: true }), variables) as Compose;
}

export function composeText(): string {
  return readFileSync(new URL('../../../docker-compose.yml', import.meta.url), 'utf8');
}

/** A service of the file. @throws {Error} when there is none of that name. */
export function serviceOf(compose: Compose, name: string): ComposeService {
  const service = compose.services[name];
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return service;
}

/** What the containers of a service are given. */
export function environmentOf(compose: Compose, name: string): Record<string, string> {
  const entries = Object.entries(serviceOf(compose, name).environment ?? {});
  return Object.fromEntries(entries.map(([variable, value]) => [variable, String(value)]));
}

function fill(node: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof node === 'string') return interpolate(node, variables);
  if (Array.isArray(node)) return node.map((item) => fill(item, variables));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, fill(value, variables)]));
}

/**
 * `${NAME}`, `${NAME:-default}` and `$$`, of the forms that Compose knows.
 *
 * @throws {Error} at any other one.
 */
export function interpolate(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:(\$)|\{([A-Z_]+)(?::-([^}]*))?\}|)/g, (found, dollar, name, fallback) => {
    if (dollar) return '$';
    if (name === undefined) throw new Error(`${found} in ${text}: a form of variable that is not known here`);
    return variables[name] || fallback || '';
  });
}
