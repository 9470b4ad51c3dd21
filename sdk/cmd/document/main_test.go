package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const planted = `
openapi: 3.1.0
paths:
  /v1/things:
    parameters: [{$ref: "#/components/parameters/Traceparent"}, {name: id, in: query, schema: {type: string}}, {name: cursor, in: query}]
    get:
      operationId: listThings
      tags: [things]
      summary: List things, or find one
      responses:
        "200": {content: {application/json: {schema: {anyOf: [{$ref: "#/components/schemas/ThingList"}, {$ref: "#/components/schemas/Thing"}]}}}}
        "422": {$ref: "#/components/responses/Invalid"}
    post:
      operationId: createThing
      tags: [things]
      summary: Create a thing
      parameters: [{$ref: "#/components/parameters/IdempotencyKey"}]
      requestBody: {$ref: "#/components/requestBodies/Thing"}
      responses: {"201": {$ref: "#/components/responses/Thing"}}
  /v1/things/{thing_id}/try:
    post:
      operationId: tryThing
      tags: [things]
      summary: Try a thing
      responses: {"204": {description: Done.}}
  /v1/thing: {post: {operationId: createOneThing, tags: [things], summary: The same as POST /v1/things, responses: {"204": {description: Done.}}}}
  /v1/things/stream: {get: {operationId: streamThings, tags: [things], summary: Stream, responses: {"200": {content: {text/event-stream: {schema: {type: string}}}}}}}
  /portal: {get: {operationId: portalPage, tags: [portal], summary: A page, responses: {"204": {description: Done.}}}}
components:
  parameters:
    IdempotencyKey: {name: Idempotency-Key, in: header, schema: {type: string}}
    Traceparent: {name: traceparent, in: header, schema: {type: string}}
  requestBodies:
    Thing: {content: {application/json: {schema: {type: object, properties: {id: {oneOf: [{type: string}, {type: number}]}}}}, text/plain: {schema: {type: string}}}}
  responses:
    Invalid: {content: {application/json: {schema: {type: object}}}}
    Thing: {headers: {Location: {schema: {type: string}}}, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
  schemas:
    Thing: {type: object, properties: {price: {type: number, format: double}, test: {oneOf: [{type: boolean}, {type: string}]}, any: {oneOf: [{type: string}, {type: array}]}}}
    ThingList: {type: object, properties: {data: {type: array, items: {$ref: "#/components/schemas/Thing"}}, links: {type: object}}}
    CloudEvent: {type: object, properties: {data: {type: object}}}
`

func written(t *testing.T, what, document string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "openapi.yaml")
	require.NoError(t, os.WriteFile(file, []byte(document), 0o600))
	b, err := write(what, file)
	return string(b), err
}

func TestClient(t *testing.T) {
	t.Parallel()
	text, err := written(t, "client", planted)
	require.NoError(t, err)
	var d object
	require.NoError(t, json.Unmarshal([]byte(text), &d))
	var ids []string
	for _, o := range operations(d) {
		ids = append(ids, o.id())
	}
	assert.Equal(t, []string{"listThings", "createThing", "tryThing"}, ids, "pages, streams and what is there twice are left out")
	assert.Len(t, d["paths"], 2)
	assert.JSONEq(t, `{"type":"object","properties":{
		"price":{"type":"number","x-go-type":"json.Number"},"test":{"type":"boolean"},"any":{"x-go-type":"any"}}}`, member(t, d, "components", "schemas", "Thing"))
	assert.JSONEq(t, `{"type":"object","properties":{"id":{"type":"string"}}}`, member(t, d, "components", "schemas", "CreateThingBody"))
	assert.JSONEq(t, `{"operationId":"listThings","tags":["things"],"summary":"List things, or find one","parameters":[{"in":"query","name":"cursor"}],
		"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/ThingList"}}}}}}`, member(t, d, "paths", "/v1/things", "get"))
	assert.JSONEq(t, `{"201":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}}}}`, member(t, d, "paths", "/v1/things", "post", "responses"))
}

func member(t *testing.T, d object, path ...string) string {
	t.Helper()
	for _, name := range path {
		d, _ = d[name].(object)
	}
	text, err := json.Marshal(d)
	require.NoError(t, err)
	return string(text)
}

func TestCalls(t *testing.T) {
	t.Parallel()
	text, err := written(t, "calls", planted)
	require.NoError(t, err)
	for _, want := range []string{
		`func (c *Client) ListThings(ctx context.Context, params *api.ListThingsParams, options ...CallOption) (*api.ThingList, error) {`,
		`func (c *Client) EachThings(ctx context.Context, params *api.ListThingsParams, options ...CallOption) iter.Seq2[api.Thing, error] {`,
		`func (c *Client) CreateThing(ctx context.Context, params *api.CreateThingParams, body api.CreateThingBody, options ...CallOption) (*api.Thing, error) {`,
		`func (c *Client) TryThing(ctx context.Context, thingId string, options ...CallOption) error {`,
		`newRoute("POST /v1/things/{thing_id}/try"),`,
	} {
		assert.Contains(t, text, want)
	}
	text, err = written(t, "unkeyed", planted)
	require.NoError(t, err)
	assert.Contains(t, text, "= [\n  'POST /v1/things/{thing_id}/try',\n];")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lead.sold.v1.json"),
		[]byte(`{"$schema":"x","title":"x","type":"object","properties":{"payout":{"type":"number"},"more":{"type":"object","additionalProperties":true}},"additionalProperties":true}`), 0o600))
	b, err := write("events", dir)
	require.NoError(t, err)
	var d object
	require.NoError(t, json.Unmarshal(b, &d))
	assert.JSONEq(t, `{"lead.sold.v1":{"type":"object","properties":{"payout":{"type":"number","x-go-type":"json.Number"},"more":{"type":"object"}}}}`,
		member(t, d, "components", "schemas"))
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	_, err := write("events", t.TempDir())
	require.ErrorContains(t, err, "there is no schema in ")
	_, err = write("client", filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = written(t, "pages", planted)
	require.ErrorContains(t, err, `"pages" is nothing to print`)
	_, err = written(t, "client", `paths: {/v1/x: {get: {operationId: x, summary: x, responses: {"200": {content: {application/json: {schema: {anyOf: [{type: string}, {type: number}]}}}}}}}}`)
	require.ErrorContains(t, err, "x answers one of several things")
	require.ErrorContains(t, run("", []string{"client"}), "say what to print")
}
