// What the tests know of the proxy that they run against, from the environment.

function setting(name, otherwise) {
  const value = process.env[`NOISEGATE_PAGE_${name}`] ?? otherwise;
  if (value === undefined) throw new Error(`NOISEGATE_PAGE_${name} is not set`);
  return value;
}

export const facts = {
  /** The admin address. */
  url: new URL(setting('URL')),
  /** An administrator, who can log in. */
  admin: setting('ADMIN', 'carol'),
  password: setting('PASSWORD'),
  /** An analyst with one account of their own, and a team with one; both not frozen, not capped. */
  analyst: setting('ANALYST', 'alice'),
  analystAccount: setting('ANALYST_ACCOUNT', 'each_analyst/alice'),
  team: setting('TEAM', 'data'),
  teamAccount: setting('TEAM_ACCOUNT', 'data_team/data'),
  /** Who spent most in the last seven days. There has to be at least one charge. */
  spender: setting('SPENDER', 'alice'),
  /** An auditor; without one, what auditors see is not tested. */
  auditor: setting('AUDITOR', ''),
  auditorPassword: setting('AUDITOR_PASSWORD', ''),
  /** The file of the policy, to be written; without it, reloading is not tested. */
  policy: setting('POLICY', ''),
  chromium: setting('CHROMIUM', '/usr/bin/chromium'),
  /** A folder that pictures of all views are put in. */
  pictures: setting('PICTURES', ''),
};
