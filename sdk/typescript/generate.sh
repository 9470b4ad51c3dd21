#!/usr/bin/env bash
# Writes the types of the API and of the events into src, with the packages that package-lock.json names (npm ci).
set -euo pipefail
cd "$(dirname "$0")"

document=$(mktemp -d)
trap 'rm -rf "$document"' EXIT
(cd ../.. && go build -buildvcs=false -o "$document/document" ./sdk/cmd/document)
"$document/document" -out "$document/api.json" client ../../ports/http/openapi.yaml
"$document/document" -out "$document/events.json" events ../../application/contract/eventsv1/schemas
for name in api events; do
    "${NODE_MODULES:-node_modules}/.bin/openapi-typescript" "$document/$name.json" --default-non-nullable=false \
        --root-types --root-types-no-schema-prefix --output "${OUT:-src}/$name.gen.ts" >"$document/log" 2>&1 ||
        { cat "$document/log" >&2; exit 1; }
done
