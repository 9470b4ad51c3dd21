#!/usr/bin/env bash
# Tests packages (all when none is named): with the race detector those whose goroutines share memory, without it those
# whose work is done by a database or by other processes, where it finds nothing and takes five times as long.
# RACE= turns it off for all. What stands in ARGS goes to go test.
set -euo pipefail

shared='^github.com/leadmill/leadmill($|/application|/adapters/(clock|eventlog|random|ratelimit|telemetry)|/ports|/tests/(component|load))'
packages=$(go list "${@:-./...}")
raced=$(grep -E "$shared" <<<"$packages" || true)
plain=$(grep -vE "$shared" <<<"$packages" || true)
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
