import { rememberQuery } from './address.js';
import { el } from './dom.js';
import { number } from './format.js';
import { lanesView } from './lanes.js';
import { spanPanel } from './span-panel.js';
import { searchOf } from './span-search.js';
import { t } from './texts.js';
import { createWaterfall } from './waterfall.js';
import { CATEGORIES, categoryOf, parentsOf, shownRows } from './waterfall-model.js';

/** @import { TraceDetail, WaterfallRow } from '../model.ts' */

/** The waterfall with what chooses from it, and the span that is looked at. @param {TraceDetail} trace @param {string} first */
export function spansOf(trace, first) {
  const { rows, totalMs } = trace;
  const byId = new Map(rows.map((row) => [row.id, row]));
  const parents = parentsOf(rows);
  /** @type {Set<import('./waterfall-model.js').Category>} */
  const hidden = new Set();
  /** @type {Set<string>} */
  const folded = new Set();
  let onlyCritical = false;
  let selected = byId.get(first) ?? rows[0];
  /** @type {WaterfallRow[]} */
  let shown = [];

  const panel = el('aside', {
    class: 'panel span-panel',
    'aria-label': t('spanDetails'),
    'aria-live': 'polite',
  });
  const waterfall = createWaterfall(trace, {
    onSelect: (row) => select(row),
    onFold(row, isFolded) {
      if (isFolded) folded.add(row.id);
      else folded.delete(row.id);
      selected = row;
      redraw();
    },
    onZoom: zoom,
  });
  const whole = el(
    'button',
    { type: 'button', hidden: true, onclick: () => zoom(undefined) },
    t('showWhole'),
  );

  /** @param {WaterfallRow | undefined} row what is to fill the width; nothing: the whole trace. */
  function zoom(row) {
    const { startMs: from, durationMs: length } = row ?? { startMs: 0, durationMs: totalMs };
    waterfall.update({ from, length: length || 0.001 });
    whole.hidden = !row;
  }

  /** @param {WaterfallRow | undefined} row */
  function select(row) {
    if (!row) return;
    selected = row;
    panel.replaceChildren(...spanPanel(row, trace));
    rememberQuery({ span: row.id });
    waterfall.update({ selected: row.id });
    waterfall.reveal();
  }

  function redraw() {
    shown = shownRows(rows, { hidden, folded, onlyCritical });
    waterfall.update({ rows: shown, folded });
    select(selected);
    search.apply();
  }

  /** Unfolds what the span is in, and shows its kind. @param {string} spanId */
  function show(spanId) {
    const row = byId.get(spanId);
    if (!row) return;
    for (let above = parents.get(spanId); above; above = parents.get(above.id)) folded.delete(above.id);
    selected = row;
    if (!shown.includes(row)) {
      hidden.delete(categoryOf(row));
      if (row.criticalMs === 0) onlyCritical = false;
      chips.replaceChildren(...chipViews());
      redraw();
    } else select(row);
  }

  const search = searchOf(
    () => shown,
    (row) => select(row),
    (found) => waterfall.update({ found }),
    () => selected,
  );
  const counts = Map.groupBy(rows, categoryOf);
  const chips = el('div', { class: 'row chips', role: 'group', 'aria-label': t('showKinds') });
  const chipViews = () => [
    ...CATEGORIES.filter((category) => counts.has(category)).map((category) =>
      chip(
        `is-${category}`,
        `${t(`category.${category}`)} ${number(counts.get(category)?.length ?? 0)}`,
        !hidden.has(category),
        (on) => {
          if (on) hidden.delete(category);
          else hidden.add(category);
          redraw();
        },
      ),
    ),
    chip('is-path', t('onlyCritical'), onlyCritical, (on) => {
      onlyCritical = on;
      redraw();
    }),
  ];
  chips.replaceChildren(...chipViews());

  // Once it is in the document, and has a height.
  queueMicrotask(redraw);

  const element = el(
    'div',
    { class: 'trace' },
    el(
      'section',
      { class: 'panel stack' },
      el(
        'div',
        { class: 'heading' },
        el('h2', {}, t('waterfall')),
        el('div', { class: 'row' }, whole, search.element),
      ),
      chips,
      lanesView(trace, show),
      waterfall.element,
      legend(),
    ),
    panel,
  );
  return {
    element,
    /** @param {readonly string[]} spanIds */
    mark(spanIds) {
      waterfall.update({ marked: new Set(spanIds) });
      show(spanIds[0] ?? '');
      waterfall.element.scrollIntoView({ block: 'center' });
      waterfall.element.focus();
    },
  };
}

/** @param {string} tone @param {string} text @param {boolean} on @param {(on: boolean) => void} change */
function chip(tone, text, on, change) {
  return el(
    'button',
    {
      type: 'button',
      class: `chip ${tone}`,
      'aria-pressed': String(on),
      onclick(/** @type {any} */ { currentTarget }) {
        const next = currentTarget.getAttribute('aria-pressed') !== 'true';
        currentTarget.setAttribute('aria-pressed', String(next));
        change(next);
      },
    },
    text,
  );
}

function legend() {
  const item = (/** @type {string} */ kind, /** @type {string} */ text) =>
    el('span', {}, el('span', { class: `key ${kind}`, 'aria-hidden': 'true' }), text);
  return el(
    'p',
    { class: 'row legend', id: 'waterfall-keys' },
    item('self', t('legendSelf')),
    item('bar', t('legendChildren')),
    item('critical-line', t('criticalPath')),
    item('gap', t('unaccounted')),
    item('wait', t('waiting')),
    el('small', {}, t('waterfallKeys')),
  );
}
