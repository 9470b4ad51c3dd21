package openapi

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds what the aliases of a document may grow it to.
const maxNodes = 1 << 20

// plain returns a node without anchors, aliases and merge keys: what they stand for is in their place. YAML 1.2 has no merge
// keys, and readers differ in what they make of them.
func plain(n *yaml.Node) (*yaml.Node, error) {
	left := maxNodes
	return plainNode(n, &left)
}

func plainNode(n *yaml.Node, left *int) (*yaml.Node, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if *left--; *left < 0 {
		return nil, fmt.Errorf("is of more than %d nodes with its aliases in place", maxNodes)
	}
	c := *n
	c.Anchor, c.Content = "", make([]*yaml.Node, 0, len(n.Content))
	var merged []*yaml.Node
	for i, inner := range n.Content {
		isKey := n.Kind == yaml.MappingNode && i%2 == 0
		if isKey && inner.Tag == "!!merge" {
			continue
		}
		p, err := plainNode(inner, left)
		if err != nil {
			return nil, err
		}
		if n.Kind == yaml.MappingNode && !isKey && n.Content[i-1].Tag == "!!merge" {
			merged = append(merged, p)
			continue
		}
		c.Content = append(c.Content, p)
	}
	for _, from := range merged {
		if err := mergeKey(&c, from); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// mergeKey adds the members that a merge key names, a mapping or a list of mappings, to those that are there already.
func mergeKey(into, from *yaml.Node) error {
	if from.Kind == yaml.SequenceNode {
		for _, one := range from.Content {
			if err := mergeKey(into, one); err != nil {
				return err
			}
		}
		return nil
	}
	return each(from, func(name string, key, value *yaml.Node) error {
		if member(into, name) == nil {
			into.Content = append(into.Content, key, value)
		}
		return nil
	})
}

// internal are the members that only our generators read.
var internal = []string{"x-go-type", "x-go-type-import", "x-order"}

// values are the members that hold data, which is no part of the document.
var values = []string{"example", "examples", "default", "enum", "const"}

// named are the members whose own members have names of ours, not of the specification.
var named = []string{"paths", "properties", "patternProperties", "$defs", "schemas", "responses", "parameters", "headers", "requestBodies", "content"}

// types are the types of JSON Schema.
var types = []string{"null", "boolean", "string", "number", "integer", "object", "array"}

// publish makes a document what clients' tools read: without the members that only our generators read, with oneOf where a value
// is of several types, of which a list of types makes many generators the first or none, with numbers of 64 bits and open objects. A
// list that says no more than "or null" stays.
func publish(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		dropInternal(n)
		splitTypes(n)
		sizeNumber(n)
		openObject(n)
	}
	for i, inner := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode:
			publish(inner)
		case i%2 == 0:
		case slices.Contains(named, n.Content[i-1].Value) && inner.Kind == yaml.MappingNode:
			for j := 1; j < len(inner.Content); j += 2 {
				publish(inner.Content[j])
			}
		case !slices.Contains(values, n.Content[i-1].Value):
			publish(inner)
		}
	}
}

func dropInternal(mapping *yaml.Node) {
	kept := mapping.Content[:0]
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if !slices.Contains(internal, mapping.Content[i].Value) {
			kept = append(kept, mapping.Content[i], mapping.Content[i+1])
		}
	}
	mapping.Content = kept
}

// splitTypes puts oneOf in the place of a list of types, where there is one. What a schema says of one type alone goes with it.
func splitTypes(schema *yaml.Node) {
	list := member(schema, "type")
	if list == nil || !ofSeveralTypes(list) || member(schema, "oneOf") != nil {
		return
	}
	ways, byType := *list, map[string]*yaml.Node{}
	ways.Content = nil
	for _, typ := range list.Content {
		way := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "type"}, typ}}
		ways.Content, byType[typ.Value] = append(ways.Content, way), way
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(schema.Content); i += 2 {
		key, value := schema.Content[i], schema.Content[i+1]
		way := byType[typeOf[key.Value]]
		switch {
		case value == list:
			kept = append(kept, &yaml.Node{Kind: yaml.ScalarNode, Value: "oneOf"}, &ways)
		case way != nil:
			way.Content = append(way.Content, key, value)
		default:
			kept = append(kept, key, value)
		}
	}
	schema.Content = kept
}

// sizeNumber gives a number a format where it has none: generators take it for one of 32 bits, which holds no amount of money.
func sizeNumber(schema *yaml.Node) {
	if typ := member(schema, "type"); typ != nil && typ.Value == "number" && member(schema, "format") == nil {
		schema.Content = append(schema.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "format"}, &yaml.Node{Kind: yaml.ScalarNode, Value: "double"})
	}
}

// openObject says of an object of which nothing is said that it may have any members: generators take it for one without any.
func openObject(schema *yaml.Node) {
	typ := member(schema, "type")
	if typ == nil || !isObject(typ) && !slices.ContainsFunc(typ.Content, isObject) {
		return
	}
	for _, name := range []string{"properties", "additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref"} {
		if member(schema, name) != nil {
			return
		}
	}
	schema.Content = append(schema.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "additionalProperties"}, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
}

func isObject(typ *yaml.Node) bool { return typ.Value == "object" }

// typeOf has the type that a member of a schema is about.
var typeOf = map[string]string{
	"minLength": "string", "maxLength": "string", "pattern": "string",
	"items": "array", "minItems": "array", "maxItems": "array", "uniqueItems": "array",
	"properties": "object", "additionalProperties": "object", "required": "object",
	"minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number", "multipleOf": "number",
}

func ofSeveralTypes(list *yaml.Node) bool {
	if list.Kind != yaml.SequenceNode {
		return false
	}
	some := 0
	for _, typ := range list.Content {
		if !slices.Contains(types, typ.Value) {
			return false
		}
		if typ.Value != "null" {
			some++
		}
	}
	return some > 1
}
