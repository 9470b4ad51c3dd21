#!/usr/bin/env bash
# Says by apidiff what the public Go packages offer otherwise than at a revision: a commit, a branch or a tag.
#
#   scripts/api-diff.sh REVISION
set -euo pipefail
cd "$(dirname "$0")/.."

commit=$(git rev-parse --verify --quiet --end-of-options "$1^{commit}") || { echo "api-diff: no commit $1" >&2; exit 1; }
before=$(mktemp -d)
trap 'rm -rf -- "$before"' EXIT
git archive "$commit" | tar -x -C "$before"
go run ./tests/api/cmd/api diff "$before"
