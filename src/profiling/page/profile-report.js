import { el } from './dom.js';
import { createFlameGraph, originOf, placeOf } from './flame-graph.js';
import { bytes, ms, number, percent } from './format.js';
import { table } from './pieces.js';
import { t, textOf } from './texts.js';

/** @typedef {{ step?: string | undefined, route?: string | undefined }} Filter without a field, everything */

/** @import { FunctionRow, LabelSum, Metric, ProfileReport } from '../cpu/model.ts' */

/** @param {Metric} metric */
const formatOf = (metric) => (metric === 'cpu' || metric === 'wall' ? ms : bytes);

/**
 * A finished profile: who took what, as a flame graph and as a table.
 *
 * @param {ProfileReport} report
 * @param {Filter} filter
 * @param {(change: Filter & { metric?: string }) => void} choose
 */
export function reportView(report, filter, choose) {
  const { profile, metric, metrics, sums, flame } = report;
  const format = formatOf(metric);
  const graph = createFlameGraph(flame, { format });
  const file = `api/profiles/${encodeURIComponent(profile.id)}`;
  return [
    el(
      'section',
      { class: 'panel stack' },
      el(
        'div',
        { class: 'heading' },
        el('h2', {}, t('whoTook')),
        el(
          'div',
          { class: 'row' },
          profile.kind === 'cpu' &&
            el('a', { class: 'button', href: `${file}.cpuprofile`, download: '' }, '.cpuprofile'),
          el('a', { class: 'button', href: `${file}.pb.gz`, download: '' }, 'pprof'),
        ),
      ),
      el(
        'div',
        { class: 'row', role: 'group', 'aria-label': t('metric') },
        metrics.map((name) =>
          el(
            'button',
            {
              type: 'button',
              class: 'chip is-step',
              'aria-pressed': String(name === metric),
              onclick: () => choose({ metric: name }),
            },
            t(`metric.${name}`),
          ),
        ),
      ),
      sumsTable(sums, metrics, metric, filter, choose),
    ),
    flame.total > 0
      ? el(
          'section',
          { class: 'panel stack' },
          el(
            'div',
            { class: 'heading' },
            el('h2', {}, t('flameGraph')),
            el('input', {
              type: 'search',
              'aria-label': t('searchFunctions'),
              placeholder: t('searchFunctions'),
              oninput: (/** @type {any} */ { target }) => graph.search(target.value),
            }),
          ),
          graph.element,
          el('p', { class: 'row legend', id: 'flame-keys' }, origins(), el('small', {}, t('flameKeys'))),
        )
      : el(
          'section',
          { class: 'panel empty' },
          el('h2', {}, t('nothingSampled')),
          el('p', {}, t('nothingSampledText')),
        ),
    functionsView(report, format),
  ];
}

/** Functions that are shown before somebody asks for more. */
const FIRST_FUNCTIONS = 25;

/** As pstats lists them. @param {ProfileReport} report @param {(value: number) => string} format */
function functionsView({ functions, foldedSamples }, format) {
  const row = (/** @type {FunctionRow} */ { name, file, line, ...measured }) => [
    [
      el('code', {}, name || t('anonymous')),
      el('div', {}, el('small', { class: `origin-${originOf({ file })}` }, placeOf({ file, line }))),
    ],
    format(measured.self),
    percent(measured.selfShare),
    format(measured.total),
    percent(measured.totalShare),
    number(measured.samples),
  ];
  const columns = [t('function'), `#${t('selfTime')}`, '#-%', `#${t('total')}`, '#-%', `#-${t('samples')}`];
  /** The most time of its own first, as they come. @type {import('./pieces.js').Order} */
  const order = { column: -1, descending: false };
  const rows = functions.map((one) => () => row(one));
  const values = functions.map(valuesOf);
  const list = (/** @type {number} */ limit) =>
    table(columns, rows, t('functions'), { values, order, limit });
  const shown = el('div', {}, list(FIRST_FUNCTIONS));
  const more = el(
    'button',
    {
      type: 'button',
      onclick() {
        shown.replaceChildren(list(functions.length));
        more.remove();
      },
    },
    t('allFunctions', { count: number(functions.length) }),
  );
  return el(
    'section',
    { class: 'panel stack' },
    el('h2', {}, t('functions')),
    shown,
    functions.length > FIRST_FUNCTIONS && el('p', {}, more),
    foldedSamples > 0 && el('p', { class: 'soft' }, t('folded', { count: number(foldedSamples) })),
  );
}

/** What the cells are sorted by. @param {FunctionRow} row */
function valuesOf({ name, self, selfShare, total, totalShare, samples }) {
  return [name, self, selfShare, total, totalShare, samples];
}

/**
 * @param {readonly LabelSum[]} sums @param {readonly Metric[]} metrics @param {Metric} metric
 * @param {Filter} filter
 * @param {(change: Filter) => void} choose
 */
function sumsTable(sums, metrics, metric, filter, choose) {
  const whole = sums.reduce((sum, { sums: of }) => sum + (of[metric] ?? 0), 0);
  const isChosen = (/** @type {LabelSum} */ { step = '', route = '' }) =>
    filter.step === step && filter.route === route;
  const rows = sums.map((sum) => {
    const { step = '', route = '' } = sum;
    const chosen = isChosen(sum);
    return [
      el(
        'button',
        {
          type: 'button',
          class: 'chip is-step',
          'aria-pressed': String(chosen),
          onclick: () => choose(chosen ? { step: undefined, route: undefined } : { step, route }),
        },
        step || t('outsideSteps'),
      ),
      el('code', {}, route || t('outsideRoutes')),
      percent(whole > 0 ? (sum.sums[metric] ?? 0) / whole : 0),
      ...metrics.map((name) => formatOf(name)(sum.sums[name] ?? 0)),
      number(sum.samples),
    ];
  });
  const columns = [
    t('step'),
    `-${t('route')}`,
    '#%',
    ...metrics.map((name) => `#${textOf(`metric.${name}`)}`),
    `#-${t('samples')}`,
  ];
  return table(columns, rows, t('whoTook'));
}

function origins() {
  return /** @type {const} */ (['application', 'package', 'node', 'engine']).map((origin) =>
    el('span', {}, el('span', { class: `key from-${origin}`, 'aria-hidden': 'true' }), t(`origin.${origin}`)),
  );
}
