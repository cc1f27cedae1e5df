"""What Schemathesis is told of the API beyond its document, before each of its requests."""

import itertools
import os

import schemathesis

KEY, EXAMPLE = "Idempotency-Key", "4bf4a3f0-1"
numbers = itertools.count()
with open(os.environ["NOISEGATE_POLICY"], encoding="utf-8") as file:
    policy = file.read()


@schemathesis.hook
def before_call(context, case, kwargs):
    number = next(numbers)
    # The example of a key comes with most requests; under one key, all but the first would be
    # refused before anybody looks at them. Some keep it, so that this is seen too.
    declared = case.method.upper() == case.operation.method.upper()
    keeps = declared and number % 8 == 0
    if case.headers and case.headers.get(KEY) == EXAMPLE and not keeps:
        case.headers[KEY] = f"{EXAMPLE}-{number}"
    # The document's example of a policy says no addresses, which a file has to.
    if isinstance(case.body, dict) and str(case.body.get("text", "")).startswith("# The policy of"):
        case.body = {**case.body, "text": policy}
