import { el } from './dom.js';
import { ms } from './format.js';
import { t } from './texts.js';
import { createRowViews } from './waterfall-row.js';

/** @import { TraceDetail, WaterfallRow } from '../model.ts' */
/** @import { Look } from './waterfall-row.js' */

/** Pixels; on a phone a row has its name above its bar. */
const ROW_HEIGHT = { wide: 26, narrow: 44 };
const NARROW = matchMedia('(max-width: 48rem)');
/** Rows drawn above and below what is in sight, for the next turn of the wheel. */
const MARGIN = 8;

/**
 * The rows of a trace, of which only those in sight are in the document: thousands cost no more than fifty.
 *
 * @param {TraceDetail} trace
 * @param {{ onSelect: (row: WaterfallRow) => void, onFold: (row: WaterfallRow, folded: boolean) => void, onZoom: (row: WaterfallRow | undefined) => void }} on
 */
export function createWaterfall(trace, on) {
  const rowViews = createRowViews(trace, on);
  /** @type {Look & { rows: readonly WaterfallRow[] }} */
  let state = {
    rows: [],
    selected: '',
    marked: new Set(),
    found: new Set(),
    folded: new Set(),
    from: 0,
    length: trace.totalMs || 1,
  };

  const ticks = el('div', { class: 'ticks' });
  const axis = el('div', { class: 'axis', 'aria-hidden': 'true' }, ticks);
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

  const rowHeight = () => (NARROW.matches ? ROW_HEIGHT.narrow : ROW_HEIGHT.wide);
  const indexOf = (/** @type {string} */ id) => state.rows.findIndex((row) => row.id === id);

  function drawRows() {
    const { rows } = state;
    const height = rowHeight();
    const first = Math.max(0, Math.floor(tree.scrollTop / height) - MARGIN);
    const last = Math.min(rows.length, Math.ceil((tree.scrollTop + tree.clientHeight) / height) + MARGIN);
    const view = (/** @type {WaterfallRow} */ row, /** @type {number} */ index) =>
      rowViews.view(row, { index, count: rows.length, height }, state);
    const inSight = rows.slice(first, last).map((row, index) => view(row, first + index));
    const selected = indexOf(state.selected);
    // A screen reader is told the selected row by its id: it has to be there, also out of sight.
    const selectedRow = rows[selected];
    if (selectedRow && (selected < first || selected >= last)) inSight.push(view(selectedRow, selected));
    sheet.style.height = `${rows.length * height}px`;
    sheet.replaceChildren(...inSight);
    if (selected >= 0) tree.setAttribute('aria-activedescendant', `row-${state.selected}`);
    else tree.removeAttribute('aria-activedescendant');
  }

  function drawAxis() {
    const shares = NARROW.matches ? [0, 0.5] : [0, 0.2, 0.4, 0.6, 0.8];
    const tick = (/** @type {number} */ share) =>
      el('span', { style: { left: `${share * 100}%` } }, ms(state.from + share * state.length));
    ticks.replaceChildren(...shares.map(tick));
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const at = indexOf(state.selected);
    const act = moveOf(event.key, at) ?? actionOf(event.key, at);
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** @param {string} key @param {number} at */
  function moveOf(key, at) {
    const page = Math.max(1, Math.floor(tree.clientHeight / rowHeight()) - 2);
    const last = state.rows.length - 1;
    /** @type {Record<string, number>} */
    const moves = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: last,
    };
    const to = moves[key];
    const row = to === undefined ? undefined : state.rows[Math.min(last, Math.max(0, to))];
    return row && (() => on.onSelect(row));
  }

  /** As in every tree: right unfolds and goes in, left folds and goes out. @param {string} key @param {number} at */
  function actionOf(key, at) {
    if (key === 'Escape') return () => on.onZoom(undefined);
    const row = state.rows[at];
    if (!row) return undefined;
    const canFold = rowViews.canFold(row.id);
    const isFolded = state.folded.has(row.id);
    const parent = rowViews.parentOf(row.id);
    const next = state.rows[at + 1];
    if (key === 'Enter') return () => on.onZoom(row);
    if (key === 'ArrowRight' && canFold && isFolded) return () => on.onFold(row, false);
    if (key === 'ArrowRight' && canFold && next) return () => on.onSelect(next);
    if (key === 'ArrowLeft' && canFold && !isFolded) return () => on.onFold(row, true);
    if (key === 'ArrowLeft' && parent) return () => on.onSelect(parent);
    return undefined;
  }

  return {
    element: tree,
    /** @param {Partial<typeof state>} changes */
    update(changes) {
      state = { ...state, ...changes };
      drawAxis();
      drawRows();
    },
    /** Scrolls to the selected row, as little as is needed. */
    reveal() {
      const at = indexOf(state.selected);
      if (at < 0) return;
      const height = rowHeight();
      const room = tree.clientHeight - axis.offsetHeight;
      if (at * height < tree.scrollTop) tree.scrollTop = (at - 1) * height;
      else if ((at + 1) * height > tree.scrollTop + room) tree.scrollTop = (at + 2) * height - room;
      drawRows();
    },
  };
}
