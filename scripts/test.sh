#!/usr/bin/env bash
# Tests packages (all when none is named) with the race detector, except tests/fault: it kills processes and databases
# under load and holds answers against the clock. RACE= turns the detector off. What stands in ARGS goes to go test.
set -euo pipefail

timed='/tests/fault$'
packages=$(go list "${@:-./...}")
plain=$(grep -E "$timed" <<<"$packages" || true)
raced=$(grep -vE "$timed" <<<"$packages" || true)
if [[ -z ${RACE-} ]]; then
    plain=$packages raced=
fi

status=0
# shellcheck disable=SC2086 # lists of words
if [[ -n $plain ]]; then
    CGO_ENABLED=0 go test -timeout 10m ${ARGS-} $plain || status=$?
fi
# shellcheck disable=SC2086
if [[ -n $raced ]]; then
    CGO_ENABLED=1 go test "$RACE" -timeout 10m ${ARGS-} $raced || status=$?
fi
exit $status
