#!/usr/bin/env bash
# Runs go test on packages. What stands in ARGS goes to go test. MODULES are folders of Go modules of their own, which are tested too.
# RACE=1 runs with the race detector those packages alone in which memory is shared; a new package is one of these.
set -euo pipefail

# Where the detector has nothing to find, by the end of the package's path:
#   domain                   values and decisions, which know no goroutine
#   application/contract     structs and their golden files
#   adapters/sqlstore/audit  one goroutine that reads hundreds of planted breaches; the writers beside it are those of the component tests
#   tests/arch, tests/api    read source and what the compiler exports
#   tests/fault, tests/e2e,  work with processes: what is shared inside of one is raced by the component tests, which do
#   tests/browser,           all that these do, and slowed down there would be less of the load and the concurrency
#   tests/clients, MODULES   that these are about
#   tests/fuzz               sends what the component tests send, and much of it
readonly unraced='/(domain(/.*)?|application/contract(/.*)?|adapters/sqlstore/audit|tests/((arch|api)(/.*)?|fault|e2e|fuzz|browser|clients))$'

# Not in SQLite either, which is C that was translated into Go: instrumented, it takes 20 to 40 times as long.
readonly raced_but=-gcflags=modernc.org/...=-race=false

# Without tables for debuggers a test binary is linked in half the time; traces of panics keep their lines.
readonly flags='-timeout 10m -ldflags=-w'

# What takes longest comes first, so that no processor waits for it in the end.
list=
[[ $# -eq 0 ]] || list=$(go list "$@")
list=$(grep /tests/ <<<"$list" || true; grep -v /tests/ <<<"$list" || true)

# shellcheck disable=SC2086 # lists of words
if [[ -n ${RACE-} ]]; then
    list=$(grep -vE "$unraced" <<<"$list") || { echo 'go-test: no memory is shared in these packages' >&2; exit 0; }
    CGO_ENABLED=1 exec go test -race "$raced_but" $flags ${ARGS-} $list
fi

status=0
# shellcheck disable=SC2086
[[ -z $list ]] || CGO_ENABLED=0 go test $flags ${ARGS-} $list || status=$?
for module in ${MODULES-}; do
    (cd "$module" && CGO_ENABLED=0 go test $flags ${ARGS-} ./...) || status=$?
done
exit $status
