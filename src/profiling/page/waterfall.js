import { el } from './dom.js';
import { ms } from './format.js';
import { t } from './texts.js';
import { categoryOf, criticalTimes, parents, selfTimes } from './waterfall-model.js';

/** @import { TraceDetail, WaterfallRow } from '../model.ts' */
/** @import { Stretch } from './waterfall-model.js' */

/** Pixels; on a phone a row has its name above its bar. */
const ROW_HEIGHT = { wide: 26, narrow: 44 };
const NARROW = matchMedia('(max-width: 48rem)');
/** Rows drawn above and below what is in sight, for the next turn of the wheel. */
const MARGIN = 8;
/** Further right there is no room for the time behind a bar. */
const LABEL_LIMIT = 0.78;

/**
 * The rows of a trace, of which only those in sight are in the document: thousands cost no more than fifty.
 *
 * @param {TraceDetail} trace
 * @param {{ onSelect: (row: WaterfallRow) => void, onFold: (row: WaterfallRow, folded: boolean) => void, onZoom: (row: WaterfallRow | undefined) => void }} on
 */
export function createWaterfall(trace, on) {
  const selfOf = selfTimes(trace.rows);
  const criticalOf = criticalTimes(trace);
  const hasChildren = parents(trace.rows);
  /** @type {{ rows: readonly WaterfallRow[], selected: string, marked: ReadonlySet<string>, found: ReadonlySet<string>, folded: ReadonlySet<string>, from: number, length: number }} */
  let state = {
    rows: [],
    selected: '',
    marked: new Set(),
    found: new Set(),
    folded: new Set(),
    from: 0,
    length: trace.totalMs || 1,
  };

  const axis = el('div', { class: 'axis', 'aria-hidden': 'true' });
  const sheet = el('div', { class: 'sheet', role: 'presentation' });
  const tree = el(
    'div',
    {
      class: 'waterfall',
      role: 'tree',
      tabIndex: 0,
      'aria-label': t('waterfall'),
      'aria-describedby': 'waterfall-keys',
    },
    axis,
    sheet,
  );
  let asked = 0;
  tree.addEventListener('scroll', () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(drawRows);
  });
  tree.addEventListener('keydown', onKey);
  new ResizeObserver(() => drawRows()).observe(tree);

  const height = () => (NARROW.matches ? ROW_HEIGHT.narrow : ROW_HEIGHT.wide);
  const indexOf = (/** @type {string} */ id) => state.rows.findIndex((row) => row.id === id);

  /** @param {Stretch} stretch */
  function place({ startMs, durationMs }) {
    const left = (startMs - state.from) / state.length;
    const right = (startMs + durationMs - state.from) / state.length;
    const [from, to] = [Math.max(0, left), Math.min(1, right)];
    return {
      left: `${from * 100}%`,
      width: `${Math.max(0, to - from) * 100}%`,
      isIn: to >= from && right >= 0 && left <= 1,
      to,
    };
  }

  /** @param {string} kind @param {Stretch} stretch @param {string} [title] */
  function band(kind, stretch, title) {
    const { left, width, isIn } = place(stretch);
    return isIn ? el('span', { class: kind, title, style: { left, width } }) : null;
  }

  /** @param {WaterfallRow} row */
  function track(row) {
    const { isIn, to } = place(row);
    if (!isIn) return el('div', { class: 'track' });
    const label =
      row.selfMs < row.durationMs * 0.995
        ? t('timeAndSelf', { time: ms(row.durationMs), self: ms(row.selfMs) })
        : ms(row.durationMs);
    return el(
      'div',
      { class: 'track' },
      band('bar', row),
      (selfOf.get(row.id) ?? []).map((stretch) => band('self', stretch)),
      trace.gaps
        .filter(({ spanId }) => spanId === row.id)
        .map((gap) => band('gap', gap, t('gapOf', { time: ms(gap.durationMs) }))),
      (criticalOf.get(row.id) ?? []).map((stretch) => band('critical-line', stretch)),
      row.events.map(({ name, atMs }) => band('event', { startMs: atMs, durationMs: 0 }, name)),
      el(
        'span',
        {
          class: 'time',
          style: to > LABEL_LIMIT ? { right: `${(1 - to) * 100}%` } : { left: `${to * 100}%` },
        },
        label,
      ),
    );
  }

  /** @param {WaterfallRow} row @param {number} index */
  function rowView(row, index) {
    const { id, name, depth, status, durationMs, criticalMs, callSite } = row;
    const canFold = hasChildren.has(id);
    const folded = state.folded.has(id);
    const classes = [
      'span-row',
      `is-${categoryOf(row)}`,
      criticalMs > 0 && 'on-path',
      status === 'error' && 'failed',
      state.marked.has(id) && 'marked',
      state.found.has(id) && 'found',
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
        'aria-setsize': state.rows.length,
        'aria-selected': String(id === state.selected),
        'aria-expanded': canFold ? String(!folded) : undefined,
        'aria-label': said.filter(Boolean).join(', '),
        style: { top: `${index * height()}px`, height: `${height()}px` },
        onclick: () => on.onSelect(row),
        ondblclick: () => on.onZoom(row),
      },
      el(
        'div',
        { class: 'name', style: { '--depth': Math.min(depth, 24) } },
        el('span', {
          class: `fold ${canFold ? (folded ? 'folded' : 'unfolded') : ''}`,
          onclick:
            canFold &&
            ((/** @type {Event} */ event) => {
              event.stopPropagation();
              on.onFold(row, !folded);
            }),
        }),
        el('span', { class: 'label', title: callSite ? `${name} — ${callSite}` : name }, name),
      ),
      track(row),
    );
  }

  function drawRows() {
    const { rows } = state;
    const size = height();
    const first = Math.max(0, Math.floor(tree.scrollTop / size) - MARGIN);
    const last = Math.min(rows.length, Math.ceil((tree.scrollTop + tree.clientHeight) / size) + MARGIN);
    const inSight = rows.slice(first, last).map((row, index) => rowView(row, first + index));
    const selected = indexOf(state.selected);
    // A screen reader is told the selected row by its id: it has to be there, also out of sight.
    const selectedRow = rows[selected];
    if (selectedRow && (selected < first || selected >= last)) inSight.push(rowView(selectedRow, selected));
    sheet.style.height = `${rows.length * size}px`;
    sheet.replaceChildren(...inSight);
    if (selected >= 0) tree.setAttribute('aria-activedescendant', `row-${state.selected}`);
    else tree.removeAttribute('aria-activedescendant');
  }

  function drawAxis() {
    const ticks = NARROW.matches ? [0, 0.5] : [0, 0.2, 0.4, 0.6, 0.8];
    axis.replaceChildren(
      ...ticks.map((part) =>
        el('span', { style: { left: `${part * 100}%` } }, ms(state.from + part * state.length)),
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const { key } = event;
    const at = indexOf(state.selected);
    const row = state.rows[at];
    const page = Math.max(1, Math.floor(tree.clientHeight / height()) - 2);
    const steps = /** @type {Record<string, number>} */ ({
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: state.rows.length - 1,
      PageDown: at + page,
      PageUp: at - page,
    });
    if (key in steps) {
      const next = state.rows[Math.min(state.rows.length - 1, Math.max(0, steps[key] ?? 0))];
      if (next) on.onSelect(next);
    } else if (key === 'Escape') on.onZoom(undefined);
    else if (!row) return;
    else if (key === 'Enter') on.onZoom(row);
    else if (key === 'ArrowRight' && hasChildren.has(row.id)) {
      if (state.folded.has(row.id)) on.onFold(row, false);
      else if (state.rows[at + 1]) on.onSelect(/** @type {WaterfallRow} */ (state.rows[at + 1]));
    } else if (key === 'ArrowLeft') {
      if (hasChildren.has(row.id) && !state.folded.has(row.id)) on.onFold(row, true);
      else {
        const parent = state.rows.find(({ id }) => id === row.parentId);
        if (parent) on.onSelect(parent);
      }
    } else return;
    event.preventDefault();
  }

  return {
    element: tree,
    /** @param {Partial<typeof state>} changes */
    update(changes) {
      state = { ...state, ...changes };
      drawAxis();
      drawRows();
    },
    /** Scrolls as little as is needed. */
    reveal() {
      const at = indexOf(state.selected);
      if (at < 0) return;
      const [top, size] = [at * height(), height()];
      const room = tree.clientHeight - axis.offsetHeight;
      if (top < tree.scrollTop) tree.scrollTop = top - size;
      else if (top + size > tree.scrollTop + room) tree.scrollTop = top + 2 * size - room;
      drawRows();
    },
  };
}
