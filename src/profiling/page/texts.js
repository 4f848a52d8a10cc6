import { ENGLISH } from './texts-en.js';
import { KOREAN } from './texts-ko.js';

/** @typedef {keyof typeof ENGLISH} TextKey */
/** @typedef {'en' | 'ko'} Language */

const KEY = 'profiler-language';
const TEXTS = { en: ENGLISH, ko: KOREAN };

/** @type {Language} */
let language = stored() ?? (navigator.language.startsWith('ko') ? 'ko' : 'en');

/** @returns {Language | undefined} */
function stored() {
  const value = localStorage.getItem(KEY);
  return value === 'en' || value === 'ko' ? value : undefined;
}

export function currentLanguage() {
  return language;
}

export function switchLanguage() {
  language = language === 'ko' ? 'en' : 'ko';
  localStorage.setItem(KEY, language);
}

/**
 * @param {TextKey} key
 * @param {Record<string, string | number>} [values] for the `{names}` in it.
 */
export function t(key, values = {}) {
  return TEXTS[language][key].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

/**
 * For texts whose key comes from data, such as a rule of a later version: undefined when there is none.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function textOf(key, values) {
  return key in ENGLISH ? t(/** @type {TextKey} */ (key), values) : undefined;
}
