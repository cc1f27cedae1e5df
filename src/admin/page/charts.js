// Spending over time as a chart, with the same numbers as a table; and bars of parts of a whole.
import { h, table } from './dom.js';
import { bucketName, count, date, eps, epsilon, percent, plural, time } from './format.js';
import { onTheme } from './theme.js';

/**
 * A bar that is filled as far as a budget is spent. `gone` marks how much of the window is over.
 * It has the role of a meter, so its number is read out too.
 */
export function spentBar(label, spent, { gone = null, level = '' } = {}) {
  const filled = h('span', { class: 'fill' });
  filled.style.width = `${Math.min(100, Math.max(0, spent * 100))}%`;
  const mark = gone === null ? null : h('span', { class: 'mark', title: `${percent(gone)} of the window is over` });
  if (mark) mark.style.left = `${Math.min(100, Math.max(0, gone * 100))}%`;
  const said = `${percent(spent)} spent, ${percent(Math.max(0, 1 - spent))} left`;
  return h('div', { class: `bar ${level}`, role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(Math.min(1, spent) * 1000) / 10, 'aria-valuetext': said }, filled, mark);
}

/** A bar beside a number of a table, which says the same. */
export function shareBar(share) {
  const filled = h('span', { class: 'fill' });
  filled.style.width = `${Math.min(100, Math.max(0, share * 100))}%`;
  return h('span', { class: 'bar share', 'aria-hidden': 'true' }, filled);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(width, bucket, maximum, readout) {
  const grid = { stroke: colour('--line'), width: 1 };
  const axis = { stroke: colour('--soft'), grid, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  const days = { month: 'short', day: 'numeric', timeZone: 'UTC' };
  const name = (seconds) => new Date(seconds * 1000).toLocaleString('en-GB', bucket === 'hour' ? { hour: '2-digit', minute: '2-digit' } : days);
  return {
    width, height: 230, legend: { show: false },
    tzDate: (seconds) => (bucket === 'hour' ? new Date(seconds * 1000) : window.uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC')),
    cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
    scales: { x: { time: true, range: (chart, least, greatest) => [least, greatest + steps[bucket] / 1000] }, y: { range: [0, maximum * 1.1 || 1] } },
    axes: [
      { ...axis, grid: { show: false }, space: 70, values: (chart, splits) => splits.map(name) },
      { ...axis, size: 60, values: (chart, splits) => splits.map((value) => `${Number(value.toPrecision(3))} %`) },
    ],
    series: [{}, {
      paths: window.uPlot.paths.bars({ size: [0.7, 26], align: 1, radius: 0.15 }),
      fill: colour('--accent'), stroke: colour('--accent'), width: 0, points: { show: false },
    }],
    hooks: { setCursor: [(chart) => readout(chart.cursor.idx)] },
  };
}

const steps = { hour: 3600000, day: 86400000 };

/** Each bucket of the time asked for, also where nothing was spent. */
function filled({ items, bucket, from, to }) {
  if (items.length === 0) return [];
  const step = steps[bucket];
  const known = new Map(items.map((item) => [Date.parse(item.start), item]));
  const all = [];
  const first = Math.min(Math.floor(Date.parse(from) / step) * step, ...known.keys());
  for (let at = first; at < Date.parse(to) && all.length < 1000; at += step) {
    all.push(known.get(at) ?? { start: new Date(at).toISOString(), charges: 0, spent_fraction: 0, epsilon: 0 });
  }
  return all;
}

function sentence(item, bucket) {
  return `${bucketName(item.start, bucket)}: ${plural(item.charges, 'charge')}, ${percent(item.spent_fraction)} of the limit (${epsilon(item.epsilon)})`;
}

/** The history of an account: a chart for the eye, a sentence for its summary, and a table. */
export function historyChart(name, history, signal) {
  const { bucket } = history;
  const items = filled(history);
  if (items.every((item) => item.charges === 0)) return h('p', { class: 'empty' }, 'Nothing was spent in this time.');
  const most = items.reduce((one, other) => (other.spent_fraction > one.spent_fraction ? other : one));
  const total = items.reduce((sum, item) => sum + item.spent_fraction, 0);
  const summary = `${percent(total)} of the limit by ${plural(items.reduce((sum, item) => sum + item.charges, 0), 'charge')}; most on ${sentence(most, bucket)}.`;
  const readout = h('p', { class: 'readout', 'aria-hidden': 'true' }, 'Point at a bar for its numbers.');
  const place = h('div', { class: 'chart', role: 'img', 'aria-label': `Spending of ${name} by ${bucket}. ${summary}` });
  draw(place, items, bucket, readout, signal);
  const rows = items.filter((item) => item.charges > 0).reverse();
  const numbers = table(`Spending of ${name} by ${bucket}`, [
    { head: bucket === 'hour' ? 'Hour' : 'Day', row: true, cell: (item) => (bucket === 'hour' ? time(item.start) : date(item.start)) },
    { head: 'Charges', num: true, cell: (item) => count(item.charges) },
    { head: 'Of the limit', num: true, cell: (item) => percent(item.spent_fraction) },
    { head: 'ε, as one answer', num: true, cell: (item) => eps(item.epsilon) },
  ], rows);
  return [h('p', { class: 'lead' }, summary), place, readout,
    h('details', { 'data-key': 'numbers' }, h('summary', {}, 'The same as a table'), h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Spending as a table' }, numbers))];
}

function draw(place, items, bucket, readout, signal) {
  const data = [items.map((item) => Date.parse(item.start) / 1000), items.map((item) => item.spent_fraction * 100)];
  const told = (index) => { readout.textContent = items[index] ? sentence(items[index], bucket) : 'Point at a bar for its numbers.'; };
  let chart = null;
  let width = 0;
  const paint = () => {
    if (!place.isConnected || width === 0) return;
    chart?.destroy();
    chart = new window.uPlot(options(width, bucket, Math.max(...data[1]), told), data, place);
  };
  const watch = new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now === width || now === 0) return;
    width = now;
    if (chart) chart.setSize({ width, height: 230 });
    else paint();
  });
  watch.observe(place);
  onTheme(paint, signal);
  signal.addEventListener('abort', () => { watch.disconnect(); chart?.destroy(); });
}
