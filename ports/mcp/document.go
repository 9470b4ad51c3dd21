package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// object is a mapping of the document, or of JSON.
type object = map[string]any

// document is an OpenAPI document of version 3.1, whose schemas are JSON Schemas.
type document struct {
	Paths      map[string]object `yaml:"paths"`
	Components object            `yaml:"components"`
}

func read(text []byte) (*document, error) {
	var d document
	if err := yaml.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("the OpenAPI document: %w", err)
	}
	return &d, nil
}

// The arguments that are no parameters of an operation.
const (
	bodyArgument = "body"
	keyArgument  = "idempotency_key"
)

// operation is what the document says of a call.
type operation struct {
	id, method, path     string
	summary, description string
	keyed                bool     // it takes an Idempotency-Key
	inPath, inQuery      []string // names of its parameters
	required             []string
	input                object // the JSON Schema of its arguments
}

// names returns the names of all arguments.
func (o *operation) names() []string {
	properties, _ := o.input["properties"].(object)
	return slices.Sorted(maps.Keys(properties))
}

// operation finds an operation by its id.
func (d *document) operation(id string) (*operation, error) {
	for path, item := range d.Paths {
		for method, member := range item {
			found, is := member.(object)
			if !is || found["operationId"] != id {
				continue
			}
			o := &operation{id: id, method: strings.ToUpper(method), path: path}
			o.summary, _ = found["summary"].(string)
			o.description, _ = found["description"].(string)
			shared, _ := item["parameters"].([]any)
			own, _ := found["parameters"].([]any)
			d.describe(o, slices.Concat(shared, own), found["requestBody"])
			return o, nil
		}
	}
	return nil, fmt.Errorf("the OpenAPI document has no operation %s", id)
}

// describe makes the schema of the arguments: the parameters under their names, the body as one argument.
func (d *document) describe(o *operation, parameters []any, body any) {
	properties, definitions := object{}, object{}
	for _, p := range parameters {
		parameter := d.resolve(p)
		name, _ := parameter["name"].(string)
		switch parameter["in"] {
		case "path":
			o.inPath = append(o.inPath, name)
		case "query":
			o.inQuery = append(o.inQuery, name)
		default:
			if name == "Idempotency-Key" {
				o.keyed = true
				properties[keyArgument] = object{"type": "string", "maxLength": 255, "description": "To repeat a call whose outcome is not known: the key that its error told. Else leave it out."}
			}
			continue
		}
		schema, _ := d.within(parameter["schema"], definitions).(object)
		schema = maps.Clone(schema)
		if said := parameter["description"]; said != nil {
			schema["description"] = said
		}
		if example := parameter["example"]; example != nil {
			schema["examples"] = []any{example}
		}
		if properties[name] = schema; parameter["required"] == true {
			o.required = append(o.required, name)
		}
	}
	if content, is := d.resolve(body)["content"].(object); is {
		media, _ := content["application/json"].(object)
		schema := d.within(media["schema"], definitions)
		if example := media["example"]; example != nil {
			schema = object{"allOf": []any{schema}, "examples": []any{example}}
		}
		properties[bodyArgument] = schema
		if d.resolve(body)["required"] == true {
			o.required = append(o.required, bodyArgument)
		}
	}
	o.input = object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(o.required) > 0 {
		o.input["required"] = o.required
	}
	if len(definitions) > 0 {
		o.input["$defs"] = definitions
	}
}

// resolve follows a reference.
func (d *document) resolve(value any) object {
	o, _ := value.(object)
	reference, is := o["$ref"].(string)
	if !is {
		return o
	}
	kind, name, _ := strings.Cut(strings.TrimPrefix(reference, components), "/")
	of, _ := d.Components[kind].(object)
	found, _ := of[name].(object)
	return found
}

const components = "#/components/"

// within returns a schema whose references stay in the schema of a tool: what they name is added to its definitions.
func (d *document) within(value any, definitions object) any {
	switch v := value.(type) {
	case object:
		made := make(object, len(v))
		for name, inner := range v {
			reference, is := inner.(string)
			if name != "$ref" || !is {
				made[name] = d.within(inner, definitions)
				continue
			}
			schema := strings.TrimPrefix(reference, components+"schemas/")
			made[name] = "#/$defs/" + schema
			if _, known := definitions[schema]; !known {
				definitions[schema] = true // also what refers to itself ends
				definitions[schema] = d.within(d.resolve(v), definitions)
			}
		}
		return made
	case []any:
		made := make([]any, len(v))
		for i := range v {
			made[i] = d.within(v[i], definitions)
		}
		return made
	}
	return value
}

// personal are parameters of a query that tell who somebody is. The API reads them in a body too, so that they stand in no address, which
// proxies write down.
var personal = []string{"email", "phone"}

// encode returns the address of a call below the server's, and its body; nil for none.
func (o *operation) encode(given arguments) (path string, body []byte, err error) {
	path = o.path
	for _, name := range o.inPath {
		value := text(given[name])
		if value == "" || value == "." || value == ".." {
			return "", nil, fmt.Errorf("the argument %q names nothing", name)
		}
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	query, hidden := url.Values{}, object{}
	for _, name := range o.inQuery {
		switch value, is := given[name]; {
		case is && o.method == "GET" && slices.Contains(personal, name):
			hidden[name] = text(value)
		case is:
			query.Set(name, text(value))
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	switch {
	case given[bodyArgument] != nil:
		if given[bodyArgument][0] != '{' {
			return "", nil, errors.New(`the argument "body" is no JSON object`)
		}
		return path, given[bodyArgument], nil
	case len(hidden) > 0:
		body, err = json.Marshal(hidden)
	}
	return path, body, err
}
