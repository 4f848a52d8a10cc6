import { addressOf, rememberQuery } from './address.js';
import { get } from './client.js';
import { el } from './dom.js';
import { findingView } from './finding.js';
import { clock, ms, number, percent } from './format.js';
import { lanesView } from './lanes.js';
import { figures, routeName, traceBadges } from './pieces.js';
import { spanPanel } from './span-panel.js';
import { t } from './texts.js';
import { createWaterfall } from './waterfall.js';
import { CATEGORIES, categoryOf, isMatch, shownRows, stepsOf } from './waterfall-model.js';

/** @import { Address } from './address.js' */
/** @import { TraceDetail, WaterfallRow } from '../model.ts' */

/** @param {Address} address @returns {import('./main.js').View} */
export function traceView({ id, query }) {
  return {
    title: t('traceTitle', { id: id.slice(0, 8) }),
    load: async () => {
      const [trace, links] = await Promise.all([get(`traces/${encodeURIComponent(id)}`), get('links')]);
      return { trace, links };
    },
    draw: ({ trace, links }) => [
      headingOf(trace, links),
      trace.findingDetails.length > 0 ? findingsOf(trace) : el('span', { hidden: true }),
      spansOf(trace, query.get('span') ?? ''),
    ],
  };
}

/** @param {TraceDetail} trace @param {{ jaegerUrl?: string }} links */
function headingOf(trace, { jaegerUrl }) {
  const { traceId, route, startedAt, durationMs, totalMs, spans, statements, units } = trace;
  const [biggest] = stepsOf(units[0]?.criticalPath ?? []);
  return el(
    'section',
    { class: 'panel stack' },
    el(
      'div',
      { class: 'heading' },
      el('h1', {}, el('a', { class: 'route', href: addressOf('routes', route) }, routeName(route))),
      jaegerUrl &&
        el(
          'a',
          { class: 'button', href: `${jaegerUrl}/trace/${traceId}`, target: '_blank', rel: 'noreferrer' },
          t('openJaeger'),
        ),
    ),
    el(
      'div',
      { class: 'row' },
      ...traceBadges(trace),
      el('small', {}, clock(startedAt)),
      el('small', { class: 'mono' }, traceId),
    ),
    figures(
      [
        t('duration'),
        ms(durationMs),
        totalMs > durationMs * 1.01 ? t('withAfter', { time: ms(totalMs) }) : '',
      ],
      ...(biggest
        ? [
            /** @type {[string, any, string]} */ ([
              t('bottleneck'),
              el('code', {}, biggest.step),
              t('shareOfThisPath', { share: percent(biggest.share), time: ms(biggest.time) }),
            ]),
          ]
        : []),
      [t('spans'), number(spans)],
      [t('statements'), number(statements)],
    ),
  );
}

/** @param {TraceDetail} trace */
function findingsOf({ findingDetails }) {
  return el(
    'section',
    { class: 'panel stack' },
    el('h2', {}, t('findings')),
    findingDetails.map((finding) =>
      findingView(finding, {
        withRoute: false,
        withTrace: false,
        more:
          finding.spanIds.length > 0 &&
          el(
            'p',
            {},
            el(
              'button',
              { type: 'button', class: 'mark', data: { spans: finding.spanIds.join(' ') } },
              t('markSpans'),
            ),
          ),
      }),
    ),
  );
}

/** The waterfall with what chooses from it, and the span that is looked at. @param {TraceDetail} trace @param {string} first */
function spansOf(trace, first) {
  const { rows, totalMs } = trace;
  const byId = new Map(rows.map((row) => [row.id, row]));
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
    for (let above = byId.get(row.parentId ?? ''); above; above = byId.get(above.parentId ?? ''))
      folded.delete(above.id);
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

  queueMicrotask(() => {
    redraw();
    for (const button of document.querySelectorAll('button.mark')) {
      button.addEventListener('click', () => {
        const marked = /** @type {HTMLElement} */ (button.dataset.spans ?? '').split(' ');
        waterfall.update({ marked: new Set(marked) });
        show(marked[0] ?? '');
        waterfall.element.focus();
      });
    }
  });

  return el(
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

/**
 * @param {() => WaterfallRow[]} rows
 * @param {(row: WaterfallRow) => void} select
 * @param {(found: Set<string>) => void} mark
 * @param {() => WaterfallRow | undefined} selected
 */
function searchOf(rows, select, mark, selected) {
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
