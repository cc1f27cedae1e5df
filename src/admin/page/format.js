// How numbers, times and the API's words are written for people.
import { h } from './dom.js';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
// Days of the ledger are days of UTC.
const shortDay = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
const minute = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const hour = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

export function count(n) {
  return whole.format(n);
}

export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** An ε, short: what is small keeps two significant digits. */
export function eps(value) {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0';
  if (Math.abs(value) < 0.01) return String(Number(value.toPrecision(2)));
  return String(Number(value.toFixed(2)));
}

export function epsilon(value) {
  return `ε\u00a0${eps(value)}`;
}

export function percent(fraction) {
  const value = fraction * 100;
  if (value > 0 && value < 0.1) return '<\u00a00.1\u00a0%';
  return `${value >= 99.95 || value === 0 ? Math.round(value) : value.toFixed(1)}\u00a0%`;
}

export function utc(text) {
  return `${text.replace('T', ' ').replace(/\.\d+Z$/, '').replace('Z', '')} UTC`;
}

/** A moment in local time; what it is in UTC stands in the title. */
export function time(text, { style = 'full' } = {}) {
  if (!text) return '–';
  const moment = new Date(text);
  const shown = style === 'day' ? day.format(moment)
    : style === 'short' ? clock.format(moment)
      : style === 'minute' ? minute.format(moment)
        : `${day.format(moment)}, ${clock.format(moment)}`;
  return h('time', { datetime: text, title: utc(text) }, shown);
}

export function ago(text, now = Date.now()) {
  if (!text) return '–';
  const seconds = (Date.parse(text) - now) / 1000;
  const units = [['day', 86400], ['hour', 3600], ['minute', 60]];
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1];
  return h('time', { datetime: text, title: utc(text) }, relative.format(Math.round(seconds / size), unit));
}

/** A calendar day, as the API writes it: `2026-12-14`. */
export function date(text) {
  if (!text) return '–';
  return h('time', { datetime: text, title: `${text} (UTC)` }, day.format(new Date(`${text.slice(0, 10)}T12:00:00`)));
}

export function bucketName(text, bucket) {
  return bucket === 'hour' ? hour.format(new Date(text)) : shortDay.format(new Date(text));
}

export function daysUntil(text, now) {
  return Math.ceil((Date.parse(text) - Date.parse(now)) / 86400000);
}

const windows = { lifetime: 'for good', month: 'each calendar month' };

export function windowWords(window) {
  if (windows[window]) return windows[window];
  const units = { h: 'hour', d: 'day', w: 'week', m: 'minute', s: 'second' };
  const match = /^(\d+)([a-z]+)$/.exec(window);
  const unit = match && units[match[2]];
  if (!unit) return `each ${window}`;
  return match[1] === '1' ? `each ${unit}` : `each ${match[1]} ${unit}s`;
}

export function perWords(per) {
  return { dataset: 'Dataset', team: 'Team', analyst: 'Analyst' }[per] ?? per;
}

/** What a step of the throttle does; the API may write it as text or in parts. */
export function effectWords(effect) {
  if (typeof effect === 'string') return effect;
  if (!effect) return '–';
  if (effect.queries_per_hour) return `${effect.queries_per_hour} queries an hour`;
  return effect.answer ?? JSON.stringify(effect);
}

/** Amounts of charges are on record in the ledger's units. */
function price({ rho, epsilon: pure }) {
  return pure === null || pure === undefined ? Math.sqrt(2 * Number(rho) / 1e12) : Number(pure) / 1e12;
}

const details = {
  accounts: (value) => `paid by ${value.join(', ')}`,
  leaves: (value) => plural(value, 'leaf', 'leaves'),
  state: (value) => ({ given_back: 'given back' })[value] ?? value,
};

/**
 * What a person wants to know of the detail of an audit record. What is there for the chain of
 * records alone, such as the whole control of an account, is left to the export.
 */
export function detailWords({ kind, detail }) {
  const words = [];
  if (kind === 'query' && detail.rho !== undefined) words.push(epsilon(price(detail)));
  if (kind === 'account.cap' && detail.epsilon === null) words.push('no cap any more');
  const left = kind === 'query' ? ['rho', 'epsilon', 'delta', 'charge', 'control'] : ['control'];
  for (const [name, value] of Object.entries(detail)) {
    if (left.includes(name) || value === null) continue;
    const known = Object.hasOwn(details, name) ? details[name] : null;
    const plain = typeof value === 'object' ? JSON.stringify(value) : String(value);
    words.push(known ? known(value) : `${name.replaceAll('_', ' ')} ${plain}`);
  }
  return words.join(' · ');
}

/** Whether a person typed an ε that the API can take: a positive decimal. */
export function isAmount(text) {
  return /^\d{1,9}(\.\d{1,12})?$/.test(text) && Number(text) > 0;
}

/** The start and the end (exclusive) of local days, for the API. */
export function dayStart(text) {
  return text ? new Date(`${text}T00:00:00`).toISOString() : null;
}

export function dayEnd(text) {
  if (!text) return null;
  const end = new Date(`${text}T00:00:00`);
  end.setDate(end.getDate() + 1);
  return end.toISOString();
}

/** The day of a moment as a date input wants it, in local time or UTC. */
export function inputDay(moment, zone = 'local') {
  const shifted = zone === 'utc' ? moment : new Date(moment.getTime() - moment.getTimezoneOffset() * 60000);
  return shifted.toISOString().slice(0, 10);
}
