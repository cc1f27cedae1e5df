// Answers that are remembered: the same question again gets the same numbers.
import { field, h, table } from '../dom.js';
import { count, plural, time } from '../format.js';
import { filters, fingerprint, name, pagedList } from './parts.js';

export async function releases(place, { params, signal, remember, guard }) {
  const analyst = h('input', { type: 'search', value: params.get('analyst') || '', spellcheck: 'false' });
  const result = h('div', {});
  const load = () => guard(result, () => {
    const chosen = { analyst: analyst.value.trim() };
    remember(chosen);
    return pagedList(result, '/releases', chosen, draw, { signal, noun: 'release' });
  }, signal);
  place.append(h('p', { class: 'lead' }, 'Answers that are remembered: the same question again gets the same numbers, without a new loss for the people in the data.'),
    filters([field('Analyst', analyst, { hint: 'The whole name.' })], load), result);
  await load();
}

function draw(items) {
  return table('Releases', [
    { head: 'Made', row: true, cell: (release) => time(release.made_at) },
    { head: 'Analyst', cell: (release) => name(release.analyst) },
    { head: 'Question', cell: (release) => fingerprint(release.question) },
    { head: 'Forgotten', cell: (release) => time(release.expires_at) },
    { head: 'Size', num: true, cell: (release) => size(release.bytes) },
  ], items, { empty: 'Nothing is remembered.' });
}

function size(bytes) {
  return bytes < 10000 ? plural(bytes, 'byte') : `${count(bytes / 1000)} kB`;
}
