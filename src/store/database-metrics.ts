import { metrics } from '@opentelemetry/api';
import { noteStatement } from '../profiling/request-statements.ts';
import type { Database } from './database.ts';

/** Seconds: a free connection is there at once; who waits for long is told that there is none. */
const WAIT_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];

/** Of tarn, knex's pool. */
interface Pool {
  readonly max: number;
  numUsed(): number;
  numFree(): number;
  numPendingAcquires(): number;
  on(event: 'acquireRequest' | 'acquireSuccess' | 'acquireFail', listener: (id: number) => void): void;
}

/**
 * Pool and time limits by the OpenTelemetry conventions for database clients. Ends with the database's own end.
 *
 * @param statementTimeoutMs as the database is told: the limit itself is a metric, so that a panel can draw it.
 */
export function observeDatabase(database: Database, statementTimeoutMs: number): () => void {
  const pool = database.client.pool as Pool;
  const meter = metrics.getMeter('meari');
  const connections = meter.createObservableUpDownCounter('db.client.connection.count', {
    description: 'Connections of the pool, by state.',
    unit: '{connection}',
  });
  const max = meter.createObservableUpDownCounter('db.client.connection.max', {
    description: 'Connections that the pool may open.',
    unit: '{connection}',
  });
  const pending = meter.createObservableUpDownCounter('db.client.connection.pending_requests', {
    description: 'Requests that wait for a connection.',
    unit: '{request}',
  });
  const limit = meter.createObservableGauge('meari.database.statement.limit', {
    description: 'Time after which the database gives a statement up.',
    unit: 's',
  });
  const wait = meter.createHistogram('db.client.connection.wait_time', {
    description: 'Until a connection was there.',
    unit: 's',
    advice: { explicitBucketBoundaries: WAIT_BUCKETS },
  });
  const timeouts = meter.createCounter('db.client.connection.timeouts', {
    description: 'Requests that got no connection in time.',
    unit: '{timeout}',
  });
  const cancelled = meter.createCounter('meari.database.statements.cancelled', {
    description: 'Statements given up by the database because they took longer than the limit.',
  });

  // There from the start: of a counter that appears with its first event, no rate can see that event.
  timeouts.add(0);
  cancelled.add(0);

  const requestedAt = new Map<number, number>();
  const leave = (id: number): void => {
    wait.record((performance.now() - (requestedAt.get(id) ?? performance.now())) / 1000);
    requestedAt.delete(id);
  };
  pool.on('acquireRequest', (id) => void requestedAt.set(id, performance.now()));
  pool.on('acquireSuccess', leave);
  pool.on('acquireFail', (id) => {
    leave(id);
    timeouts.add(1);
  });
  database.on('query', noteStatement);
  database.on('query-error', ({ code }: { code?: string }) => {
    if (code === STATEMENT_CANCELLED) cancelled.add(1);
  });

  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    result.observe(connections, pool.numUsed(), { 'db.client.connection.state': 'used' });
    result.observe(connections, pool.numFree(), { 'db.client.connection.state': 'idle' });
    result.observe(max, pool.max);
    result.observe(pending, pool.numPendingAcquires());
    result.observe(limit, statementTimeoutMs / 1000);
  };
  const instruments = [connections, max, pending, limit];
  meter.addBatchObservableCallback(observe, instruments);
  return () => meter.removeBatchObservableCallback(observe, instruments);
}

/** The connections of this process at the moment, and the requests that wait for one. */
export function poolUsage(database: Database): { used: number; free: number; waiting: number; max: number } {
  const pool = database.client.pool as Pool;
  return { used: pool.numUsed(), free: pool.numFree(), waiting: pool.numPendingAcquires(), max: pool.max };
}

/** SQLSTATE query_canceled. */
const STATEMENT_CANCELLED = '57014';
