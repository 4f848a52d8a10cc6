import {
  type Attributes,
  type AttributeValue,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Work } from '../work.ts';
import { fromTimeInput, now, toEpochMs, toHrTime } from './clock.ts';
import { framesOf } from './stack-frames.ts';

/** The limits of the OpenTelemetry specification for attributes, events and links of one span. */
const LIMIT = 128;

export interface RecordedEvent {
  readonly name: string;
  readonly atMs: number;
  readonly attributes: Attributes;
  /** For exporters. */
  readonly time: HrTime;
}

/** What the layer knows of a span and must not leave the process: it is in no attribute, so that no exporter sends it. */
export interface SpanNotes {
  /** What kind of call it is, without its values: the same for each round of a loop. */
  readonly fingerprint: string;
  /** Keyed hash of its values: bindings, a key, a URL, a prompt. */
  readonly values: string;
  readonly callSite: string | undefined;
}

export interface SpanOrigin {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly startMs: number;
  readonly attributes: Attributes | undefined;
  /** The attributes are the span's own, and no copy has to be made. */
  readonly handsOver: boolean;
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  readonly onEnd: (span: RecordedSpan) => void;
}

const NO_LINKS: Link[] = [];
const NO_EVENTS: RecordedEvent[] = [];
const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };

/**
 * A span as the API writes it and exporters read it. In place of that of the SDK, which takes several times as long to
 * begin and end, and rounds the start of each to a millisecond of its own: siblings would seem to overlap.
 */
export class RecordedSpan implements Span, ReadableSpan {
  name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  /** Milliseconds of the layer's clock. */
  readonly startMs: number;
  endMs = 0;
  ended = false;
  status = UNSET;
  readonly attributes: Attributes;
  events = NO_EVENTS;
  links = NO_LINKS;
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
  droppedAttributesCount = 0;
  droppedEventsCount = 0;
  droppedLinksCount = 0;
  /** What must not leave the process: no exporter reads it. */
  notes: SpanNotes | undefined = undefined;
  /** What runs within it runs for, until it ends; taken over from the span above. */
  work: Work | undefined = undefined;
  /** The collector's own: where the span is collected; before it starts, where the one above is. */
  collectedIn: object | undefined = undefined;
  readonly #context: SpanContext;
  readonly #onEnd: (span: RecordedSpan) => void;
  #attributeCount = 0;

  constructor(origin: SpanOrigin) {
    const { name, kind, context, parent, startMs, attributes, handsOver, resource, scope, onEnd } = origin;
    // Instrumentations in JavaScript may give anything.
    this.name = String(name);
    this.kind = kind;
    this.#context = context;
    if (parent !== undefined) this.parentSpanContext = parent;
    this.startMs = startMs;
    this.resource = resource;
    this.instrumentationScope = scope;
    this.#onEnd = onEnd;
    if (attributes !== undefined && handsOver) {
      this.attributes = attributes;
      this.#attributeCount = countOwn(attributes);
      return;
    }
    // Copied as a whole: setting one after the other takes several times as long.
    const count = attributes === undefined ? 0 : countWhole(attributes);
    this.attributes = count > 0 ? { ...attributes } : {};
    this.#attributeCount = count;
    if (count === 0 && attributes !== undefined) this.setAttributes(attributes);
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  setAttribute(name: string, value: AttributeValue | undefined): this {
    if (this.ended || value === undefined || value === null) return this;
    if (this.attributes[name] === undefined) {
      if (this.#attributeCount >= LIMIT) {
        this.droppedAttributesCount += 1;
        return this;
      }
      this.#attributeCount += 1;
    }
    this.attributes[name] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const name in attributes) this.setAttribute(name, attributes[name]);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.ended) return this;
    const hasAttributes = isAttributes(attributesOrTime);
    const given = hasAttributes ? time : (attributesOrTime ?? time);
    const atMs = given === undefined ? now() : fromTimeInput(given);
    // Most spans have none.
    if (this.events === NO_EVENTS) this.events = [];
    if (this.events.length >= LIMIT) {
      this.events.shift();
      this.droppedEventsCount += 1;
    }
    const attributes = hasAttributes ? { ...attributesOrTime } : {};
    this.events.push({ name, atMs, attributes, time: toHrTime(toEpochMs(atMs)) });
    return this;
  }

  addLink(link: Link): this {
    if (this.ended) return this;
    if (this.links.length >= LIMIT) this.droppedLinksCount += 1;
    else this.links = [...this.links, link];
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  /** The last one counts, but `OK` is final, as the specification has it. */
  setStatus(status: SpanStatus): this {
    const isFinal = this.status.code === SpanStatusCode.OK;
    if (!this.ended && !isFinal && status.code !== SpanStatusCode.UNSET) this.status = { ...status };
    return this;
  }

  updateName(name: string): this {
    if (!this.ended) this.name = String(name);
    return this;
  }

  /** The type and the frames alone: a message quotes the values that it is about. */
  recordException(exception: Exception, time?: TimeInput): void {
    const error = typeof exception === 'string' ? {} : (exception as Partial<Error> & { code?: unknown });
    const { code, name } = error;
    const type = code === undefined ? (name ?? 'Error') : String(code);
    const frames = framesOf(error).join('\n');
    // Most instrumentations leave it out.
    if (this.attributes['error.type'] === undefined) this.setAttribute('error.type', type);
    this.addEvent(
      'exception',
      { 'exception.type': type, ...(frames ? { 'exception.stacktrace': frames } : {}) },
      time,
    );
  }

  isRecording(): boolean {
    return !this.ended;
  }

  end(time?: TimeInput): void {
    this.endAt(time === undefined ? now() : fromTimeInput(time));
  }

  /** As `end`, at a time of the layer's own clock. */
  endAt(ms: number): void {
    if (this.ended) return;
    this.endMs = Math.max(this.startMs, ms);
    this.ended = true;
    this.#onEnd(this);
    // Spans are kept for a while; what they were for must not be.
    this.work = undefined;
  }

  get startTime(): HrTime {
    return toHrTime(toEpochMs(this.startMs));
  }

  get endTime(): HrTime {
    return toHrTime(toEpochMs(this.endMs));
  }

  get duration(): HrTime {
    return toHrTime(this.endMs - this.startMs);
  }
}

/** How many attributes there are, when those without a value are gone. */
function countOwn(attributes: Attributes): number {
  let count = 0;
  for (const name in attributes) {
    if (attributes[name] === undefined || attributes[name] === null) delete attributes[name];
    else count += 1;
  }
  return count;
}

/** How many attributes there are; 0 when some of them cannot be taken. */
function countWhole(attributes: Attributes): number {
  let count = 0;
  for (const name in attributes) {
    if (attributes[name] === undefined || attributes[name] === null) return 0;
    count += 1;
  }
  return count > LIMIT ? 0 : count;
}

function isAttributes(given: Attributes | TimeInput | undefined): given is Attributes {
  return typeof given === 'object' && !Array.isArray(given) && !(given instanceof Date);
}
