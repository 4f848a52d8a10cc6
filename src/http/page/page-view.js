import { dateAndTime, duration, hasText, seconds, t } from './page-texts.js';

/** What the API's answers look like. Texts of the API go in as text, never as HTML. */

/** An element with properties (`class` and `aria-…` too) and children; what is null or undefined is left out. */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Assigning an unchanged text would make a screen reader say it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Content that the API wrote: Korean, also where the page around it is English. */
const korean = (name, ...children) => el(name, { lang: 'ko' }, ...children);

/** An address; a number with dashes, or a short one after the word for phone. */
const LINKS = /(https:\/\/[^\s)]+)|(?<![\d-])(?:\d{2,4}-\d{3,4}(?:-\d{4})?|(?<=전화 )\d{3,4})(?![\d-])/g;

/** Web addresses and phone numbers in a text can be followed. */
function linked(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(LINKS)) {
    const [found, address] = match;
    const link = address
      ? el('a', { href: address, target: '_blank', rel: 'noreferrer' }, address)
      : el('a', { href: `tel:${found}` }, found);
    parts.push(text.slice(end, match.index), link);
    end = match.index + found.length;
  }
  return [...parts, text.slice(end)];
}

const paragraphs = (text) => text.split(/\n\n+/).map((part) => korean('p', linked(part)));
const list = (items) =>
  el('ul', { class: 'bullets', lang: 'ko' }, ...items.map((item) => el('li', {}, linked(item))));
const chips = (words) => el('ul', { class: 'chips', lang: 'ko' }, ...words.map((word) => el('li', {}, word)));
const part = (title, content) => el('div', { class: 'part' }, el('h4', {}, title), content);

export function crisisView({ message, contacts }) {
  return el(
    'section',
    { class: 'panel crisis', 'aria-labelledby': 'crisis-title' },
    el('h2', { id: 'crisis-title' }, t('crisisTitle')),
    korean('p', message),
    el(
      'ul',
      { lang: 'ko' },
      ...contacts.map(({ name, phone, hours }) =>
        el(
          'li',
          {},
          el(
            'a',
            { href: `tel:${phone}`, 'aria-label': t('call', { name, phone }) },
            el('span', {}, name),
            el('strong', {}, phone),
            el('small', {}, hours),
          ),
        ),
      ),
    ),
  );
}

export function personaView({ depth_label, summary, characteristics, needs, growth_direction }) {
  return el(
    'section',
    { class: 'panel persona understanding' },
    el('h3', {}, t('persona'), ' ', el('small', { class: 'badge', lang: 'ko' }, depth_label)),
    el('div', { class: 'summary' }, paragraphs(summary)),
    el(
      'div',
      { class: 'parts' },
      part(t('characteristics'), list(characteristics)),
      part(t('needs'), list(needs)),
    ),
    part(t('growth'), korean('p', growth_direction)),
  );
}

export function empathyView({ title, emotion_keywords, cards }) {
  return el(
    'section',
    { class: 'deck empathy' },
    el('h3', {}, t('empathy')),
    el('p', { class: 'deck-title', lang: 'ko' }, title),
    chips(emotion_keywords),
    ...cards.map(empathyCardView),
  );
}

function empathyCardView({ title, content, quote_text, speaker }) {
  // Some cards tell the quote in their own text.
  const told = content.includes(quote_text);
  const quote = el(
    'figure',
    { class: 'quote', lang: 'ko' },
    el('blockquote', {}, quote_text),
    el('figcaption', { class: 'speaker' }, speaker),
  );
  return el(
    'article',
    { class: 'panel card' },
    korean('h4', title),
    told ? null : quote,
    ...paragraphs(content),
    told ? el('small', { class: 'speaker', lang: 'ko' }, speaker) : null,
  );
}

export function reflectionView({ title, key_message, insights, cards }) {
  return el(
    'section',
    { class: 'deck reflection' },
    el('h3', {}, t('reflection')),
    el('p', { class: 'deck-title', lang: 'ko' }, title),
    el('p', { class: 'key-message', lang: 'ko' }, key_message),
    ...cards.map(({ title, content, key_points }) =>
      el('article', { class: 'panel card' }, korean('h4', title), ...paragraphs(content), list(key_points)),
    ),
    el(
      'details',
      { class: 'panel insights' },
      el('summary', {}, t('insights')),
      part(t('problem'), korean('p', insights.problem)),
      ...['causes', 'solutions', 'supporters', 'peers'].map((key) => part(t(key), list(insights[key]))),
    ),
  );
}

export function stepsView(steps) {
  const longest = Math.max(1, ...steps.map(({ duration_ms }) => duration_ms ?? 0));
  return el(
    'section',
    { class: 'steps' },
    el('h3', {}, t('steps')),
    el(
      'ol',
      {},
      ...steps.map(({ name, status, duration_ms }) =>
        el(
          'li',
          { class: status },
          el('span', { class: 'step-name' }, hasText(`step_${name}`) ? t(`step_${name}`) : name),
          el('progress', { max: longest, value: duration_ms ?? 0, 'aria-hidden': 'true' }),
          // The last step's time may come a moment after the session that it has finished.
          el('span', { class: 'step-time' }, duration_ms === null ? t(status) : duration(duration_ms)),
        ),
      ),
    ),
  );
}

/** @param waitSeconds until a retry makes sense; 0 is now. */
export function errorView(error, waitSeconds, onRetry) {
  const developers = [error.code, error.detail, error.traceId && `trace_id ${error.traceId}`].filter(Boolean);
  return el(
    'section',
    { class: 'panel error' },
    // Only what is said once: the seconds on the button would be read out as they count down.
    el('div', { role: 'alert' }, el('h3', {}, t('errorTitle')), messageOf(error)),
    el('button', {
      type: 'button',
      class: 'primary',
      id: 'retry',
      onclick: onRetry,
      ...retryState(waitSeconds),
    }),
    el('details', {}, el('summary', {}, t('forDevelopers')), el('code', {}, developers.join(' · '))),
  );
}

export function retryState(waitSeconds) {
  return waitSeconds > 0
    ? { disabled: true, textContent: t('retryIn', { time: seconds(waitSeconds) }) }
    : { disabled: false, textContent: t('retry') };
}

function messageOf({ code, message }) {
  if (message) return korean('p', message);
  if (code !== 'NETWORK') return el('p', {}, t('errorUnknown'));
  return el('p', {}, t(navigator.onLine ? 'errorNetwork' : 'errorOffline'));
}

export function majorTagView({ name, children }, chosenId) {
  return el(
    'fieldset',
    { class: 'major' },
    korean('legend', name),
    ...children.map(({ id, name }) =>
      el(
        'label',
        { class: 'tag', lang: 'ko' },
        el('input', { type: 'radio', name: 'tag', value: id, checked: id === chosenId }),
        el('span', {}, name),
      ),
    ),
  );
}

/** @param actions `open()`, and `remove()` after it is confirmed. */
export function historyItemView(session, { open, remove }) {
  const title = session.cards.empathy.title;
  const time = dateAndTime(session.timestamp);
  const item = el('li', { class: 'session' });
  const ask = el('button', {
    type: 'button',
    class: 'quiet',
    'aria-label': t('deleteLabel', { title, time }),
    textContent: t('delete'),
    onclick: () => {
      item.append(confirmation);
      confirmation.querySelector('.keep').focus();
    },
  });
  const confirmation = el(
    'div',
    { class: 'confirm', role: 'group', 'aria-label': t('deleteLabel', { title, time }) },
    el('p', {}, t('deleteConfirm')),
    el('button', { type: 'button', class: 'danger', onclick: remove }, t('deleteYes')),
    el(
      'button',
      {
        type: 'button',
        class: 'quiet keep',
        onclick: () => {
          confirmation.remove();
          ask.focus();
        },
      },
      t('deleteNo'),
    ),
  );
  const summary = el(
    'button',
    { type: 'button', class: 'open', 'aria-label': t('open', { title, time }), onclick: open },
    el('span', { lang: 'ko' }, title),
    el('small', {}, time),
  );
  item.append(summary, ask);
  return item;
}
