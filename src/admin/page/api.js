// The only place that speaks to the proxy: its HTTP API, and nothing else.

const base = new URL('api/v1/', document.baseURI);

/** What the API says went wrong (problem+json), or that it said nothing. */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.title || 'The request failed');
    this.status = status;
    this.slug = String(body.type || '').split(':').pop();
    this.detail = body.detail || '';
    this.errors = Array.isArray(body.errors) ? body.errors : [];
    this.retryAfter = retryAfter;
  }
}

/** Who is logged in, or null; `token` for changes is only ever in memory. */
let session = null;
let whenExpired = () => {};

export function currentSession() {
  return session;
}

export function mayChange() {
  return session?.role === 'admin';
}

export function onExpired(callback) {
  whenExpired = callback;
}

export function url(path, params = {}) {
  const address = new URL(path.replace(/^\//, ''), base);
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== '') address.searchParams.set(name, value);
  }
  return address;
}

async function send(method, path, { params, body, headers = {}, signal } = {}) {
  const options = { method, headers: { Accept: 'application/json, application/problem+json', ...headers }, signal, credentials: 'same-origin', cache: 'no-store' };
  if (method !== 'GET' && session?.csrf) options.headers['X-CSRF-Token'] = session.csrf;
  if (body !== undefined) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(url(path, params), options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, { title: 'The proxy cannot be reached.', detail: 'It may be restarting. Nothing on this page is newer than the last answer.' });
  }
  const text = response.status === 204 ? '' : await response.text();
  const data = text ? parse(text) : null;
  if (response.ok) return { data, etag: response.headers.get('ETag') };
  const problem = new Problem(response.status, data ?? { title: `The proxy answered ${response.status}.` }, response.headers.get('Retry-After'));
  // A wrong password is 401 as well, and is no end of a session.
  if (response.status === 401 && path !== '/session') {
    session = null;
    whenExpired();
  }
  throw problem;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export async function get(path, params, signal) {
  return (await send('GET', path, { params, signal })).data;
}

/** An account together with the version that changes of it may rest on. */
export async function getTagged(path, signal) {
  return send('GET', path, { signal });
}

export async function post(path, body, { key, etag, method = 'POST' } = {}) {
  const headers = {};
  if (key) headers['Idempotency-Key'] = key;
  if (etag) headers['If-Match'] = etag;
  return (await send(method, path, { body, headers })).data;
}

export function account(id) {
  return `/accounts/${encodeURIComponent(id)}`;
}

/** All of a list that is known to be short, such as teams; four pages at most. */
export async function all(path, params = {}, signal) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < 4; page += 1) {
    const answer = await get(path, { ...params, limit: 500, cursor }, signal);
    items.push(...answer.items);
    cursor = answer.next;
    if (!cursor) break;
  }
  return items;
}

export async function resume() {
  try {
    session = await get('/session');
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    session = null;
  }
  return session;
}

export async function login(user, password) {
  session = (await send('POST', '/session', { body: { user, password } })).data;
  return session;
}

export async function logout() {
  try {
    await send('DELETE', '/session');
  } finally {
    session = null;
  }
}
