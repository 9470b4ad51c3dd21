package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

type object = map[string]any

// left out are the pages and scripts of browsers, and what is called by them.
var leftOut = []string{"service", "tracking", "portal", "forms"}

const idempotencyKey = "Idempotency-Key"

var methods = []string{"get", "put", "post", "delete", "patch"}

// operation is an operation of the document.
type operation struct {
	path, method string
	object
}

func (o operation) id() string { id, _ := o.object["operationId"].(string); return id }

func operations(d object) (all []operation) {
	paths, _ := d["paths"].(object)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item, _ := paths[path].(object)
		for _, method := range methods {
			if o, is := item[method].(object); is {
				all = append(all, operation{path, method, o})
			}
		}
	}
	return all
}

// trim leaves what programs call: each operation once, with its body in JSON where it has one, and with its answers of success in JSON.
// The errors are one type in each client, so that they need none of their own for each operation.
func trim(d object) error {
	paths, _ := d["paths"].(object)
	for _, o := range operations(d) {
		summary, _ := o.object["summary"].(string)
		if tags, _ := o.object["tags"].([]any); slices.ContainsFunc(tags, func(tag any) bool { return slices.Contains(leftOut, fmt.Sprint(tag)) }) ||
			strings.HasPrefix(summary, "The same as ") || !answersJSON(d, o) {
			delete(paths[o.path].(object), o.method)
			continue
		}
		item, _ := paths[o.path].(object)
		shared, _ := item["parameters"].([]any)
		own, _ := o.object["parameters"].([]any)
		o.object["parameters"] = slices.DeleteFunc(slices.Concat(shared, own), func(p any) bool {
			at, _ := resolve(d, p)["name"].(string)
			return at == "traceparent"
		})
		if body, is := o.object["requestBody"].(object); is {
			body = resolve(d, body)
			o.object["requestBody"] = body
			onlyJSON(body)
		}
		if err := oneAnswer(d, o); err != nil {
			return err
		}
	}
	for path, item := range paths {
		maps.DeleteFunc(item.(object), func(member string, _ any) bool { return !slices.Contains(methods, member) })
		if len(item.(object)) == 0 {
			delete(paths, path)
		}
	}
	return nil
}

// resolve returns what a reference stands for.
func resolve(d object, of any) object {
	o, _ := of.(object)
	reference, is := o["$ref"].(string)
	if !is {
		return o
	}
	at := d
	for part := range strings.SplitSeq(strings.TrimPrefix(reference, "#/"), "/") {
		at, _ = at[part].(object)
	}
	return resolve(d, at)
}

func content(d object, of any) object {
	c, _ := resolve(d, of)["content"].(object)
	return c
}

// answersJSON keeps the answers of success, and reports whether one of them is in JSON or has no body.
func answersJSON(d object, o operation) bool {
	answers, _ := o.object["responses"].(object)
	for status, answer := range answers {
		c := content(d, answer)
		switch _, json := c["application/json"]; {
		case status[0] != '2', c != nil && !json:
			delete(answers, status)
		default:
			kept := maps.Clone(resolve(d, answer))
			delete(kept, "headers")
			onlyJSON(kept)
			answers[status] = kept
		}
	}
	return len(answers) > 0
}

func onlyJSON(of object) {
	if c, _ := of["content"].(object); c["application/json"] != nil {
		media, _ := c["application/json"].(object)
		of["content"] = object{"application/json": object{"schema": media["schema"]}}
	}
}

// oneAnswer leaves of an answer that is a list, or the one thing that the query names, the list: the thing has an operation of its own.
func oneAnswer(d object, o operation) error {
	answers, _ := o.object["responses"].(object)
	for _, answer := range answers {
		media, _ := content(d, answer)["application/json"].(object)
		schema, _ := media["schema"].(object)
		choices, _ := schema["anyOf"].([]any)
		if choices == nil {
			continue
		}
		if len(choices) != 2 || !isList(d, choices[0]) {
			return fmt.Errorf("%s answers one of several things, of which the first is no list", o.id())
		}
		media["schema"] = choices[0]
		parameters, _ := o.object["parameters"].([]any)
		o.object["parameters"] = slices.DeleteFunc(parameters, func(p any) bool {
			name, _ := resolve(d, p)["name"].(string)
			return slices.Contains([]string{"id", "key", "email"}, name)
		})
	}
	return nil
}

func isList(d object, schema any) bool {
	members, _ := resolve(d, schema)["properties"].(object)
	return members["data"] != nil && members["links"] != nil
}

// visit calls f for every object in a document.
func visit(of any, f func(object)) {
	switch of := of.(type) {
	case object:
		f(of)
		for _, inner := range of {
			visit(inner, f)
		}
	case []any:
		for _, inner := range of {
			visit(inner, f)
		}
	}
}

// simplify says in one way what the server takes in several, since a typed client needs one: an id is a string, though numbers are taken
// too. In Go, amounts are the text that they are in JSON, because floating point would change them.
func simplify(of object) {
	visit(of, func(s object) {
		if choices, is := s["oneOf"].([]any); is {
			delete(s, "oneOf")
			switch types := scalars(choices); {
			case types == nil:
				s["x-go-type"] = "any"
			case slices.Contains(types, "boolean"):
				s["type"] = "boolean"
			default:
				s["type"] = "string"
			}
		}
		if choices, is := s["anyOf"].([]any); is && !slices.ContainsFunc(choices, saysType) {
			delete(s, "anyOf")
		}
		if s["type"] == "string" && s["format"] != "date-time" {
			delete(s, "format")
		}
	})
	visit(of, func(s object) {
		if s["type"] == "number" {
			delete(s, "format")
			s["x-go-type"] = "json.Number"
		}
	})
}

func saysType(schema any) bool {
	s, _ := schema.(object)
	return s["type"] != nil || s["$ref"] != nil
}

// named gives every body and every answer of a trimmed document a schema with a name, and takes Idempotency-Key out of the parameters:
// the client sends it by itself.
func named(d object) error {
	schemas, _ := d["components"].(object)["schemas"].(object)
	name := func(of object, as string) error {
		c, _ := of["content"].(object)
		media, _ := c["application/json"].(object)
		schema, _ := media["schema"].(object)
		if schema == nil || schema["$ref"] != nil {
			return nil
		}
		if schemas[as] != nil {
			return fmt.Errorf("there is a schema %s already", as)
		}
		schemas[as] = schema
		media["schema"] = object{"$ref": "#/components/schemas/" + as}
		return nil
	}
	for _, o := range operations(d) {
		title := strings.ToUpper(o.id()[:1]) + o.id()[1:]
		parameters, _ := o.object["parameters"].([]any)
		o.object["parameters"] = slices.DeleteFunc(parameters, func(p any) bool { return resolve(d, p)["name"] == idempotencyKey })
		if body, is := o.object["requestBody"].(object); is {
			if err := name(body, title+"Body"); err != nil {
				return err
			}
		}
		answers, _ := o.object["responses"].(object)
		for _, answer := range answers {
			if err := name(answer.(object), title+"Result"); err != nil {
				return err
			}
		}
	}
	event, _ := schemas["CloudEvent"].(object)["properties"].(object)
	event["data"] = object{"type": "object", "x-go-type": "json.RawMessage"}
	return nil
}

// scalars returns the types of choices, or nil when one of them is neither text, nor number, nor truth.
func scalars(choices []any) (types []string) {
	for _, choice := range choices {
		c, _ := choice.(object)
		kind, _ := c["type"].(string)
		switch kind {
		case "string", "number", "boolean", "null":
			types = append(types, kind)
		default:
			return nil
		}
	}
	return types
}
