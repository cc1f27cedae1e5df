// Logging in. The address is left alone, so that one gets to where one wanted to go.
import { alertBox, field, h, note, wrong } from '../dom.js';
import { Problem, login as send } from '../api.js';

export function login({ ended, done }) {
  const user = h('input', { type: 'text', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', required: true });
  const password = h('input', { type: 'password', autocomplete: 'current-password', required: true });
  const problem = h('div', {});
  const go = h('button', { type: 'submit', class: 'primary' }, 'Log in');
  const form = h('form', { novalidate: true, class: 'stack card' },
    field('User', user), field('Password', password), problem, h('div', { class: 'buttons' }, go));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.replaceChildren();
    wrong(user, user.value ? null : 'Your name, as in the policy.');
    wrong(password, password.value ? null : 'The password that you also use with psql.');
    if (!user.value || !password.value) {
      (user.value ? password : user).focus();
      return;
    }
    go.disabled = true;
    try {
      await send(user.value.trim(), password.value);
      done();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.append(alertBox(...words(error)));
      password.value = '';
      password.focus();
    } finally {
      go.disabled = false;
    }
  });
  const why = ended
    ? note('', h('p', {}, h('strong', {}, 'Your session has ended.'), ' Log in, and you are back where you were.'))
    : h('p', { class: 'lead' }, 'For administrators and auditors of the budgets.');
  return [why, form];
}

function words(error) {
  if (error.status === 401) return ['That did not work.', 'The name or the password is wrong, or this person is no administrator and no auditor.'];
  if (error.status === 429) {
    const minutes = Math.ceil(Number(error.retryAfter ?? 60) / 60);
    return ['Too many failed logins.', `Try again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`];
  }
  return [error.message, error.detail];
}
