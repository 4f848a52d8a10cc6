import { addressOf } from './address.js';
import { el } from './dom.js';
import { moment, ms, number } from './format.js';
import { meter, routeName, table, traceBadges } from './pieces.js';
import { t } from './texts.js';

/** @import { TraceSummary } from '../model.ts' */

/** @param {readonly TraceSummary[]} traces @param {{ withRoute?: boolean }} [options] */
export function tracesTable(traces, { withRoute = true } = {}) {
  const longest = Math.max(...traces.map(({ durationMs }) => durationMs));
  const rows = traces.map((trace) => {
    const { traceId, route, startedAt, durationMs, spans, statements } = trace;
    return [
      [
        el(
          'a',
          {
            class: 'route',
            href: addressOf('traces', traceId),
            'aria-label': `${route} ${ms(durationMs)} ${moment(startedAt)}`,
          },
          withRoute ? routeName(route) : el('code', {}, traceId.slice(0, 8)),
        ),
        ' ',
        traceBadges({
          ...trace,
          pinned: undefined,
          httpStatus: trace.status === 'error' ? trace.httpStatus : undefined,
        }),
      ].flat(),
      [ms(durationMs), meter(durationMs / longest, trace.status === 'error' ? 'is-critical' : '')],
      number(spans),
      number(statements),
      el('time', {}, moment(startedAt)),
    ];
  });
  return table(
    [
      t(withRoute ? 'route' : 'trace'),
      `#${t('duration')}`,
      `#-${t('spans')}`,
      `#-${t('statements')}`,
      `#${t('time')}`,
    ],
    rows,
    t('traces'),
  );
}
