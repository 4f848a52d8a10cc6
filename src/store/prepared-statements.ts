import { createHash } from 'node:crypto';

/** What is used of a connection of `pg`. */
export interface QueryingConnection {
  query(config: QueryConfig | string, ...rest: unknown[]): unknown;
}

interface QueryConfig {
  readonly text: string;
  readonly values?: readonly unknown[];
}

/**
 * Makes every statement with parameters a prepared one: the server parses and plans it once for each connection. There
 * are some dozens of them, because no text depends on how many values it has: lists are one array.
 */
export function prepareStatements(connection: QueryingConnection): void {
  const query = connection.query.bind(connection);
  connection.query = (config, ...rest) =>
    typeof config === 'object' && config.values?.length
      ? query({ ...config, name: nameOf(config.text) } as QueryConfig, ...rest)
      : query(config, ...rest);
}

const names = new Map<string, string>();

function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 22);
    names.set(text, name);
  }
  return name;
}
