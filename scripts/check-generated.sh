#!/usr/bin/env bash
# Fails when `go generate ./...` changes a file: what is generated must be what is committed. It compares contents,
# not commits, so it also works with uncommitted changes in the tree.
set -euo pipefail
cd "$(dirname "$0")/.."

contents() { git ls-files -z --cached --others --exclude-standard | xargs -0 -r sha256sum 2>/dev/null | sort -k 2 || true; }

before=$(contents)
[[ -n $before ]] || { echo "check-generated: git lists no files here" >&2; exit 1; }
go generate ./...
if ! changed=$(diff <(printf '%s\n' "$before") <(contents)); then
    echo "check-generated: not current, run \`make generate\` and commit:" >&2
    sed -n 's/^[<>] [0-9a-f]*  /  /p' <<<"$changed" | sort -u >&2
    exit 1
fi
