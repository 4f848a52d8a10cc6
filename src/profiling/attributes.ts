/**
 * What the profiler reads of spans: standard attributes by the OpenTelemetry semantic conventions (`db.*`, `http.*`,
 * `gen_ai.*`, `messaging.*`, `error.type`), and these few of its own, which anybody may set.
 */

/** The name of a declared step; on its span. From a closed set. */
export const STEP = 'profiler.step';
/** The names of the steps that it has to come after; on the span of a step. */
export const STEP_AFTER = 'profiler.step.after';
/** `false` on a span that its parent does not wait for: it is on no critical path. */
export const BLOCKING = 'profiler.blocking';
/** `pool`, `queue` or `limiter` on a span that does nothing but wait. */
export const WAIT = 'profiler.wait';
/** What the instrumentation of pg calls the span of a wait for a connection. */
export const POOL_CONNECT = 'pg-pool.connect';

/** A span event of this name is one look-up in a cache, on the span that needed the value. */
export const CACHE_LOOKUP_EVENT = 'cache.lookup';
/** The cache's name, from a closed set: never a key. */
export const CACHE_NAME = 'cache.name';
/**
 * How it was answered: `l1`, `l2`, `stale` or `hit` by the cache; `miss` by a load of its own; `coalesced` by the load
 * of another; anything else went past the cache.
 */
export const CACHE_RESULT = 'cache.result';
/** Milliseconds until the value was there, with the load when it was a miss. */
export const CACHE_DURATION_MS = 'cache.duration_ms';

/**
 * All that is kept of a span. Others may hold what a user wrote, keys or secrets, and are not looked at: a list of
 * what is forbidden would always be one name short.
 */
export const KEPT_ATTRIBUTES: ReadonlySet<string> = new Set([
  STEP,
  STEP_AFTER,
  BLOCKING,
  WAIT,
  CACHE_NAME,
  CACHE_RESULT,
  CACHE_DURATION_MS,
  'db.system.name',
  'db.namespace',
  'db.operation.name',
  'db.collection.name',
  'db.response.returned_rows',
  'error.type',
  'exception.type',
  'gen_ai.operation.name',
  'gen_ai.provider.name',
  'gen_ai.request.model',
  'gen_ai.response.model',
  'gen_ai.response.finish_reasons',
  'gen_ai.response.time_to_first_chunk',
  'gen_ai.usage.input_tokens',
  'gen_ai.usage.output_tokens',
  'http.request.method',
  'http.request.resend_count',
  'http.response.status_code',
  'http.route',
  'messaging.destination.name',
  'messaging.operation.name',
  'messaging.operation.type',
  'messaging.system',
  'server.address',
  'server.port',
  'url.scheme',
  'url.template',
  'attempt',
]);

/** Kept as well, once the values have been taken out of it. */
export const QUERY_TEXT = 'db.query.text';
