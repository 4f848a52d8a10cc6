/** What a waterfall shows, worked out from a trace. Nothing here touches the page. */

/** @import { CriticalSegment, TraceDetail, UnitOfWork, WaterfallRow } from '../model.ts' */

/** @typedef {'server' | 'step' | 'database' | 'http' | 'redis' | 'model' | 'job' | 'wait' | 'other'} Category */
/** @typedef {{ startMs: number, durationMs: number }} Stretch */
/** @typedef {Stretch & { label: string, spanId: string }} Piece */

/** @type {Category[]} */
export const CATEGORIES = ['server', 'step', 'database', 'http', 'redis', 'model', 'job', 'wait', 'other'];

/** By the semantic conventions, the most telling attribute first. @param {WaterfallRow} row @returns {Category} */
export function categoryOf({ wait, kind, attributes }) {
  if (wait) return 'wait';
  if (attributes['gen_ai.request.model'] !== undefined) return 'model';
  if (attributes['db.system.name'] === 'redis') return 'redis';
  if (attributes['db.system.name'] !== undefined) return 'database';
  if (attributes['profiler.step'] !== undefined) return 'step';
  if (kind === 'server') return 'server';
  if (kind === 'client' && attributes['http.request.method'] !== undefined) return 'http';
  return kind === 'producer' || kind === 'consumer' ? 'job' : 'other';
}

/**
 * The rows to show: without the kinds that are hidden, what is below a folded one, and, if asked, what is on no
 * critical path.
 *
 * @param {readonly WaterfallRow[]} rows in the order of a walk through the tree
 * @param {{ hidden: ReadonlySet<Category>, folded: ReadonlySet<string>, onlyCritical: boolean }} choice
 */
export function shownRows(rows, { hidden, folded, onlyCritical }) {
  const shown = [];
  let below = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (row.depth > below) continue;
    below = folded.has(row.id) ? row.depth : Number.POSITIVE_INFINITY;
    if (!hidden.has(categoryOf(row)) && !(onlyCritical && row.criticalMs === 0)) shown.push(row);
  }
  return shown;
}

/**
 * By id, the row that each row is below: where it stands in the tree, which is not always where its span says. What was
 * put into a queue and taken out of it here is below the request that waited for it.
 *
 * @param {readonly WaterfallRow[]} rows in the order of a walk through the tree
 * @returns {ReadonlyMap<string, WaterfallRow>}
 */
export function parentsOf(rows) {
  /** @type {WaterfallRow[]} */
  const above = [];
  const parents = new Map();
  for (const row of rows) {
    above.length = Math.min(above.length, row.depth);
    const parent = above.at(-1);
    if (parent) parents.set(row.id, parent);
    above.push(row);
  }
  return parents;
}

/**
 * When each span itself works: its time without that of its children.
 *
 * @param {readonly WaterfallRow[]} rows
 * @returns {ReadonlyMap<string, Stretch[]>}
 */
export function selfTimes(rows) {
  /** @type {Map<string, Stretch[]>} */
  const children = new Map();
  const parents = parentsOf(rows);
  for (const row of rows) {
    const parent = parents.get(row.id);
    if (!parent) continue;
    const siblings = children.get(parent.id);
    if (siblings) siblings.push(row);
    else children.set(parent.id, [row]);
  }
  return new Map(rows.map((row) => [row.id, uncovered(row, children.get(row.id) ?? [])]));
}

/** @param {Stretch} whole @param {Stretch[]} parts in the order of their start @returns {Stretch[]} */
function uncovered({ startMs, durationMs }, parts) {
  const end = startMs + durationMs;
  const free = [];
  let at = startMs;
  for (const part of parts) {
    const from = Math.min(part.startMs, end);
    if (from > at) free.push({ startMs: at, durationMs: from - at });
    at = Math.max(at, Math.min(end, part.startMs + part.durationMs));
  }
  if (end > at) free.push({ startMs: at, durationMs: end - at });
  return free;
}

/**
 * As few stretches as look the same: those with less between them than can be seen are one.
 *
 * @param {readonly Stretch[]} stretches in the order of time
 * @param {number} least milliseconds
 */
export function merged(stretches, least) {
  /** @type {Stretch[]} */
  const seen = [];
  for (const { startMs, durationMs } of stretches) {
    const last = seen.at(-1);
    if (last && startMs - (last.startMs + last.durationMs) < least)
      last.durationMs = startMs + durationMs - last.startMs;
    else seen.push({ startMs, durationMs });
  }
  return seen;
}

/** By span, where the critical path runs through it. @param {TraceDetail} trace */
export function criticalTimes({ units }) {
  /** @type {Map<string, Stretch[]>} */
  const times = new Map();
  for (const segment of units.flatMap(({ criticalPath }) => criticalPath)) {
    const others = times.get(segment.spanId);
    if (others) others.push(segment);
    else times.set(segment.spanId, [segment]);
  }
  return times;
}

/** A critical path with the segments of one step after another as one piece. @param {readonly CriticalSegment[]} path */
export function piecesOf(path) {
  /** @type {Piece[]} */
  const pieces = [];
  for (const { spanId, name, step, startMs, durationMs } of path) {
    const label = step ?? name;
    const last = pieces.at(-1);
    if (last?.label === label) last.durationMs = startMs + durationMs - last.startMs;
    else pieces.push({ label, spanId, startMs, durationMs });
  }
  return pieces;
}

/** What each step has of a critical path, the most first. @param {UnitOfWork} unit */
export function stepsOf({ spanId: root, criticalPath: path }) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { spanId, name, step, durationMs } of path) {
    const label = step ?? (spanId === root ? '(own work)' : name);
    sums.set(label, (sums.get(label) ?? 0) + durationMs);
  }
  const whole = path.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return [...sums]
    .map(([step, time]) => ({ step, time, share: whole > 0 ? time / whole : 0 }))
    .sort((a, b) => b.time - a.time);
}

/** @param {WaterfallRow} row @param {string} text in lower case */
export function isMatch({ id, name, step, callSite, attributes }, text) {
  const values = [id, name, step, callSite, ...Object.values(attributes)];
  return (
    text !== '' &&
    values.some((value) =>
      String(value ?? '')
        .toLowerCase()
        .includes(text),
    )
  );
}
