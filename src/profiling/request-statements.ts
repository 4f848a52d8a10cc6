import { type Context, context, createContextKey } from '@opentelemetry/api';
import { createHistogram, type SeriesHistogram } from './histogram.ts';

/** The statements that the database was asked to run for one request. */
export interface StatementCount {
  statements: number;
}

const COUNT = createContextKey('statements of a request');

/** Fibonacci: a request that makes a handful is told from one with a query a row. */
const BUCKETS = [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89];

/** Called for each statement that the database is asked to run. */
export function noteStatement(): void {
  const count = context.active().getValue(COUNT) as StatementCount | undefined;
  if (count) count.statements += 1;
}

/** The context to run a request in, so that its statements are counted there. */
export function countStatements(count: StatementCount, around: Context): Context {
  return around.setValue(COUNT, count);
}

/** The database statements that requests wait for, by route: what they leave to the background is not in it. */
export function createStatementHistogram(): SeriesHistogram {
  return createHistogram({
    name: 'http.server.request.statements',
    description: 'Database statements of one request, until it is answered.',
    unit: '{statement}',
    boundaries: BUCKETS,
  });
}
