#!/usr/bin/env bash
# Writes the types of the TypeScript client again, with the packages that its package-lock.json names. Where there is no Node.js it only
# says so: make test-clients compares them.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null; then
    echo 'generate-typescript: no npm here, so sdk/typescript/src is left as it is; make test-clients compares it' >&2
    exit 0
fi
scripts/test-setup.sh packages
NODE_MODULES="$PWD/.cache/sdk/node_modules" sdk/typescript/generate.sh
