import { addressOf } from './address.js';
import { get } from './client.js';
import { el } from './dom.js';
import { findingView } from './finding.js';
import { moment, ms, number, percent } from './format.js';
import { figures, routeName, stepName, traceBadges } from './pieces.js';
import { t } from './texts.js';
import { spansOf } from './trace-spans.js';
import { stepsOf } from './waterfall-model.js';

/** @import { Address } from './address.js' */
/** @import { TraceDetail } from '../model.ts' */

/** @param {Address} address @returns {import('./main.js').View} */
export function traceView({ id, query }) {
  return {
    title: t('traceTitle', { id: id.slice(0, 8) }),
    load: async () => {
      const [trace, links] = await Promise.all([get(`traces/${encodeURIComponent(id)}`), get('links')]);
      return { trace, links };
    },
    draw({ trace, links }) {
      const spans = spansOf(trace, query.get('span') ?? '');
      return [
        headingOf(trace, links),
        trace.findingDetails.length > 0 ? findingsOf(trace, spans.mark) : el('span', { hidden: true }),
        spans.element,
      ];
    },
  };
}

/** @param {TraceDetail} trace @param {{ jaegerUrl?: string }} links */
function headingOf(trace, { jaegerUrl }) {
  const { traceId, route, startedAt, durationMs, totalMs, spans, statements, units } = trace;
  const [biggest] = units[0] ? stepsOf(units[0]) : [];
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
      el('small', {}, moment(startedAt)),
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
              stepName(biggest.step),
              t('shareOfThisPath', { share: percent(biggest.share), time: ms(biggest.time) }),
            ]),
          ]
        : []),
      [t('spans'), number(spans)],
      [t('statements'), number(statements)],
    ),
  );
}

/** @param {TraceDetail} trace @param {(spanIds: readonly string[]) => void} mark */
function findingsOf({ findingDetails }, mark) {
  const markButton = (/** @type {readonly string[]} */ spanIds) =>
    spanIds.length > 0 &&
    el('p', {}, el('button', { type: 'button', onclick: () => mark(spanIds) }, t('markSpans')));
  return el(
    'section',
    { class: 'panel stack' },
    el('h2', {}, t('findings')),
    el(
      'div',
      { class: 'columns' },
      findingDetails.map((finding) =>
        findingView(finding, { withRoute: false, withTrace: false, more: markButton(finding.spanIds) }),
      ),
    ),
  );
}
