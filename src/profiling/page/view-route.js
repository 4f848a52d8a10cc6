import { addressOf } from './address.js';
import { get } from './client.js';
import { el } from './dom.js';
import { findingView } from './finding.js';
import { ms, number, percent } from './format.js';
import { figures, percentiles, routeName, stepName, stepText, table, toneOf } from './pieces.js';
import { t } from './texts.js';
import { tracesTable } from './traces-table.js';
import { verdictView } from './verdict.js';

/** @import { Address } from './address.js' */
/** @import { RouteDetail, StepShare } from '../model.ts' */

/** @param {Address} address @returns {import('./main.js').View} */
export function routeView({ id }) {
  return {
    title: id,
    every: 4000,
    load: async () => {
      const [route, links] = await Promise.all([get(`routes/${encodeURIComponent(id)}`), get('links')]);
      return { route, links };
    },
    draw({ route, links }) {
      /** @type {RouteDetail} */
      const { verdict, findings, slowest, steps } = route;
      const why = verdict?.reason?.fingerprint;
      const others = findings.filter(({ fingerprint }) => fingerprint !== why || !verdict);
      return [
        headingOf(route, links),
        verdict ? verdictView(verdict, { heading: 'h2' }) : el('span', { hidden: true }),
        stepsPanel(withRest(steps)),
        el(
          'section',
          { class: 'panel stack' },
          el('h2', {}, t('findings')),
          others.length > 0
            ? others.map(({ worst }) => findingView(worst, { withRoute: false }))
            : el('p', { class: 'soft' }, t(why ? 'noOtherFindings' : 'noFindings')),
        ),
        el(
          'section',
          { class: 'panel stack' },
          el(
            'div',
            { class: 'heading' },
            el('h2', {}, t('slowestTraces')),
            el('a', { href: addressOf('traces', undefined, { route: id }) }, t('all')),
          ),
          tracesTable(slowest, { withRoute: false }),
        ),
      ];
    },
  };
}

/** @param {RouteDetail} route @param {{ grafanaUrl?: string }} links */
function headingOf({ route, requests, errors, durationMs, statementsPerRequest }, { grafanaUrl }) {
  return el(
    'section',
    { class: 'panel stack' },
    el(
      'div',
      { class: 'heading' },
      el('h1', {}, routeName(route)),
      grafanaUrl &&
        el(
          'a',
          { class: 'button', href: grafanaAddress(grafanaUrl, route), target: '_blank', rel: 'noreferrer' },
          t('openGrafana'),
        ),
    ),
    figures([t('requests'), number(requests)], [t('errors'), number(errors)], ...percentiles(durationMs), [
      t('statements'),
      number(statementsPerRequest, { maximumFractionDigits: 1 }),
      t('perRequestShort'),
    ]),
  );
}

/** The dashboard of bottlenecks, by the template of the route; for a job, that of all. @param {string} grafanaUrl @param {string} route */
function grafanaAddress(grafanaUrl, route) {
  const [, template] = /^[A-Z_]+ (\/.*)$/.exec(route) ?? [];
  const chosen = template ? `?${new URLSearchParams({ 'var-route': template })}` : '';
  return `${grafanaUrl}/d/meari-bottleneck${chosen}`;
}

/** Steps that are shown by name; what is left is one more. */
const STEPS_SHOWN = 8;

/** @param {readonly StepShare[]} steps the biggest first @returns {readonly StepShare[]} */
function withRest(steps) {
  const rest = steps.slice(STEPS_SHOWN);
  if (rest.length < 2) return steps;
  const sum = (/** @type {Exclude<keyof StepShare, 'step'>} */ key) =>
    rest.reduce((total, step) => total + step[key], 0);
  return [
    ...steps.slice(0, STEPS_SHOWN),
    {
      step: t('otherSteps', { count: rest.length }),
      shareAtP50: sum('shareAtP50'),
      shareAtP95: sum('shareAtP95'),
      msAtP50: sum('msAtP50'),
      msAtP95: sum('msAtP95'),
    },
  ];
}

/** @param {readonly StepShare[]} steps */
function stepsPanel(steps) {
  const bar = (/** @type {'shareAtP50' | 'shareAtP95'} */ share) =>
    el(
      'div',
      { class: 'stacked', 'aria-hidden': 'true' },
      steps.map((step, index) =>
        el(
          'span',
          {
            class: toneOf(index),
            title: `${stepText(step.step)} ${percent(step[share])}`,
            style: { 'flex-grow': step[share], 'flex-basis': 0 },
          },
          step[share] > 0.08 ? stepText(step.step) : '',
        ),
      ),
    );
  const total = (/** @type {'msAtP50' | 'msAtP95'} */ key) =>
    ms(steps.reduce((sum, step) => sum + step[key], 0));
  const rows = steps.map(({ step, shareAtP50, shareAtP95, msAtP50, msAtP95 }, index) => [
    [el('span', { class: `swatch ${toneOf(index)}` }), stepName(step)],
    percent(shareAtP50),
    ms(msAtP50),
    percent(shareAtP95),
    ms(msAtP95),
  ]);
  return el(
    'section',
    { class: 'panel stack' },
    el('h2', {}, t('stepsTitle')),
    el('p', { class: 'soft' }, t('stepsText')),
    el(
      'div',
      { class: 'shares' },
      [el('span', {}, 'p50'), bar('shareAtP50'), el('span', {}, total('msAtP50'))],
      [el('span', {}, 'p95'), bar('shareAtP95'), el('span', {}, total('msAtP95'))],
    ),
    table([t('step'), '#p50', '#ms p50', '#p95', '#-ms p95'], rows, t('stepsTitle')),
  );
}
