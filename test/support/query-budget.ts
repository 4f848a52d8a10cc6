import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { trace } from '@opentelemetry/api';
import type { Knex } from 'knex';
import type { Response, Test } from 'supertest';

const ROOT = new URL('../../', import.meta.url).href;

export interface QueryBudget {
  /** Statements at most, those of a transaction's begin and end included. */
  readonly statements: number;
  /** Statements that must run more than once, and why is said where it is used. */
  readonly mayRepeat?: RegExp;
}

export interface Statement {
  readonly sql: string;
  readonly bindings: readonly unknown[];
  /** `file:line` of the application that made it. */
  readonly callSite: string;
}

/**
 * Sends the request and holds it to its budget.
 *
 * @throws {AssertionError} that names statement and call site, when there are too many or one runs repeatedly.
 */
export async function withinBudget(database: Knex, budget: QueryBudget, request: Test): Promise<Response> {
  const { response, statements } = await statementsOf(database, request);
  assertWithin(budget, statements);
  return response;
}

/** Sends the request. What runs in its trace counts, in this process, until it is answered. */
export async function statementsOf(
  database: Knex,
  request: Test,
): Promise<{ response: Response; statements: readonly Statement[] }> {
  const traceId = randomBytes(16).toString('hex');
  const statements: Statement[] = [];
  const stop = recordStatements(database, (statement) => {
    if (trace.getActiveSpan()?.spanContext().traceId === traceId) statements.push(statement);
  });
  try {
    const response = await request.set('traceparent', `00-${traceId}-${'1'.repeat(16)}-01`);
    return { response, statements };
  } finally {
    stop();
  }
}

/** @throws {AssertionError} as above. */
export function assertWithin(
  { statements: allowed, mayRepeat }: QueryBudget,
  statements: readonly Statement[],
) {
  const repeated = Object.entries(Object.groupBy(statements, fingerprint)).filter(
    ([sql, calls]) => (calls?.length ?? 0) > 1 && !mayRepeat?.test(sql),
  );
  assert.ok(
    repeated.length === 0,
    `the same statement runs repeatedly:\n${repeated
      .map(
        ([sql, calls = []]) =>
          `  ${calls.length} × ${sql}\n      at ${calls.map(({ callSite }) => callSite).join(', ')}`,
      )
      .join('\n')}`,
  );
  assert.ok(
    statements.length <= allowed,
    `${statements.length} statements, where ${allowed} are allowed:\n${statements
      .map(({ sql, callSite }) => `  ${sql}\n      at ${callSite}`)
      .join('\n')}`,
  );
}

/** Calls `note` for every statement of this process, in the context that runs it. @returns what ends that. */
export function recordStatements(database: Knex, note: (statement: Statement) => void): () => void {
  // Knex keeps where a query was built when asked to: where it runs, its caller is no longer on the stack.
  const { config } = database.client;
  config.asyncStackTraces = true;
  const callSites = new Map<string, string>();
  const onStart = (builder: StartedBuilder) =>
    builder.on('query', ({ __knexQueryUid }) => {
      callSites.set(__knexQueryUid, callSiteOf(builder._asyncStack?.error.stack));
    });
  // Told of a transaction's begin and end too, which no builder makes.
  const onQuery = ({ sql, bindings = [], __knexQueryUid }: Query) =>
    note({ sql, bindings, callSite: callSites.get(__knexQueryUid) ?? 'a transaction' });
  database.on('start', onStart);
  database.on('query', onQuery);
  return () => {
    config.asyncStackTraces = false;
    database.off('start', onStart);
    database.off('query', onQuery);
  };
}

interface Query {
  readonly __knexQueryUid: string;
  readonly sql: string;
  readonly bindings?: readonly unknown[];
}

interface StartedBuilder {
  readonly _asyncStack?: { readonly error: Error };
  on(event: 'query', listener: (query: Query) => void): void;
}

/** The same for lists of different lengths. */
export function fingerprint({ sql }: Pick<Statement, 'sql'>): string {
  return sql.replace(/\((\$\d+|\?)(, ?(\$\d+|\?))*\)/g, '(…)');
}

function callSiteOf(stack = ''): string {
  const frame = stack.split('\n').find((line) => line.includes(`${ROOT}src/`));
  return frame === undefined ? 'unknown' : (/src\/.*?:\d+/.exec(frame)?.[0] ?? 'unknown');
}
