#!/usr/bin/env bash
# Writes what the pages of the console load from others: files of npm packages, at versions and checksums that are named here, with their
# licences. What they are is in NOTICE.
set -euo pipefail
cd "$(dirname "$0")/../ports/http/console/assets"

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# take PACKAGE@VERSION SHA512 FROM TO [FROM TO]...: files of a package, whose archive has the checksum that the registry gives it.
take() {
    local package=$1 sum=$2
    shift 2
    rm -rf "$work/package" "$work"/*.tgz
    npm pack --silent --pack-destination "$work" "$package" >/dev/null
    printf '%s  %s\n' "$(printf '%s' "$sum" | base64 -d | od -An -vtx1 | tr -d ' \n')" "$(echo "$work"/*.tgz)" | sha512sum --check --quiet
    tar -xzf "$work"/*.tgz -C "$work"
    while [[ $# -gt 0 ]]; do
        cp "$work/package/$1" "$2"
        shift 2
    done
    chmod 644 ./*
}

take htmx.org@2.0.11 Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA== \
    dist/htmx.min.js htmx.js LICENSE htmx.LICENSE
take htmx-ext-sse@2.2.4 LJmxVhykyflBWgh5PvbRidcyuqMHlgfajmmzumvKctv9puvsufeH6OaejSMZTNTnEI8O2wXXn4ZZtBdpEMqmEQ== \
    dist/sse.min.js htmx-sse.js LICENSE htmx-sse.LICENSE
take uplot@1.6.32 KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw== \
    dist/uPlot.iife.min.js uplot.js dist/uPlot.min.css uplot.css LICENSE uplot.LICENSE
