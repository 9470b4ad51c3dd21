#!/usr/bin/env bash
# Writes the Scalar API reference that /docs shows, from its npm package, with its licence in front.
#
#   scripts/scalar.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/../ports/http/docs/scalar"

package=$(mktemp -d)
trap 'rm -rf -- "$package"' EXIT
npm pack --silent --pack-destination "$package" "@scalar/api-reference@$1" >/dev/null
tar -xzf "$package"/*.tgz -C "$package" package/dist/browser/standalone.js
{
    printf '/*! @scalar/api-reference %s\n' "$1"
    cat LICENSE
    printf '*/\n'
    cat "$package/package/dist/browser/standalone.js"
} | gzip -9n >scalar.js.gz
printf '%s\n' "$1" >VERSION
