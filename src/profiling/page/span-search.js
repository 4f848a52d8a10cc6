import { el } from './dom.js';
import { number } from './format.js';
import { t } from './texts.js';
import { isMatch } from './waterfall-model.js';

/** @import { WaterfallRow } from '../model.ts' */

/**
 * @param {() => WaterfallRow[]} rows
 * @param {(row: WaterfallRow) => void} select
 * @param {(found: Set<string>) => void} mark
 * @param {() => WaterfallRow | undefined} selected
 */
export function searchOf(rows, select, mark, selected) {
  const count = el('small', { role: 'status' });
  const input = el('input', {
    type: 'search',
    'aria-label': t('searchSpans'),
    placeholder: t('searchSpans'),
    oninput: () => apply(),
    onkeydown(/** @type {KeyboardEvent} */ event) {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      go(event.shiftKey ? -1 : 1);
    },
  });
  const matches = () => {
    const text = input.value.trim().toLowerCase();
    return rows().filter((row) => isMatch(row, text));
  };
  function apply() {
    const found = matches();
    mark(new Set(found.map(({ id }) => id)));
    count.textContent = input.value.trim() === '' ? '' : t('matches', { count: number(found.length) });
  }
  /** @param {1 | -1} direction */
  function go(direction) {
    const found = matches();
    const at = found.findIndex(({ id }) => id === selected()?.id);
    const next = at < 0 ? found[0] : found[(at + direction + found.length) % found.length];
    if (next) select(next);
  }
  return { element: el('div', { class: 'row' }, input, count), apply };
}
