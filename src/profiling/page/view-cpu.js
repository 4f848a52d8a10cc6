import { addressOf, rememberQuery } from './address.js';
import { ApiError, get, post } from './client.js';
import { el, replaceContent, setText } from './dom.js';
import { moment, number } from './format.js';
import { emptyState, table } from './pieces.js';
import { reportView } from './profile-report.js';
import { t } from './texts.js';

/** @import { Address } from './address.js' */
/** @import { ProfileReport, ProfileSummary } from '../cpu/model.ts' */

/** @param {Address} address without an id the newest finished profile is shown. @returns {import('./main.js').View} */
export function cpuView({ id, query }) {
  const status = el('div', { role: 'status' });
  const problem = el('p', { class: 'is-critical', role: 'alert' });
  const report = el('div', { class: 'stack' });
  const list = el('div', { class: 'stack' });
  const start = el('button', { type: 'submit', class: 'primary' }, t('startProfile'));
  const choice = {
    metric: query.get('metric') ?? undefined,
    step: query.get('step') ?? undefined,
    route: query.get('route') ?? undefined,
  };
  /** The report on show, and what it was asked with: it does not change any more. */
  let shown = { key: '', report: /** @type {ProfileReport | undefined} */ (undefined) };

  /** @returns {Promise<{ profiles: ProfileSummary[], report: ProfileReport | undefined, left: number }>} */
  async function load() {
    const { profiles } = await get('profiles');
    const running = profiles.find((/** @type {ProfileSummary} */ { state }) => state === 'running');
    const newest = newestOf(
      profiles.filter((/** @type {ProfileSummary} */ { state }) => state === 'finished'),
    );
    const wanted = id || newest?.id;
    const left = running ? Math.max(0, Math.ceil((running.endsAt - Date.now()) / 1000)) : -1;
    if (!wanted || running?.id === wanted) return { profiles, report: undefined, left };
    const path = addressOf('profiles', wanted, choice).slice(2);
    if (path !== shown.key) shown = { key: path, report: await get(path) };
    return { profiles, report: shown.report, left };
  }

  let drawn = /** @type {ProfileReport | undefined} */ (undefined);
  function redraw(/** @type {Awaited<ReturnType<typeof load>>} */ { profiles, report: current, left }) {
    start.disabled = left >= 0;
    setText(status, left >= 0 ? t('profileRuns', { seconds: number(left) }) : '');
    replaceContent(list, [listView(profiles, current?.profile.id)]);
    if (current && current === drawn) return;
    drawn = current;
    replaceContent(
      report,
      current
        ? reportView(current, choice, choose)
        : left >= 0
          ? []
          : [emptyState(t('noProfile'), el('p', { class: 'soft' }, t('noProfileText')))],
    );
  }

  async function choose(/** @type {Partial<typeof choice>} */ change) {
    Object.assign(choice, change);
    rememberQuery(choice);
    redraw(await load());
  }

  const form = el(
    'form',
    {
      class: 'filters',
      async onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        const { kind, seconds } = Object.fromEntries(new FormData(form));
        start.disabled = true;
        setText(problem, '');
        try {
          const { profile } = await post(
            `profiles?${new URLSearchParams({ kind: String(kind), seconds: String(seconds) })}`,
          );
          location.hash = addressOf('cpu', profile.id);
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          setText(problem, error.message);
          start.disabled = false;
        }
      },
    },
    el(
      'label',
      {},
      t('what'),
      el(
        'select',
        { name: 'kind' },
        el('option', { value: 'cpu' }, t('kind.cpu')),
        el('option', { value: 'heap' }, t('kind.heap')),
      ),
    ),
    el(
      'label',
      {},
      t('seconds'),
      el('input', { name: 'seconds', type: 'number', min: 1, max: 30, value: 10, required: true }),
    ),
    start,
  );

  return {
    title: t('cpu'),
    every: 1000,
    load,
    redraw,
    draw(data) {
      redraw(data);
      return [
        el('h1', {}, t('cpu')),
        el(
          'section',
          { class: 'panel stack' },
          el('p', { class: 'soft' }, t('cpuText')),
          form,
          status,
          problem,
        ),
        list,
        report,
      ];
    },
  };
}

/** @param {readonly ProfileSummary[]} profiles */
function newestOf(profiles) {
  return profiles.toSorted((a, b) => b.startedAt - a.startedAt)[0];
}

/** @param {readonly ProfileSummary[]} profiles @param {string | undefined} current */
function listView(profiles, current) {
  if (profiles.length === 0) return el('span', { hidden: true });
  const rows = profiles
    .toSorted((a, b) => b.startedAt - a.startedAt)
    .map(({ id, kind, cause, seconds, startedAt, state }) => [
      el(
        'a',
        { href: addressOf('cpu', id), 'aria-current': id === current ? 'true' : undefined },
        moment(startedAt),
      ),
      t(`kind.${kind}`),
      t('secondsOf', { count: number(seconds) }),
      cause.kind === 'slow' ? t('causeSlow', { route: cause.route }) : t('causeAsked'),
      t(`state.${state}`),
    ]);
  return el(
    'section',
    { class: 'panel stack' },
    el('h2', {}, t('profiles')),
    table([t('time'), t('what'), `#${t('duration')}`, `-${t('cause')}`, t('status')], rows, t('profiles')),
  );
}
