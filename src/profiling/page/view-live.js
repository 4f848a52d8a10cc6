import { addressOf } from './address.js';
import { get } from './client.js';
import { el, svg } from './dom.js';
import { bytes, ms, number, percent } from './format.js';
import { figures, meter, routeName, table } from './pieces.js';
import { t, textOf } from './texts.js';

/** @import { GaugeReadings, LiveSnapshot } from '../live/live.ts' */
/** @import { InFlightList } from '../live/in-flight.ts' */
/** @import { ProcessReading } from '../live/process-readings.ts' */

/** @returns {import('./main.js').View} */
export function liveView() {
  return {
    title: t('liveNow'),
    every: 1000,
    load: () => get('live'),
    draw: (
      /** @type {LiveSnapshot} */ { readings, verdict, gauges, inFlight, heapSpaces, pid, uptimeSeconds },
    ) => [
      el(
        'div',
        { class: 'heading' },
        el('h1', {}, t('liveNow')),
        el('small', {}, t('liveProcess', { pid, uptime: ms(uptimeSeconds * 1000) })),
      ),
      verdictView(verdict),
      readings.length > 0 ? chartsView(readings) : el('p', { class: 'soft' }, t('firstSecond')),
      el(
        'div',
        { class: 'gauges' },
        ...Object.entries(gauges).map(([name, values]) => gaugeView(name, values)),
      ),
      inFlightView(inFlight),
      spacesView(heapSpaces),
    ],
  };
}

/** @param {LiveSnapshot['verdict']} verdict */
function verdictView({ kind, evidence }) {
  const tone =
    { collecting: 'is-warning', blocked: 'is-critical', saturated: 'is-critical' }[
      /** @type {string} */ (kind)
    ] ?? 'is-good';
  const limit =
    evidence &&
    `${textOf(`measure.${evidence.measure}`) ?? evidence.measure}: ${number(evidence.value, { maximumFractionDigits: 2 })} (${t('limit')} ${number(evidence.limit)})`;
  return el(
    'section',
    { class: `panel row live-verdict ${tone}` },
    el('strong', {}, textOf(`live.${kind}`) ?? kind),
    limit && el('small', { lang: 'en' }, limit),
  );
}

/** @param {readonly ProcessReading[]} readings */
function chartsView(readings) {
  const collected = (/** @type {ProcessReading} */ { collections }) =>
    Object.values(collections).reduce((sum, { ms: time }) => sum + time, 0);
  return el(
    'section',
    { class: 'tiles' },
    chart(
      t('loopDelay'),
      readings.map(({ loopDelay }) => loopDelay.p99),
      ms,
      { limit: 100 },
    ),
    chart(
      t('utilisation'),
      readings.map(({ utilisation }) => utilisation),
      percent,
      { most: 1, limit: 0.95 },
    ),
    chart(
      t('cpuUse'),
      readings.map(({ cpu }) => cpu),
      percent,
      { most: 1 },
    ),
    chart(t('collections'), readings.map(collected), ms, { limit: 100 }),
    chart(
      t('heap'),
      readings.map(({ heapUsedBytes }) => heapUsedBytes),
      bytes,
      { most: Math.max(...readings.map(({ heapTotalBytes }) => heapTotalBytes)) },
    ),
    chart(
      t('rss'),
      readings.map(({ rssBytes }) => rssBytes),
      bytes,
    ),
  );
}

/**
 * The last minute as a line, with its newest value in figures. From 0, so that little looks little.
 *
 * @param {string} name @param {number[]} values @param {(value: number) => string} format
 * @param {{ most?: number, limit?: number }} [options] what the whole height is at least, and what is too much
 */
function chart(name, values, format, { most = 0, limit } = {}) {
  const newest = values.at(-1) ?? 0;
  const highest = Math.max(...values);
  const height = Math.max(most, highest, limit === undefined ? 0 : limit / 4) || 1;
  const points = values.map(
    (value, index) => `${60 - values.length + index + 1},${(38 - (value / height) * 36).toFixed(2)}`,
  );
  const first = 60 - values.length + 1;
  return el(
    'figure',
    { class: `panel tile ${limit !== undefined && newest >= limit ? 'is-critical' : ''}` },
    el('figcaption', {}, name),
    el('strong', {}, format(newest)),
    svg(
      'svg',
      {
        viewBox: '0 0 60 40',
        preserveAspectRatio: 'none',
        role: 'img',
        'aria-label': t('highest', { value: format(highest) }),
      },
      svg('polygon', { points: `${first},40 ${points.join(' ')} 60,40` }),
      svg('polyline', { points: points.join(' ') }),
    ),
    el('small', {}, t('highest', { value: format(highest) })),
  );
}

/** @param {string} name @param {GaugeReadings | null} values */
function gaugeView(name, values) {
  return el(
    'section',
    { class: 'panel stack' },
    el('h2', {}, textOf(`gauge.${name}`) ?? name),
    values === null
      ? el('p', { class: 'soft' }, t('gaugeAway'))
      : figures(
          ...Object.entries(values).map(
            ([key, value]) =>
              /** @type {[string, string]} */ ([textOf(`gauge.${name}.${key}`) ?? key, number(value)]),
          ),
        ),
    values !== null && typeof values.used === 'number' && typeof values.max === 'number' && values.max > 0
      ? meter(values.used / values.max, values.used >= values.max ? 'is-critical' : '')
      : null,
  );
}

/** @param {InFlightList} list */
function inFlightView({ count, byRoute, oldest }) {
  const rows = oldest
    .slice(0, 50)
    .map(({ kind, route, traceId, ageMs, answered, steps }) => [
      [
        route === undefined
          ? el('span', { class: 'soft' }, t('noRouteYet'))
          : el('span', {}, routeName(route)),
        ' ',
        kind !== 'request' && el('span', { class: 'badge' }, t(kind === 'job' ? 'job' : 'step')),
        answered && el('span', { class: 'badge is-info' }, t('answered')),
      ],
      steps.length > 0
        ? steps.map(({ name, elapsedMs }) =>
            el('div', {}, el('code', {}, name), ' ', el('small', {}, ms(elapsedMs))),
          )
        : el('span', { class: 'soft' }, t('noStep')),
      ms(ageMs),
      traceId ? el('code', {}, traceId.slice(0, 8)) : '–',
    ]);
  const routes = Object.entries(byRoute).toSorted((a, b) => b[1] - a[1]);
  return el(
    'section',
    { class: 'panel stack' },
    el('div', { class: 'heading' }, el('h2', {}, t('inFlight')), el('strong', {}, number(count))),
    count === 0
      ? el('p', { class: 'soft' }, t('nothingInFlight'))
      : [
          el(
            'p',
            { class: 'row' },
            routes.map(([route, sum]) =>
              el(
                'a',
                { class: 'route', href: addressOf('routes', route) },
                routeName(route),
                ` × ${number(sum)}`,
              ),
            ),
          ),
          table([t('route'), t('currentStep'), `#${t('age')}`, `-${t('trace')}`], rows, t('inFlight')),
        ],
  );
}

/** @param {LiveSnapshot['heapSpaces']} spaces */
function spacesView(spaces) {
  const rows = spaces
    .filter(({ sizeBytes }) => sizeBytes > 0)
    .map(({ name, usedBytes, sizeBytes }) => [
      [el('code', {}, name), meter(sizeBytes > 0 ? usedBytes / sizeBytes : 0)],
      bytes(usedBytes),
      bytes(sizeBytes),
    ]);
  return el(
    'section',
    { class: 'panel stack' },
    el('h2', {}, t('heapSpaces')),
    table([t('heapSpace'), `#${t('used')}`, `#${t('size')}`], rows, t('heapSpaces')),
  );
}
