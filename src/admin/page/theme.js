// Light, dark, or as the system says; what was chosen is remembered in this browser.
import { h, select } from './dom.js';

const key = 'noisegate-theme';
const listeners = new Set();

function stored() {
  try {
    return localStorage.getItem(key) ?? 'system';
  } catch {
    return 'system';
  }
}

export function applyTheme(theme = stored()) {
  if (theme === 'system') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.setAttribute('data-theme', theme);
  for (const listener of listeners) listener();
}

/** Charts have their colours painted in, so they are painted again. */
export function onTheme(listener, signal) {
  listeners.add(listener);
  const media = matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', listener, { signal });
  signal.addEventListener('abort', () => listeners.delete(listener));
}

export function themeControl() {
  const control = select([['system', 'Colours: auto'], ['light', 'Colours: light'], ['dark', 'Colours: dark']], stored(), { 'aria-label': 'Colours' });
  control.addEventListener('change', () => {
    try {
      localStorage.setItem(key, control.value);
    } catch { /* It then holds until the page is left. */ }
    applyTheme(control.value);
  });
  return h('span', { class: 'theme' }, control);
}
