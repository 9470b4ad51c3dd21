package httpport

// openapi.yaml comes first: the types of answers are generated from it, and tests compare routes and answers with it.
//go:generate go tool -modfile=../../tools.mod oapi-codegen -config oapi-codegen.yaml openapi.yaml
