package eventsv1

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Definition describes a type of events: what readers are told of it.
type Definition struct {
	// Type is the name on the wire. That of a team's event is x.<module>.<name>.v<N>, such as x.acme.lead_scored.v1: at
	// most 64 bytes; module and name are of a-z, 0-9 and underscore and begin with a letter, N counts from 1.
	Type string
	// Description is a sentence on what happened. It is in the AsyncAPI document.
	Description string
	// Schema is the JSON Schema (2020-12) of the event's data, which is an object.
	Schema []byte
	// Example is the data of one such event, as JSON. It may be missing.
	Example []byte
}

// Catalogue is all types of public events of an installation: Leadmill's own and those of teams. Use NewCatalogue.
type Catalogue struct {
	types    []string
	own      map[string]bool
	teams    map[string]Definition
	asyncAPI []byte
}

// NewCatalogue returns Leadmill's own types together with those of teams. Each error names the type: a malformed name, a
// schema that is missing, malformed or not of an object, an example that is no JSON object, a type that is defined twice.
func NewCatalogue(more ...Definition) (*Catalogue, error) {
	c := &Catalogue{types: Types(), own: map[string]bool{}, teams: map[string]Definition{}, asyncAPI: asyncAPI}
	for _, typ := range c.types {
		c.own[typ] = true
	}
	var errs []error
	for _, d := range more {
		err := d.check()
		if _, twice := c.teams[d.Type]; err == nil && twice {
			err = errors.New("two definitions have this type")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("event type %q: %w", d.Type, err))
			continue
		}
		c.teams[d.Type] = d
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if len(c.teams) > 0 {
		added := slices.SortedFunc(maps.Values(c.teams), func(a, b Definition) int { return cmp.Compare(a.Type, b.Type) })
		for _, d := range added {
			c.types = append(c.types, d.Type)
		}
		c.asyncAPI = listed(asyncAPI, added)
	}
	return c, nil
}

const maxType = 64

var teamType = regexp.MustCompile(`^x\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\.v[1-9][0-9]*$`)

// check says what is wrong with the definition of a team.
func (d Definition) check() error {
	if slices.Contains(types, d.Type) {
		return errors.New("is one of Leadmill's own")
	}
	if !teamType.MatchString(d.Type) || len(d.Type) > maxType {
		return errors.New("is not of the form x.<module>.<name>.v<N>, such as x.acme.lead_scored.v1, of at most 64 bytes")
	}
	if len(d.Schema) == 0 {
		return errors.New("has no JSON Schema")
	}
	var schema struct {
		Type json.RawMessage `json:"type"`
	}
	if err := object(d.Schema, &schema); err != nil {
		return fmt.Errorf("its JSON Schema %w", err)
	}
	if string(schema.Type) != `"object"` {
		return errors.New(`its JSON Schema must say "type": "object", because the data of an event is an object`)
	}
	if len(d.Example) > 0 {
		if err := object(d.Example, &struct{}{}); err != nil {
			return fmt.Errorf("its example %w", err)
		}
	}
	return nil
}

// object reads a JSON object into a struct.
func object(data []byte, into any) error {
	if !json.Valid(data) {
		return errors.New("is not valid JSON")
	}
	if bytes.TrimSpace(data)[0] != '{' {
		return errors.New("is not a JSON object")
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("is malformed: %w", err)
	}
	return nil
}

// Types returns the names of all types: Leadmill's own in the order of the documentation, then those of teams by name.
func (c *Catalogue) Types() []string { return slices.Clone(c.types) }

// IsPublic reports whether typ is in the catalogue.
func (c *Catalogue) IsPublic(typ string) bool {
	_, ofTeam := c.teams[typ]
	return ofTeam || c.own[typ]
}

// Schema returns the JSON Schema (2020-12) of the data of a type; ok is false for a type that is not in the catalogue.
func (c *Catalogue) Schema(typ string) (schema []byte, ok bool) {
	if d, ofTeam := c.teams[typ]; ofTeam {
		return slices.Clone(d.Schema), true
	}
	if !c.own[typ] {
		return nil, false
	}
	schema, err := schemas.ReadFile("schemas/" + typ + ".json")
	return schema, err == nil
}

//go:embed golden/*.json
var golden embed.FS

// Definition returns the definition of a type; ok is false for a type that is not in the catalogue.
func (c *Catalogue) Definition(typ string) (d Definition, ok bool) {
	if d, ofTeam := c.teams[typ]; ofTeam {
		d.Schema, d.Example = slices.Clone(d.Schema), slices.Clone(d.Example)
		return d, true
	}
	schema, ok := c.Schema(typ)
	if !ok {
		return Definition{}, false
	}
	event, err := golden.ReadFile("golden/" + typ + ".json")
	if err != nil {
		return Definition{}, false
	}
	var about struct {
		Description string `json:"description"`
	}
	var example struct {
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(schema, &about) != nil || json.Unmarshal(event, &example) != nil {
		return Definition{}, false
	}
	return Definition{Type: typ, Description: about.Description, Schema: schema, Example: example.Data}, true
}

// Golden returns an event of a type as readers get it, in JSON: the committed example, which never changes. ok is false for a type of a team,
// whose Definition may have the data of one, and for a type that is not in the catalogue.
func (c *Catalogue) Golden(typ string) (event []byte, ok bool) {
	if !c.own[typ] {
		return nil, false
	}
	event, err := golden.ReadFile("golden/" + typ + ".json")
	return event, err == nil
}

// AsyncAPI returns the AsyncAPI 3 document that lists all types with their schemas, in YAML. It refers to nothing outside itself.
func (c *Catalogue) AsyncAPI() []byte { return slices.Clone(c.asyncAPI) }

// The lines of the AsyncAPI document before which messages are added: to the channels, and to the components.
const (
	afterFeed     = "  stream:\n    address:"
	afterStream   = "operations:\n"
	afterMessages = "  schemas:\n    envelope:\n"
)

// listed adds types to an AsyncAPI document, behind those that it has. Its last member is the schemas.
func listed(document []byte, added []Definition) []byte {
	var channel, messages, data []byte
	for _, d := range added {
		channel = appendChannelMessage(channel, d.Type)
		messages = appendMessage(messages, d.Type, d.Description)
		data = appendSchema(data, d.Type, d.Schema)
	}
	for _, part := range []struct {
		before string
		text   []byte
	}{{afterFeed, channel}, {afterStream, channel}, {afterMessages, messages}} {
		at := bytes.Index(document, []byte("\n"+part.before)) + 1
		document = slices.Concat(document[:at], part.text, document[at:])
	}
	return append(document, data...)
}

// appendChannelMessage appends a type to the messages of a channel.
func appendChannelMessage(b []byte, typ string) []byte {
	return fmt.Appendf(b, "      %[1]s:\n        $ref: '#/components/messages/%[1]s'\n", typ)
}

// appendMessage appends a type to the messages of the components.
func appendMessage(b []byte, typ, summary string) []byte {
	return fmt.Appendf(b, `    %[1]s:
      name: %[1]s
      title: %[1]s
      summary: %[2]s
      contentType: application/cloudevents+json
      payload:
        allOf:
          - $ref: '#/components/schemas/envelope'
          - type: object
            properties:
              type:
                const: %[1]s
              data:
                $ref: '#/components/schemas/%[1]s'
`, typ, quoted(summary))
}

// appendSchema appends the JSON Schema of a type to the schemas of the components, as JSON, which is YAML too. What it refers to
// inside itself it finds at its place there.
func appendSchema(b []byte, typ string, schema []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber()
	var members map[string]any
	if err := d.Decode(&members); err != nil { // its definition was checked
		members = nil
	}
	delete(members, "$schema")
	delete(members, "$id")
	rebase(members, "#/components/schemas/"+typ)
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("      ", "  ")
	if err := e.Encode(members); err != nil { // what was read can be written
		text.WriteString("{}\n")
	}
	return fmt.Appendf(b, "    %s:\n      %s", typ, text.Bytes())
}

// rebase lets the references of a schema into itself begin at another place.
func rebase(value any, at string) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if ref, is := inner.(string); is && name == "$ref" && (ref == "#" || strings.HasPrefix(ref, "#/")) {
				v[name] = at + ref[1:]
				continue
			}
			rebase(inner, at)
		}
	case []any:
		for _, inner := range v {
			rebase(inner, at)
		}
	}
}

// quoted returns a text as a JSON string, which is a string of YAML too.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // a string cannot fail
		return `""`
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
