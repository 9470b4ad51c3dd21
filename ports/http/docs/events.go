package docshttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
)

// eventsHTML is the catalogue of events.
var eventsHTML = template.Must(template.ParseFS(files, "pages/events.html"))

// shownType is a type of events on the page.
type shownType struct {
	Name, Description string
	Members           []shownMember
	Schema, Example   string // as JSON
}

// shownMember is a member of the data of an event. Name is its path, such as sales[].price.
type shownMember struct {
	Name, Type, Description string
	Optional                bool
}

// events returns the page of all types of events: when each happens, its members, its schema and an example.
func (d Documents) events(style string) ([]byte, error) {
	var types []shownType
	for _, typ := range d.Catalogue.Types() {
		shown, err := d.shown(typ)
		if err != nil {
			return nil, fmt.Errorf("the event %s: %w", typ, err)
		}
		types = append(types, shown)
	}
	var content, whole bytes.Buffer
	if err := eventsHTML.Execute(&content, types); err != nil {
		return nil, err
	}
	err := frame(&whole, "Events", style, content.String())
	return whole.Bytes(), err
}

func (d Documents) shown(typ string) (shownType, error) {
	definition, ok := d.Catalogue.Definition(typ)
	if !ok {
		return shownType{}, errors.New("it has no definition")
	}
	var schema, example bytes.Buffer
	if err := json.Indent(&schema, definition.Schema, "", "  "); err != nil {
		return shownType{}, err
	}
	event, ok := d.Catalogue.Golden(typ)
	if !ok {
		event = definition.Example
	}
	if len(event) > 0 {
		if err := json.Indent(&example, event, "", "  "); err != nil {
			return shownType{}, err
		}
	}
	var data member
	if err := json.Unmarshal(definition.Schema, &data); err != nil {
		return shownType{}, err
	}
	return shownType{
		Name: typ, Description: definition.Description, Members: data.members("", nil),
		Schema: strings.TrimSpace(schema.String()), Example: strings.TrimSpace(example.String()),
	}, nil
}

// member is what the page shows of a JSON Schema. What a team's schema has besides is in the schema itself.
type member struct {
	Description string             `json:"description"`
	Type        any                `json:"type"`
	Format      string             `json:"format"`
	Items       *member            `json:"items"`
	Properties  map[string]*member `json:"properties"`
	Required    []string           `json:"required"`
}

// members appends the members of an object, and below each those that it has itself.
func (m *member) members(at string, all []shownMember) []shownMember {
	for _, name := range slices.Sorted(maps.Keys(m.Properties)) {
		p := m.Properties[name]
		if p == nil {
			continue
		}
		shown := shownMember{Name: at + name, Type: p.kind(), Description: p.Description, Optional: !slices.Contains(m.Required, name)}
		all = append(all, shown)
		below, inner := at+name+".", p
		if p.Items != nil {
			below, inner = at+name+"[].", p.Items
		}
		all = inner.members(below, all)
	}
	return all
}

// kind is the type of a member: "string", "date-time", "number or null".
func (m *member) kind() string {
	if m.Format != "" {
		return m.Format
	}
	switch t := m.Type.(type) {
	case string:
		return t
	case []any:
		names := make([]string, len(t))
		for i, name := range t {
			names[i] = fmt.Sprint(name)
		}
		return strings.Join(names, " or ")
	}
	return ""
}
