import { type AttributeValue, SpanStatusCode } from '@opentelemetry/api';
import { KEPT_ATTRIBUTES, QUERY_TEXT } from '../attributes.ts';
import { fingerprintSql } from '../capture/sql-fingerprint.ts';
import type { SpanAttributes, SpanEvent, SpanKindName } from '../model.ts';
import type { RecordedSpan, SpanNotes } from '../tracing/recorded-span.ts';

const KINDS: readonly SpanKindName[] = ['internal', 'server', 'client', 'producer', 'consumer'];

/** Characters of one attribute, and events of one span. */
const ATTRIBUTE_LIMIT = 2_048;
const EVENT_LIMIT = 64;

/**
 * Bytes of a span without its texts, and of an attribute or event: V8's objects and their slots, measured by the test
 * that holds the heap against the count.
 */
const SPAN_BYTES = 360;
const ENTRY_BYTES = 40;
const EVENT_BYTES = 120;

const NO_EVENTS: readonly SpanEvent[] = [];

/**
 * What the profiler keeps of a span: allow-listed attributes, cut to size, and the statement without its values.
 *
 * A class because of V8: it allocates literals that survive at first, as those of the first traces do, in old memory
 * from then on, where each is garbage that only a collection of the whole heap finds, and keeps what it refers to alive.
 * Here that made collections of young memory take twice as long.
 */
export class StoredSpan {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly name: string;
  readonly kind: SpanKindName;
  /** Milliseconds of `performance.now()`, as for all times in the store. */
  readonly start: number;
  readonly end: number;
  readonly failed: boolean;
  readonly attributes: SpanAttributes;
  readonly events: readonly SpanEvent[];
  readonly notes: SpanNotes | undefined;
  /** It still ran when its trace was put away. */
  readonly unfinished: boolean;
  readonly bytes: number;
  readonly truncated: number;

  /** One that has not ended yet ends at `presentMs`. */
  constructor(span: RecordedSpan, presentMs: number) {
    const { name, notes } = span;
    const size = { bytes: SPAN_BYTES + 2 * name.length, truncated: 0 };
    this.id = span.spanContext().spanId;
    this.parentId = span.parentSpanContext?.spanId;
    this.name = name;
    this.kind = KINDS[span.kind] ?? 'internal';
    this.start = span.startMs;
    this.end = span.ended ? span.endMs : Math.max(span.startMs, presentMs);
    this.failed = span.status.code === SpanStatusCode.ERROR;
    this.attributes =
      (span.ended ? allAttributes(span.attributes, size) : undefined) ??
      keptAttributes(span.attributes, notes, size);
    this.events = span.events.length === 0 ? NO_EVENTS : keptEvents(span, size);
    this.notes = notes;
    this.unfinished = !span.ended;
    if (notes !== undefined) size.bytes += ENTRY_BYTES + 2 * (notes.callSite?.length ?? 0) + 16;
    this.bytes = size.bytes;
    this.truncated = size.truncated;
  }
}

interface Size {
  bytes: number;
  truncated: number;
}

function keptAttributes(
  given: RecordedSpan['attributes'],
  notes: SpanNotes | undefined,
  size: Size,
): SpanAttributes {
  const kept: Record<string, string | number | boolean | readonly string[]> = {};
  for (const name in given) {
    const value = given[name];
    if (name === QUERY_TEXT && isSqlSystem(given['db.system.name'])) {
      kept[name] = cut(notes?.fingerprint ?? fingerprintSql(String(value)), size);
    } else if (KEPT_ATTRIBUTES.has(name) && value !== undefined) {
      kept[name] = keptValue(value, size);
    } else continue;
    size.bytes += ENTRY_BYTES;
  }
  return kept as SpanAttributes;
}

/**
 * The attributes themselves, where all of them are kept as they are; undefined where some are not. To one that still
 * runs others can be added.
 */
function allAttributes(given: RecordedSpan['attributes'], size: Size): SpanAttributes | undefined {
  let bytes = 0;
  for (const name in given) {
    if (!KEPT_ATTRIBUTES.has(name)) return undefined;
    const value = given[name];
    bytes += ENTRY_BYTES;
    if (typeof value === 'string') bytes += value.length;
    else if (Array.isArray(value)) {
      if (value.length > EVENT_LIMIT) return undefined;
      for (const item of value) {
        if (typeof item !== 'string') return undefined;
        bytes += item.length;
      }
    } else if (typeof value !== 'number' && typeof value !== 'boolean') return undefined;
  }
  if (bytes > ATTRIBUTE_LIMIT) return undefined;
  size.bytes += bytes;
  return given as SpanAttributes;
}

function keptValue(value: AttributeValue, size: Size): string | number | boolean | readonly string[] {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return Array.isArray(value) ? texts(value, size) : cut(String(value), size);
}

/** SQL can be told from its values. What is said to other systems holds keys, and is left out. */
function isSqlSystem(system: unknown): boolean {
  return typeof system === 'string' && system !== 'redis' && system !== 'mongodb' && system !== 'memcached';
}

function texts(values: readonly unknown[], size: Size): readonly string[] {
  return values.slice(0, EVENT_LIMIT).map((value) => cut(String(value), size));
}

function cut(text: string, size: Size): string {
  const kept = text.length > ATTRIBUTE_LIMIT ? text.slice(0, ATTRIBUTE_LIMIT) : text;
  if (kept !== text) size.truncated += 1;
  size.bytes += kept.length;
  return kept;
}

function keptEvents(span: RecordedSpan, size: Size): readonly SpanEvent[] {
  if (span.events.length > EVENT_LIMIT) size.truncated += 1;
  return span.events.slice(0, EVENT_LIMIT).map(({ name, atMs, attributes }) => {
    size.bytes += EVENT_BYTES + name.length;
    return { name, atMs, attributes: keptAttributes(attributes, undefined, size) };
  });
}
