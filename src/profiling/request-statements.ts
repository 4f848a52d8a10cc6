import { type Context, context, createContextKey, metrics } from '@opentelemetry/api';
import { defer } from './deferred.ts';

export interface RouteLabels {
  'http.request.method': string;
  'http.route'?: string;
}

interface Count {
  statements: number;
}

const COUNT = createContextKey('statements of a request');

/** Fibonacci: a request that makes a handful is told from one with a query a row. */
const BUCKETS = [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89];

/** Called for each statement that the database is asked to run. */
export function noteStatement(): void {
  const count = context.active().getValue(COUNT) as Count | undefined;
  if (count) count.statements += 1;
}

/** Counts the database statements that requests wait for, by route: what they leave to the background is not in it. */
export function createStatementHistogram() {
  const histogram = metrics.getMeter('meari').createHistogram('http.server.request.statements', {
    description: 'Database statements of one request, until it is answered.',
    unit: '{statement}',
    advice: { explicitBucketBoundaries: BUCKETS },
  });
  return {
    /** @returns the context to run the request in, and what records its count. */
    start(parent: Context) {
      const count: Count = { statements: 0 };
      return {
        context: parent.setValue(COUNT, count),
        end(labels: RouteLabels): void {
          const { statements } = count;
          defer(() => histogram.record(statements, { ...labels }));
        },
      };
    },
  };
}
