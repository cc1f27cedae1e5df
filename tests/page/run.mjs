// Drives the administrators' page in Chromium, against a proxy that runs.
//
//   NOISEGATE_PAGE_URL=http://127.0.0.1:6480 NOISEGATE_PAGE_PASSWORD=carol node tests/page/run.mjs
//
// What the proxy has to have is said in facts.mjs. Node's own test runner runs and counts the tests.
import './access.mjs';
import './views.mjs';
import './tasks.mjs';
import './changes.mjs';
import './policy.mjs';
