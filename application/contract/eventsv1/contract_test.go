package eventsv1

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/assert/yaml"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write schemas, asyncapi.yaml and missing golden files")

// node is the part of JSON Schema that contracts use.
type node struct {
	Schema      string           `json:"$schema,omitempty"`
	Title       string           `json:"title,omitempty"`
	Description string           `json:"description,omitempty"`
	Type        string           `json:"type"`
	Format      string           `json:"format,omitempty"`
	Items       *node            `json:"items,omitempty"`
	Properties  map[string]*node `json:"properties,omitempty"`
	Required    []string         `json:"required,omitempty"`
	Additional  json.RawMessage  `json:"additionalProperties,omitempty"` // true, or the schema of members without a name here
}

// TestGenerated holds schemas, golden files and asyncapi.yaml against the structs. With -update it writes them, but never
// over a golden file and never a schema that breaks the contract.
func TestGenerated(t *testing.T) {
	t.Parallel()
	docs := docsOfPackage(t)
	for _, e := range events {
		schema := schemaOf(reflect.TypeOf(e), docs)
		schema.Schema, schema.Title = "https://json-schema.org/draft/2020-12/schema", e.Type()
		path := filepath.Join("schemas", e.Type()+".json")
		if committed, err := os.ReadFile(path); err == nil {
			var old node
			require.NoError(t, json.Unmarshal(committed, &old), path)
			require.Empty(t, breaks("", &old, schema), "%s: this breaks the contract of version 1", e.Type())
		}
		encoded, err := json.MarshalIndent(schema, "", "  ")
		require.NoError(t, err)
		current(t, path, append(encoded, '\n'))

		golden := filepath.Join("golden", e.Type()+".json")
		if _, err := os.Stat(golden); os.IsNotExist(err) && *update {
			require.NoError(t, os.WriteFile(golden, example(t, e), 0o644))
		}
	}
	current(t, "asyncapi.yaml", asyncAPIOf(docs))
	page := filepath.Join("..", "..", "..", "docs", "events.md")
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	const begin, end = "<!-- types -->\n", "<!-- /types -->\n"
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok, "%s has no line %q", page, begin)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "%s has no line %q", page, end)
	current(t, page, []byte(before+begin+tableOfTypes()+end+after))
}

// tableOfTypes lists all types, those about one thing in a row.
func tableOfTypes() string {
	var b strings.Builder
	b.WriteString("| about | types (each ends in `.v1`) |\n|---|---|")
	last := ""
	for _, e := range events {
		name := strings.TrimSuffix(e.Type(), ".v1")
		if about, _, _ := strings.Cut(name, "."); about != last {
			if last != "" {
				b.WriteString(" |")
			}
			b.WriteString("\n| " + about + "s |")
			last = about
		}
		b.WriteString(" `" + name + "`")
	}
	b.WriteString(" |\n")
	return b.String()
}

// TestFilesBelongToTypes fails when a type is taken out of the contract while its files are still there.
func TestFilesBelongToTypes(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"schemas", "golden"} {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		require.NoError(t, err)
		var got []string
		for _, f := range files {
			got = append(got, strings.TrimSuffix(filepath.Base(f), ".json"))
		}
		assert.ElementsMatch(t, Types(), got, dir)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	c := own(t)
	assert.Equal(t, Types(), c.Types())
	seen := map[string]bool{}
	for _, typ := range Types() {
		assert.False(t, seen[typ], typ)
		seen[typ] = true
		assert.True(t, c.IsPublic(typ))
		schema, ok := c.Schema(typ)
		assert.True(t, ok, typ)
		assert.True(t, json.Valid(schema))
	}
	assert.False(t, c.IsPublic("seller.created.v1"))
	_, ok := c.Schema("../value")
	assert.False(t, ok)
	Types()[0] = "changed"
	assert.NotEqual(t, "changed", Types()[0])
}

func own(t *testing.T) *Catalogue {
	t.Helper()
	c, err := NewCatalogue()
	require.NoError(t, err)
	return c
}

// TestGoldenIsReproduced fails when a member is removed, renamed, retyped, moved or encoded in another way.
func TestGoldenIsReproduced(t *testing.T) {
	t.Parallel()
	for _, e := range events {
		golden := readGolden(t, e.Type())
		var envelope Envelope
		require.NoError(t, strict(golden, &envelope), e.Type())
		assert.Equal(t, e.Type(), envelope.Type)
		data := reflect.New(reflect.TypeOf(e))
		require.NoError(t, strict(envelope.Data, data.Interface()), e.Type())
		encoded, err := json.Marshal(data.Interface())
		require.NoError(t, err)
		envelope.Data = encoded
		assert.Equal(t, string(golden), indent(t, envelope.AppendJSON(nil)), e.Type())
	}
}

// TestGoldenMatchesSchema validates each golden event, and one with every member, against its data schema and, as a whole,
// against its message in asyncapi.yaml, whose references are resolved on the way.
func TestGoldenMatchesSchema(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	const base = "https://leads.example.com/"
	require.NoError(t, c.AddResource(base+"asyncapi.yaml", parseAsyncAPI(t)))
	for _, typ := range Types() {
		schema, _ := own(t).Schema(typ)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
		require.NoError(t, err)
		require.NoError(t, c.AddResource(SchemaURL(base, typ), doc))
	}
	for _, e := range events {
		typ := e.Type()
		schema := c.MustCompile(SchemaURL(base, typ))
		message := c.MustCompile(base + "asyncapi.yaml#/components/messages/" + typ + "/payload")
		golden, err := jsonschema.UnmarshalJSON(bytes.NewReader(readGolden(t, typ)))
		require.NoError(t, err)
		require.NoError(t, message.Validate(golden), typ)

		full, err := jsonschema.UnmarshalJSON(bytes.NewReader(example(t, e)))
		require.NoError(t, err)
		data := full.(map[string]any)["data"].(map[string]any)
		require.NoError(t, message.Validate(full), typ)
		require.ElementsMatch(t, slices.Collect(maps.Keys(schema.Properties)), slices.Collect(maps.Keys(data)), typ)
		data["added_later"] = true
		require.NoError(t, schema.Validate(data), "members may be added")
		for member := range schema.Properties {
			old := data[member]
			delete(data, member)
			missing := slices.Contains(schema.Required, member)
			require.Equal(t, missing, schema.Validate(data) != nil, "%s without %s", typ, member)
			require.Equal(t, missing, message.Validate(full) != nil, "%s without %s", typ, member)
			data[member] = map[string]any{"other": 1}
			require.Error(t, schema.Validate(data), "%s with another type of %s", typ, member)
			data[member] = old
		}
	}
}

// TestOptionalMembers fixes which members may be absent: each says when it is.
func TestOptionalMembers(t *testing.T) {
	t.Parallel()
	got := map[string][]string{}
	for _, e := range events {
		schema, _ := own(t).Schema(e.Type())
		var n node
		require.NoError(t, json.Unmarshal(schema, &n))
		for member, m := range n.Properties {
			if !slices.Contains(n.Required, member) {
				assert.Contains(t, m.Description, "; absent ", "%s does not say when %s is absent", e.Type(), member)
				got[e.Type()] = append(got[e.Type()], member)
			}
		}
	}
	for _, members := range got {
		slices.Sort(members)
	}
	assert.Equal(t, map[string][]string{
		"partner.created.v1":    {"referring_partner_id"},
		"partner.updated.v1":    {"referring_partner_id"},
		"lead.submitted.v1":     {"dimensions", "number"},
		"lead.pending.v1":       {"dimensions"},
		"lead.sold.v1":          {"dimensions"},
		"lead.duplicate.v1":     {"dimensions"},
		"lead.rejected.v1":      {"dimensions"},
		"lead.unsold.v1":        {"dimensions"},
		"lead.quarantined.v1":   {"dimensions"},
		"lead.converted.v1":     {"commission_transaction_amount"},
		"lead.returned.v1":      {"dimensions"},
		"lead.price_changed.v1": {"dimensions", "previous_price", "price"},
		"return.requested.v1":   {"dimensions"},
		"sale.released.v1":      {"dimensions"},
		"return.approved.v1":    {"dimensions"},
		"return.rejected.v1":    {"dimensions"},
	}, got)
}

// TestBreaksAreFound plants every kind of change that must be refused.
func TestBreaksAreFound(t *testing.T) {
	t.Parallel()
	parse := func(s string) *node {
		n := &node{}
		require.NoError(t, json.Unmarshal([]byte(s), n))
		return n
	}
	old := parse(`{"type":"object","required":["a"],"properties":{"a":{"type":"string","format":"date-time"},
		"m":{"type":"object","additionalProperties":{"type":"string"}},
		"l":{"type":"array","items":{"type":"object","required":["x"],"properties":{"x":{"type":"number"}}}}}}`)
	assert.Empty(t, breaks("", old, old))
	assert.Empty(t, breaks("", old, parse(`{"type":"object","required":["a","b"],"properties":{
		"m":{"type":"object","additionalProperties": { "type": "string" }},
		"a":{"type":"string","format":"date-time"},"b":{"type":"integer"},
		"l":{"type":"array","items":{"type":"object","required":["x"],"properties":{"x":{"type":"number"}}}}}}`)))
	for name, s := range map[string]string{
		"removed": `{"type":"object","required":["a"],"properties":{"m":{"type":"object","additionalProperties":{"type":"string"}},"a":{"type":"string","format":"date-time"}}}`,
		"retyped": `{"type":"object","required":["a"],"properties":{"m":{"type":"object","additionalProperties":{"type":"string"}},"a":{"type":"number","format":"date-time"},
			"l":{"type":"array","items":{"type":"object","required":["x"],"properties":{"x":{"type":"number"}}}}}}`,
		"another format": `{"type":"object","required":["a"],"properties":{"m":{"type":"object","additionalProperties":{"type":"string"}},"a":{"type":"string"},
			"l":{"type":"array","items":{"type":"object","required":["x"],"properties":{"x":{"type":"number"}}}}}}`,
		"no longer required": `{"type":"object","properties":{"m":{"type":"object","additionalProperties":{"type":"string"}},"a":{"type":"string","format":"date-time"},
			"l":{"type":"array","items":{"type":"object","required":["x"],"properties":{"x":{"type":"number"}}}}}}`,
		"removed deep": `{"type":"object","required":["a"],"properties":{"m":{"type":"object","additionalProperties":{"type":"string"}},"a":{"type":"string","format":"date-time"},
			"l":{"type":"array","items":{"type":"object"}}}}`,
		"retyped deep": `{"type":"object","required":["a"],"properties":{"m":{"type":"object","additionalProperties":{"type":"string"}},"a":{"type":"string","format":"date-time"},
			"l":{"type":"array","items":{"type":"object","required":["x"],"properties":{"x":{"type":"string"}}}}}}`,
		"another type of members without a name": `{"type":"object","required":["a"],"properties":{"a":{"type":"string","format":"date-time"},
			"m":{"type":"object","additionalProperties":{"type":"number"}},
			"l":{"type":"array","items":{"type":"object","required":["x"],"properties":{"x":{"type":"number"}}}}}}`,
	} {
		assert.NotEmpty(t, breaks("", old, parse(s)), name)
	}
}

func TestAsyncAPIListsExactlyTheTypes(t *testing.T) {
	t.Parallel()
	doc := parseAsyncAPI(t).(map[string]any)
	assert.Equal(t, "3.0.0", doc["asyncapi"])
	components := doc["components"].(map[string]any)
	messages := components["messages"].(map[string]any)
	assert.ElementsMatch(t, Types(), slices.Collect(maps.Keys(messages)))
	channels := doc["channels"].(map[string]any)
	assert.Len(t, channels, 2)
	for _, channel := range channels {
		listed := channel.(map[string]any)["messages"].(map[string]any)
		assert.ElementsMatch(t, Types(), slices.Collect(maps.Keys(listed)))
		for typ, m := range listed {
			assert.Equal(t, map[string]any{"$ref": "#/components/messages/" + typ}, m)
		}
	}
}

// personal is what no member of an event may be about.
var personal = []string{
	"email", "phone", "name", "surname", "address", "street", "city", "zip", "birth", "gender", "ip", "user",
	"password", "secret", "iban", "card", "note", "fields",
}

func personalMembers(members []string) []string {
	var found []string
	for _, m := range members {
		for word := range strings.SplitSeq(m, "_") {
			if slices.Contains(personal, word) {
				found = append(found, m)
			}
		}
	}
	return found
}

func TestNoPersonalData(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"email", "first_name"}, personalMembers([]string{"lead_id", "email", "first_name"}))
	for _, typ := range Types() {
		for _, path := range []string{filepath.Join("golden", typ+".json"), filepath.Join("schemas", typ+".json")} {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			var v any
			require.NoError(t, json.Unmarshal(content, &v))
			members := membersOf(v)
			require.Greater(t, len(members), 3)
			assert.Empty(t, personalMembers(members), path)
		}
		assert.NotContains(t, string(readGolden(t, typ)), "@")
	}
}

func membersOf(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			out = append(append(out, name), membersOf(member)...)
		}
	case []any:
		for _, item := range v {
			out = append(out, membersOf(item)...)
		}
	}
	return out
}

// breaks returns how a schema withdraws what an older one promised to readers.
func breaks(at string, old, now *node) []string {
	var out []string
	if old.Type != now.Type || old.Format != now.Format {
		out = append(out, fmt.Sprintf("%s: %s %s became %s %s", at, old.Type, old.Format, now.Type, now.Format))
	}
	for name, member := range old.Properties {
		if now.Properties[name] == nil {
			out = append(out, at+"."+name+": removed")
			continue
		}
		out = append(out, breaks(at+"."+name, member, now.Properties[name])...)
	}
	for _, name := range old.Required {
		if !slices.Contains(now.Required, name) {
			out = append(out, at+"."+name+": no longer always there")
		}
	}
	if a, b := compact(old.Additional), compact(now.Additional); a != b {
		out = append(out, at+": members without a name were "+a+" and are "+b)
	}
	if old.Items != nil && now.Items != nil {
		out = append(out, breaks(at+"[]", old.Items, now.Items)...)
	}
	return out
}

func compact(b json.RawMessage) string {
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return string(b)
	}
	return out.String()
}

// current fails when the file at path does not have the content, or writes it with -update.
func current(t *testing.T, path string, content []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, content, 0o644))
		return
	}
	committed, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(content), string(committed), "%s is not current: run go generate", path)
}

func schemaOf(typ reflect.Type, docs map[string]string) *node {
	switch typ {
	case reflect.TypeFor[Amount]():
		return &node{Type: "number"}
	case reflect.TypeFor[Time]():
		return &node{Type: "string", Format: "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return &node{Type: "object"}
	case reflect.TypeFor[Dimensions]():
		return &node{Type: "object", Additional: json.RawMessage(`{"type":"string"}`)}
	}
	switch typ.Kind() {
	case reflect.String:
		return &node{Type: "string"}
	case reflect.Int64:
		return &node{Type: "integer"}
	case reflect.Bool:
		return &node{Type: "boolean"}
	case reflect.Slice:
		return &node{Type: "array", Items: schemaOf(typ.Elem(), docs)}
	case reflect.Struct:
		n := &node{Type: "object", Description: docs[typ.Name()], Properties: map[string]*node{}, Additional: json.RawMessage("true")}
		for f := range typ.Fields() {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			member := schemaOf(f.Type, docs)
			member.Description = docs[typ.Name()+"."+f.Name]
			n.Properties[name] = member
			if options != "omitempty" {
				n.Required = append(n.Required, name)
			}
		}
		return n
	default:
		panic("no schema for " + typ.String())
	}
}

// docsOfPackage returns the comments of the package's structs and their fields, which become descriptions.
func docsOfPackage(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	docs := map[string]string{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range f.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok || general.Tok != token.TYPE {
				continue
			}
			for _, spec := range general.Specs {
				s, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				fields, ok := s.Type.(*ast.StructType)
				if !ok {
					continue
				}
				text := strings.Join(strings.Fields(general.Doc.Text()), " ")
				if _, what, found := strings.Cut(text, ".v1: "); found {
					text = what
				}
				docs[s.Name.Name] = sentence(strings.TrimPrefix(text, s.Name.Name+" is "))
				for _, field := range fields.Fields.List {
					for _, name := range field.Names {
						docs[s.Name.Name+"."+name.Name] = sentence(strings.TrimSpace(field.Comment.Text()))
					}
				}
			}
		}
	}
	return docs
}

func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

func asyncAPIOf(docs map[string]string) []byte {
	var b strings.Builder
	b.WriteString(`# Code generated by go generate; DO NOT EDIT.
asyncapi: 3.0.0
info:
  title: Leadmill events
  version: 1.0.0
  description: >-
    The public events of Leadmill, as CloudEvents 1.0 in structured JSON. Inside a major version members are only added:
    ignore what you do not know. Events hold ids and facts, never personal data.
defaultContentType: application/cloudevents+json
channels:
  events:
    address: /v1/events
    title: The log of one seller's events
    description: Read with GET and the key of the seller, in the order of the log, from any position.
    messages:
`)
	for _, e := range events {
		b.Write(appendChannelMessage(nil, e.Type()))
	}
	b.WriteString(`  stream:
    address: /v1/events/stream
    title: The same as it happens
    description: >-
      Server-sent events: the data of each is one event, its id the log and the position. Read with GET and the key of the
      seller, from the end of the log on or, with the id as Last-Event-ID, from where the connection was lost.
    messages:
`)
	for _, e := range events {
		b.Write(appendChannelMessage(nil, e.Type()))
	}
	b.WriteString(`operations:
  publishEvents:
    action: send
    channel:
      $ref: '#/channels/events'
    security:
      - $ref: '#/components/securitySchemes/program'
      - $ref: '#/components/securitySchemes/events'
  streamEvents:
    action: send
    channel:
      $ref: '#/channels/stream'
    security:
      - $ref: '#/components/securitySchemes/program'
      - $ref: '#/components/securitySchemes/events'
components:
  securitySchemes:
    program:
      type: http
      scheme: bearer
      description: A program key of the seller
    events:
      type: http
      scheme: bearer
      description: A key of the scope events, which reads events and nothing else
  messages:
`)
	for _, e := range events {
		b.Write(appendMessage(nil, e.Type(), docs[reflect.TypeOf(e).Name()]))
	}
	b.WriteString("  schemas:\n    envelope:\n")
	writeYAML(&b, "      ", schemaOf(reflect.TypeFor[Envelope](), docs))
	for _, e := range events {
		schema, err := json.Marshal(schemaOf(reflect.TypeOf(e), docs))
		if err != nil {
			panic(err) // a tree of structs and texts cannot fail
		}
		b.Write(appendSchema(nil, e.Type(), schema))
	}
	return []byte(b.String())
}

func writeYAML(b *strings.Builder, indent string, n *node) {
	fmt.Fprintf(b, "%stype: %s\n", indent, n.Type)
	if n.Format != "" {
		fmt.Fprintf(b, "%sformat: %s\n", indent, n.Format)
	}
	if n.Description != "" {
		fmt.Fprintf(b, "%sdescription: %q\n", indent, n.Description)
	}
	if len(n.Required) > 0 {
		fmt.Fprintf(b, "%srequired: [%s]\n", indent, strings.Join(n.Required, ", "))
	}
	if len(n.Properties) > 0 {
		fmt.Fprintf(b, "%sproperties:\n", indent)
		for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
			fmt.Fprintf(b, "%s  %s:\n", indent, name)
			writeYAML(b, indent+"    ", n.Properties[name])
		}
	}
}

func parseAsyncAPI(t *testing.T) any {
	t.Helper()
	var doc any
	require.NoError(t, yaml.Unmarshal(own(t).AsyncAPI(), &doc))
	encoded, err := json.Marshal(doc)
	require.NoError(t, err)
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	require.NoError(t, err)
	return parsed
}

func readGolden(t *testing.T, typ string) []byte {
	t.Helper()
	golden, err := os.ReadFile(filepath.Join("golden", typ+".json"))
	require.NoError(t, err)
	return golden
}

func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

func indent(t *testing.T, b []byte) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Indent(&out, b, "", "  "))
	return out.String() + "\n"
}

// samples are the values of members in new golden files.
var samples = map[string]string{
	"lead_id": "lead_01JT8Z3Q5V0000000000000000", "campaign_id": "campaign_01JT8Z3Q5V0000000000000000",
	"contract_id": "contract_01JT8Z3Q5V0000000000000000", "buyer_id": "buyer_01JT8Z3Q5V0000000000000000",
	"sale_id": "sale_01JT8Z3Q5V0000000000000000", "entry_id": "entry_01JT8Z3Q5V0000000000000000",
	"partner_id": "partner_123", "referring_partner_id": "partner_7", "referral_key": "partner123", "origin": "supplier",
	"category": "Auto Insurance", "seller_code": "ACME1234", "status": "active", "previous_status": "received",
	"currency": "USD", "code": "duplicate_lead", "customer_id": "customer_01JT8Z3Q5V0000000000000000", "customer_key": "9X2KQ7LM4TZA",
	"previous_partner_id": "partner_7", "policy": "link", "return_id": "return_01JT8Z3Q5V0000000000000000", "reason": "invalid_contact",
	"delivery_id": "delivery_01JT8Z3Q5V0000000000000000", "SaleDeliveryFailed.reason": "timeout", "SaleReleased.reason": "buyer_rejected",
}

func example(t *testing.T, e Event) []byte {
	t.Helper()
	v := reflect.New(reflect.TypeOf(e)).Elem()
	fill(t, v)
	data, err := json.Marshal(v.Interface())
	require.NoError(t, err)
	return []byte(indent(t, NewEnvelope(Occurrence{
		ID: "evt_01JT8Z3Q5V0000000000000001", SellerCode: "ACME1234", Type: e.Type(),
		Subject: v.Field(0).String(), Time: moment, Data: data, Position: 42, AggregateVersion: 2,
		CorrelationID: "req_01JT8Z3Q5V0000000000000002", CausationID: "req_01JT8Z3Q5V0000000000000003",
		Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", BaseURL: "https://leads.example.com",
	}).AppendJSON(nil)))
}

var moment = time.Date(2025, 5, 2, 16, 12, 39, 0, time.UTC)

func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	for f, member := range v.Fields() {
		switch p := member.Addr().Interface().(type) {
		case *Amount:
			*p = "45.00"
		case *Time:
			p.Time = moment
		case *Dimensions:
			*p = Dimensions{{"plan", "family"}, {"state", "TX"}}
		case *[]Sale:
			*p = make([]Sale, 1)
			fill(t, reflect.ValueOf(*p).Index(0))
		case *int64:
			*p = 7
		case *bool:
			*p = true
		case *string:
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if own := v.Type().Name() + "." + name; samples[own] != "" {
				name = own
			}
			require.Contains(t, samples, name, "give a sample of the new member")
			*p = samples[name]
		}
	}
}
