import { currentLanguage } from './texts.js';

/** Numbers as people read them. All of them are made for the language on show. */

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export function number(value, options) {
  return value.toLocaleString(currentLanguage(), options);
}

/** Three digits and a unit. @param {number} value milliseconds */
export function ms(value) {
  if (value >= 60_000)
    return `${number(Math.floor(value / 60_000))} min ${Math.round((value % 60_000) / 1000)} s`;
  if (value >= 1000) return `${digits(value / 1000)} s`;
  if (value >= 0.01 || value <= 0) return `${digits(value)} ms`;
  return `${digits(value * 1000)} µs`;
}

/** @param {number} value microseconds */
export function micros(value) {
  return value >= 1000 ? ms(value / 1000) : `${digits(value)} µs`;
}

/** @param {number} value */
function digits(value) {
  const places = value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2;
  return number(value, { maximumFractionDigits: places });
}

/** @param {number} share a part of 1 */
export function percent(share) {
  const places = share > 0 && share < 0.0995 ? 1 : 0;
  return number(share, { style: 'percent', maximumFractionDigits: places });
}

/** @param {number} value */
export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  let left = value;
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? number(Math.round(left)) : digits(left)} ${units[unit]}`;
}

/** The time of day, with the day where it is another. @param {number} epoch milliseconds */
export function moment(epoch) {
  const date = new Date(epoch);
  const isToday = date.toDateString() === new Date().toDateString();
  const day = isToday ? {} : /** @type {const} */ ({ month: 'short', day: 'numeric' });
  return date.toLocaleString(currentLanguage(), {
    ...day,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
}
