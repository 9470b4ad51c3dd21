#!/usr/bin/env bash
# Tests packages on some engines, and installs and starts what these packages need and nothing else.
#
#   scripts/test.sh ENGINES [package...]
#
# ENGINES is a comma list of sqlite, mysql and mariadb. Packages are named as go test takes them; core, which is meant when
# none is named, is everything but tests/browser, tests/chromium, tests/clients and tests/brokers, and fast is core without the tests that kill
# processes and wait until their leases end, and without tests/fuzz. ./tests/extension/acme and ./sdk/go, which core holds too, are Go modules of their own. SETUP=only
# installs what is needed and tests nothing. RACE and ARGS are for scripts/go-test.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

engines=$1 && shift
packages= modules=
for name in "${@:-core}"; do
    case $name in
        core) packages+=" $(go list ./... | grep -vE '/tests/(browser|chromium|clients|brokers)$')" modules="tests/extension/acme sdk/go" ;;
        fast) packages+=" $(go list ./... | grep -vE '/tests/(browser|chromium|clients|brokers|fault|fuzz)$')" ;;
        ./tests/extension/acme*) modules=tests/extension/acme ;;
        ./sdk/go*) modules=sdk/go ;;
        *) packages+=" $name" ;;
    esac
done

# A package needs what its tests import: tests/dbtest makes databases, chromedp drives a browser. tests/clients runs what is no
# Go package, tests/brokers starts other servers.
# shellcheck disable=SC2086 # a list of words, as below
tests=$([[ -z $packages ]] || go list -test -f '{{.ImportPath}} {{join .Deps " "}} ' $packages | grep -E '^[^ ]+\.test ' || true)
servers= browser= clients= brokers=
if [[ $modules == *acme* ]] || grep -q '/tests/dbtest ' <<<"$tests"; then
    servers=$(tr , '\n' <<<"$engines" | sed '/^sqlite$/d' | paste -sd ' ' -)
fi
if grep -q ' github.com/chromedp/chromedp ' <<<"$tests"; then
    browser=chromium
fi
if grep -q '/tests/clients\.test ' <<<"$tests"; then
    clients='clients redis'
fi
if grep -q '/tests/brokers\.test ' <<<"$tests"; then
    brokers='redis rabbitmq'
fi
compiler=${RACE:+compiler}
# shellcheck disable=SC2086
[[ -z $servers$browser$clients$brokers$compiler ]] || scripts/test-setup.sh $servers $browser $clients $brokers $compiler
[[ ${SETUP-} != only ]] || exit 0

# shellcheck disable=SC2086
set -- scripts/go-test.sh $packages
export LEADMILL_TEST_ENGINES=$engines MODULES=$modules

# Files of tests stand in memory where there is room: SQLite waits for the disk at every commit, and what a crash of the
# machine would lose is thrown away anyway. Not the shared servers' files, which wait for no disk, nor what Go builds. The
# folder is the same every time, because Go remembers the result of a test only for the TMPDIR it ran with.
memory=/dev/shm/leadmill-test-$UID
if [[ -z ${TMPDIR-} ]] && mkdir -p -m 700 "$memory" 2>/dev/null; then
    find "$memory" -mindepth 1 -maxdepth 1 -mmin +120 -exec rm -rf -- {} + # what a run that was killed left
    printf '#!/bin/sh\n' >"$memory/program" && chmod +x "$memory/program" # some tests build programs there
    if "$memory/program" 2>/dev/null && [[ $(df -Pk "$memory" | awk 'END {print $4}') -gt $((2 << 20)) ]]; then
        set -- env "TMPDIR=$memory" "GOTMPDIR=${GOTMPDIR:-/tmp}" "$@"
    fi
fi

if [[ -n $servers ]]; then
    go build -buildvcs=false -o bin/testdb ./tests/dbtest/cmd/testdb
    set -- bin/testdb -engines "${servers// /,}" "$@"
fi
"$@"
