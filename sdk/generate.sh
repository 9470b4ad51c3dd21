#!/usr/bin/env bash
# Writes the types and calls of sdk/go, and of sdk/typescript what needs no Node.js.
set -euo pipefail
cd "$(dirname "$0")"

types() { go tool -modfile=../tools.mod oapi-codegen -config "$1" /dev/stdin; }

openapi=../ports/http/openapi.yaml
mkdir -p ../bin
go build -o ../bin/document ./cmd/document
../bin/document client $openapi | types go/api.yaml
../bin/document events ../application/contract/eventsv1/schemas | types go/events.yaml
../bin/document -out go/calls.gen.go calls $openapi
../bin/document -out typescript/src/unkeyed.gen.ts unkeyed $openapi
