import { el } from './dom.js';
import { ms } from './format.js';
import { t } from './texts.js';
import { categoryOf, criticalTimes, merged, parentsOf, selfTimes } from './waterfall-model.js';

/** @import { TraceDetail, WaterfallRow } from '../model.ts' */
/** @import { Stretch } from './waterfall-model.js' */

/**
 * What a row is drawn with, beside its span.
 *
 * @typedef {object} Look
 * @property {string} selected the id of the selected span
 * @property {ReadonlySet<string>} marked ids
 * @property {ReadonlySet<string>} found ids
 * @property {ReadonlySet<string>} folded ids
 * @property {number} from milliseconds at the left edge
 * @property {number} length milliseconds of the whole width
 */

/** Part of the width between two pieces that nobody sees. */
const LEAST_SPACE = 1 / 800;
/** Parts of the width: behind a bar, or before it, the time needs some room. */
const LABEL_ROOM = 0.22;

/**
 * Draws the rows of one trace.
 *
 * @param {TraceDetail} trace
 * @param {{ onSelect: (row: WaterfallRow) => void, onFold: (row: WaterfallRow, folded: boolean) => void, onZoom: (row: WaterfallRow) => void }} on
 */
export function createRowViews(trace, on) {
  const selfOf = selfTimes(trace.rows);
  const criticalOf = criticalTimes(trace);
  const parents = parentsOf(trace.rows);
  const hasChildren = new Set([...parents.values()].map(({ id }) => id));

  /** @param {WaterfallRow} row @param {Look} look */
  function track(row, look) {
    const { id, events, durationMs, selfMs } = row;
    const band = (
      /** @type {string} */ kind,
      /** @type {Stretch} */ stretch,
      /** @type {string} */ title = '',
    ) => {
      const { left, right, isIn } = place(stretch, look);
      return (
        isIn && el('span', { class: kind, title, style: { left: part(left), width: part(right - left) } })
      );
    };
    const { left, right, isIn } = place(row, look);
    const time = ms(durationMs);
    const least = look.length * LEAST_SPACE;
    return el(
      'div',
      { class: 'track' },
      band('bar', row),
      merged(selfOf.get(id) ?? [], least).map((stretch) => band('self', stretch)),
      trace.gaps
        .filter(({ spanId }) => spanId === id)
        .map((gap) => band('gap', gap, t('gapOf', { time: ms(gap.durationMs) }))),
      merged(criticalOf.get(id) ?? [], least).map((stretch) => band('critical-line', stretch)),
      events.map(({ name, atMs }) => band('event', { startMs: atMs, durationMs: 0 }, name)),
      isIn &&
        el(
          'span',
          labelPlace(left, right),
          selfMs < durationMs * 0.995 ? t('timeAndSelf', { time, self: ms(selfMs) }) : time,
        ),
    );
  }

  /** @param {WaterfallRow} row @param {boolean} folded */
  function foldMark(row, folded) {
    if (!hasChildren.has(row.id)) return el('span', { class: 'fold' });
    return el('span', {
      class: `fold ${folded ? 'folded' : 'unfolded'}`,
      onclick(/** @type {Event} */ event) {
        event.stopPropagation();
        on.onFold(row, !folded);
      },
    });
  }

  return {
    canFold: (/** @type {string} */ id) => hasChildren.has(id),
    parentOf: (/** @type {string} */ id) => parents.get(id),

    /**
     * @param {WaterfallRow} row
     * @param {{ index: number, count: number, height: number }} position among the rows that are shown; pixels
     * @param {Look} look
     */
    view(row, { index, count, height }, look) {
      const { id, name, depth, status, durationMs, criticalMs, callSite } = row;
      const folded = look.folded.has(id);
      const classes = [
        'span-row',
        `is-${categoryOf(row)}`,
        criticalMs > 0 && 'on-path',
        status === 'error' && 'failed',
        look.marked.has(id) && 'marked',
        look.found.has(id) && 'found',
      ];
      const said = [
        name,
        ms(durationMs),
        criticalMs > 0 && t('onPath', { time: ms(criticalMs) }),
        status === 'error' && t('error'),
      ];
      return el(
        'div',
        {
          class: classes.filter(Boolean).join(' '),
          id: `row-${id}`,
          role: 'treeitem',
          'aria-level': depth + 1,
          'aria-posinset': index + 1,
          'aria-setsize': count,
          'aria-selected': String(id === look.selected),
          'aria-expanded': hasChildren.has(id) ? String(!folded) : undefined,
          'aria-label': said.filter(Boolean).join(', '),
          style: { top: `${index * height}px`, height: `${height}px` },
          onclick: () => on.onSelect(row),
          ondblclick: () => on.onZoom(row),
        },
        el(
          'div',
          { class: 'name', style: { '--depth': Math.min(depth, 24) } },
          foldMark(row, folded),
          el('span', { class: 'label', title: callSite ? `${name} — ${callSite}` : name }, labelOf(row)),
        ),
        track(row, look),
      );
    },
  };
}

/** What it does says more of a statement than its name. @param {WaterfallRow} row */
function labelOf({ name, attributes }) {
  return String(attributes['db.query.text'] ?? name);
}

/** Parts of the width, cut at its edges. @param {Stretch} stretch @param {Look} look */
function place({ startMs, durationMs }, { from, length }) {
  const left = (startMs - from) / length;
  const right = (startMs + durationMs - from) / length;
  return { left: Math.max(0, left), right: Math.min(1, right), isIn: right >= 0 && left <= 1 };
}

/** Behind the bar, else before it, else upon it. @param {number} left @param {number} right */
function labelPlace(left, right) {
  if (right < 1 - LABEL_ROOM) return { class: 'time', style: { left: part(right) } };
  if (left > LABEL_ROOM) return { class: 'time', style: { right: part(1 - left) } };
  return { class: 'time upon', style: { right: part(1 - right) } };
}

/** @param {number} value */
const part = (value) => `${(value * 100).toFixed(4)}%`;
