#!/usr/bin/env bash
# Runs go test on packages: with the race detector, which RACE= turns off, where memory is shared. A new package is one of
# these. What stands in ARGS goes to go test. MODULES are folders of Go modules of their own, which are tested too.
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
plain=$(grep -E "$unraced" <<<"$list" || true)
raced=$(grep -vE "$unraced" <<<"$list" || true)
if [[ -z ${RACE-} ]]; then
    plain=$list raced=
fi

# shellcheck disable=SC2086 # lists of words
test_plain() {
    local failed=0
    [[ -z $plain ]] || CGO_ENABLED=0 go test $flags ${ARGS-} $plain || failed=$?
    for module in ${MODULES-}; do
        (cd "$module" && CGO_ENABLED=0 go test $flags ${ARGS-} ./...) || failed=$?
    done
    return $failed
}
# shellcheck disable=SC2086
test_raced() { CGO_ENABLED=1 go test "$RACE" "$raced_but" $flags ${ARGS-} $raced; }

status=0
if [[ -z $raced ]]; then
    test_plain || status=$?
elif [[ -z $plain${MODULES-} ]]; then
    test_raced || status=$?
else
    # Side by side: the plain ones wait for processes and leases most of the time. Their output comes in one piece.
    told=$(mktemp)
    trap 'rm -f -- "$told"' EXIT
    test_plain >"$told" 2>&1 &
    test_raced || status=$?
    wait $! || status=$?
    cat "$told"
fi
exit $status
