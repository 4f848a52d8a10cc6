import { el } from './dom.js';
import { ms } from './format.js';
import { t } from './texts.js';
import { piecesOf } from './waterfall-model.js';

/** The whole of a trace in a few lines, above its spans: the critical path, what it waited for, and what nobody tells. */

/** @import { TraceDetail } from '../model.ts' */
/** @import { Piece } from './waterfall-model.js' */

/** Pieces thinner than this part of the trace cannot be seen. */
const LEAST_SHARE = 0.002;
/** Lines for the paths of jobs that went on after the answer. */
const MORE_UNITS = 3;

/** @param {TraceDetail} trace @param {(spanId: string) => void} select */
export function lanesView(trace, select) {
  const { units, waits, gaps, rows, totalMs } = trace;
  const nameOf = new Map(rows.map(({ id, name }) => [id, name]));
  const lane = (/** @type {string} */ kind, /** @type {string} */ name, /** @type {Piece[]} */ pieces) => {
    const seen = pieces.filter(({ durationMs }) => durationMs >= totalMs * LEAST_SHARE);
    if (seen.length === 0) return null;
    return el(
      'div',
      { class: `lane ${kind}` },
      el('span', { class: 'lane-name', title: name }, name),
      el(
        'div',
        { class: 'track' },
        seen.map(({ label, spanId, startMs, durationMs }) =>
          el(
            'button',
            {
              type: 'button',
              class: 'piece',
              // The rows are the way there by keyboard; a hundred stops before them would be none.
              tabIndex: -1,
              title: `${label} · ${ms(durationMs)}`,
              style: { left: `${(startMs / totalMs) * 100}%`, width: `${(durationMs / totalMs) * 100}%` },
              onclick: () => select(spanId),
            },
            durationMs > totalMs * 0.05 ? label : '',
          ),
        ),
      ),
    );
  };
  const [first, ...more] = units;
  return el(
    'div',
    { class: 'lanes' },
    first && lane('path', t('criticalPath'), piecesOf(first.criticalPath)),
    more.slice(0, MORE_UNITS).map(({ route, criticalPath }) => lane('path', route, piecesOf(criticalPath))),
    lane(
      'waits',
      t('waiting'),
      waits.map((band) => ({ ...band, label: t(`wait.${band.wait}`) })),
    ),
    lane(
      'gaps',
      t('unaccounted'),
      gaps.map((gap) => ({ ...gap, label: t('gapIn', { name: nameOf.get(gap.spanId) ?? '' }) })),
    ),
  );
}
