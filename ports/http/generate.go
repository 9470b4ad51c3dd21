package httpport

// The document that is served is put together from what all routes share and the fragments of the rooms. The rooms' types are
// generated from the same files.
//go:generate go run ./openapi/cmd/bundle -out openapi.yaml openapi.base.yaml account/openapi*.yaml program/openapi*.yaml market/openapi*.yaml feed/openapi*.yaml console/openapi.yaml docs/openapi.yaml
