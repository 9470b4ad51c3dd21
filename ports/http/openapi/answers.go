package openapi

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Answers returns a document of schemas alone: those that the answers in a base and its fragments reach. A room's Go types
// are generated from it. Left out are the schemas of requests, which are bound by hand, so that every violation is
// collected, and those of the base's own responses, which are errors. A schema of the base stands for the type of its name
// in the shared package. Errors are those of Merge.
func Answers(shared Package, base []byte, fragments ...[]byte) ([]byte, error) {
	merged, err := merge(base, fragments...)
	if err != nil {
		return nil, err
	}
	var whole, basis document
	if err := merged.Decode(&whole); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	if err := yaml.Unmarshal(base, &basis); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	for name := range basis.Components.Responses {
		delete(whole.Components.Responses, name)
	}
	reached := map[string]any{}
	for _, item := range whole.Paths {
		for _, operation := range item {
			if o, ok := operation.(map[string]any); ok {
				whole.reach(o["responses"], reached)
			}
		}
	}
	for name := range basis.Components.Schemas {
		if s, ok := reached[name].(map[string]any); ok {
			reached[name] = map[string]any{
				"description": s["description"], "x-go-type": shared.Name + "." + name,
				"x-go-type-import": map[string]any{"path": shared.Path, "name": shared.Name},
			}
		}
	}
	return yaml.Marshal(map[string]any{
		"openapi": whole.OpenAPI, "info": whole.Info, "paths": map[string]any{},
		"components": map[string]any{"schemas": reached},
	})
}

// Package is a Go package: its import path and the name it is imported by.
type Package struct{ Path, Name string }

// document is what Answers looks at. A path's members are its operations, and parameters.
type document struct {
	OpenAPI    string                    `yaml:"openapi"`
	Info       map[string]any            `yaml:"info"`
	Paths      map[string]map[string]any `yaml:"paths"`
	Components struct {
		Schemas   map[string]any `yaml:"schemas"`
		Responses map[string]any `yaml:"responses"`
	} `yaml:"components"`
}

// reach adds the schemas that a value refers to, however far.
func (d *document) reach(value any, reached map[string]any) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if ref, ok := inner.(string); ok && name == "$ref" {
				d.follow(ref, reached)
				continue
			}
			d.reach(inner, reached)
		}
	case []any:
		for _, inner := range v {
			d.reach(inner, reached)
		}
	}
}

func (d *document) follow(ref string, reached map[string]any) {
	if name, ok := strings.CutPrefix(ref, "#/components/responses/"); ok {
		d.reach(d.Components.Responses[name], reached)
	}
	if name, ok := strings.CutPrefix(ref, "#/components/schemas/"); ok && reached[name] == nil {
		reached[name] = d.Components.Schemas[name]
		d.reach(reached[name], reached)
	}
}
