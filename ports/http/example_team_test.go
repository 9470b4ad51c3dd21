package httpport_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/seller"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// Note is what somebody wrote about a lead.
type Note struct {
	ID, LeadID, Text string
	At               time.Time
}

// AddNote is a command of the team, Notes a query. Who sends them comes from the API key, in Actor.
type AddNote struct {
	application.Actor

	LeadID, Text string
	Once         application.Once[Note]
}

// Needs implements application.Message.
func (AddNote) Needs() application.Scope { return "notes" }

// Notes asks for the notes on a lead.
type Notes struct {
	application.Actor

	LeadID string
	Page   application.Page
}

// Needs implements application.Message.
func (Notes) Needs() application.Scope { return "notes" }

// noteRoutes are the routes of the notes, with the commands and queries that they call.
type noteRoutes struct {
	add  bus.Handler[AddNote, application.Done]
	list bus.Handler[Notes, application.List[Note]]
}

// noteJSON is how a note is answered.
type noteJSON struct {
	ID        string             `json:"id"`
	Text      string             `json:"text"`
	CreatedAt httpport.Timestamp `json:"created_at"`
}

func showNote(n Note) noteJSON {
	return noteJSON{ID: n.ID, Text: n.Text, CreatedAt: httpport.Timestamp(n.At)}
}

// post binds the body, which tells all that is wrong with it at once, and sends the command.
func (r noteRoutes) post(k *httpport.Call) {
	c := AddNote{Actor: k.Actor(), LeadID: k.Param("lead_id")}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		if c.Text = b.Text("text"); c.Text == "" {
			b.Violate("text", fault.Required, "is required")
		}
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showNote)
		httpport.Do(b, r.add, c)
	}
}

// get answers a page of the list.
func (r noteRoutes) get(k *httpport.Call) {
	httpport.List(k, r.list, func(p application.Page, _ url.Values, _ *fault.Violations) Notes {
		return Notes{Actor: k.Actor(), LeadID: k.Param("lead_id"), Page: p}
	}, showNote)
}

// noteOpenAPI describes the routes. What is not defined in it is Leadmill's.
const noteOpenAPI = `
tags:
  - {name: notes, description: Notes on leads}
paths:
  /v1/x/acme/leads/{lead_id}/notes:
    parameters:
      - {name: lead_id, in: path, required: true, schema: {type: string}}
    get:
      operationId: acmeListNotes
      tags: [notes]
      security: [{notes: []}]
      parameters:
        - {$ref: "#/components/parameters/Limit"}
        - {$ref: "#/components/parameters/Page"}
        - {$ref: "#/components/parameters/Cursor"}
        - {$ref: "#/components/parameters/Sort"}
      responses:
        "200":
          description: The notes on a lead.
          content: {application/json: {schema: {$ref: "#/components/schemas/AcmeNoteList"}}}
        "401": &r401 {$ref: "#/components/responses/Unauthenticated"}
        "403": &r403 {$ref: "#/components/responses/Forbidden"}
        "422": &r422 {$ref: "#/components/responses/Invalid"}
        "429": &r429 {$ref: "#/components/responses/TooMany"}
        "500": &r500 {$ref: "#/components/responses/Internal"}
        "503": &r503 {$ref: "#/components/responses/Unavailable"}
    post:
      operationId: acmeAddNote
      tags: [notes]
      security: [{notes: []}]
      parameters:
        - {$ref: "#/components/parameters/IdempotencyKey"}
      requestBody:
        required: true
        content:
          application/json:
            schema: {type: object, required: [text], properties: {text: {type: string}}}
      responses:
        "201":
          description: The note.
          content: {application/json: {schema: {$ref: "#/components/schemas/AcmeNoteAnswer"}}}
        "400": {$ref: "#/components/responses/BadRequest"}
        "401": *r401
        "403": *r403
        "413": {$ref: "#/components/responses/TooLarge"}
        "415": {$ref: "#/components/responses/MediaType"}
        "422": *r422
        "429": *r429
        "500": *r500
        "503": *r503
components:
  schemas:
    AcmeNote:
      type: object
      required: [id, text, created_at]
      properties:
        id: {type: string}
        text: {type: string}
        created_at: {$ref: "#/components/schemas/Timestamp"}
    AcmeNoteAnswer:
      type: object
      required: [data, status]
      properties: {data: {$ref: "#/components/schemas/AcmeNote"}, status: {$ref: "#/components/schemas/One"}}
    AcmeNoteList:
      type: object
      required: [data, links, meta, status]
      properties:
        data: {type: array, items: {$ref: "#/components/schemas/AcmeNote"}}
        links: {$ref: "#/components/schemas/Links"}
        meta: {$ref: "#/components/schemas/Meta"}
        status: {$ref: "#/components/schemas/One"}
`

func noteTeam(r noteRoutes) httpport.Team {
	const path = "/v1/x/acme/leads/:lead_id/notes"
	return httpport.Team{
		Module: "acme", OpenAPI: [][]byte{[]byte(noteOpenAPI)},
		Routes: []httpport.Route{
			{Method: http.MethodPost, Path: path, Needs: "notes", Handle: r.post},
			{Method: http.MethodGet, Path: path, Needs: "notes", Handle: r.get},
		},
	}
}

// A team's routes: one with a body, one with a list, their OpenAPI fragment, and a key scope of their own.
func ExampleTeam() {
	store := &noteStore{}
	server := serverWith(noteTeam(noteRoutes{
		add:  bus.HandlerFunc[AddNote, application.Done](store.add),
		list: bus.HandlerFunc[Notes, application.List[Note]](store.list),
	}), application.KeyScope{Name: "notes"})
	send := func(method, path, body string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Host = "localhost:8080"
		r.Header.Set("Authorization", "Bearer lm_notes_1_secret")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	send("POST", "/v1/x/acme/leads/lead_1/notes", `{"text":"called"}`)
	send("POST", "/v1/x/acme/leads/lead_1/notes", `{"text":"wants an offer"}`)
	send("POST", "/v1/x/acme/leads/lead_1/notes", `{"txt":1}`)
	send("GET", "/v1/x/acme/leads/lead_1/notes?limit=1", "")
	send("GET", "/v1/x/acme/leads/lead_1/notes?limit=0&sort=up", "")
	send("GET", "/v1/buyers", "")
	send("GET", "/v1/x/acme/leads/lead_1/notes?author=jane", "") // a filter that the route does not list, see ReadingList
	// Output:
	// 201 {"data":{"id":"note_1","text":"called","created_at":"2025-04-30T16:44:13.000000Z"},"status":1}
	// 201 {"data":{"id":"note_2","text":"wants an offer","created_at":"2025-04-30T16:44:13.000000Z"},"status":1}
	// 422 {"status":0,"message":"The given data was invalid.","code":"validation_failed","errors":{"text":["is required"],"txt":["is not a known member"]},"request_id":"req_3"}
	// 200 {"data":[{"id":"note_2","text":"wants an offer","created_at":"2025-04-30T16:44:13.000000Z"}],"links":{"first":"http://localhost:8080/v1/x/acme/leads/lead_1/notes?limit=1&page=1","last":null,"prev":null,"next":"http://localhost:8080/v1/x/acme/leads/lead_1/notes?cursor=bm90ZV8y&limit=1&page=2"},"meta":{"current_page":1,"from":1,"path":"http://localhost:8080/v1/x/acme/leads/lead_1/notes","per_page":1,"to":1},"status":1}
	// 422 {"status":0,"message":"The given data was invalid.","code":"validation_failed","errors":{"sort":["must be asc or desc"],"limit":["must be between 1 and 250"]},"request_id":"req_5"}
	// 403 {"status":0,"message":"This API key may not do this.","code":"forbidden","request_id":"req_6"}
	// 422 {"status":0,"message":"The given data was invalid.","code":"unknown_field","errors":{"author":["is not a known parameter"]},"request_id":"req_7"}
}

// noteStore keeps notes in memory, the newest first. The handler of a real command writes in a transaction of
// application.DoOnce, which also stores the answer under the Idempotency-Key.
type noteStore struct {
	mu    sync.Mutex
	notes []Note
}

func (s *noteStore) add(_ context.Context, c AddNote) (application.Done, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := Note{ID: "note_" + strconv.Itoa(len(s.notes)+1), LeadID: c.LeadID, Text: c.Text, At: noon{}.Now()}
	s.notes = append([]Note{n}, s.notes...)
	return application.Done{Response: c.Once.Render(n)}, nil
}

func (s *noteStore) list(_ context.Context, q Notes) (application.List[Note], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Note
	for _, n := range s.notes {
		if n.LeadID == q.LeadID && (q.Page.After == "" || n.ID < q.Page.After) && len(found) <= q.Page.Limit {
			found = append(found, n)
		}
	}
	return application.ListOf(found, q.Page, func(n Note) string { return n.ID }), nil
}

// serverWith is a server over one route of Leadmill's and those of a team, for whom every key has the team's scope.
func serverWith(team httpport.Team, scope application.KeyScope) *httpport.Server {
	scopes, err := application.NewScopes(scope)
	if err != nil {
		panic(err)
	}
	server, err := httpport.New(httpport.Deps{
		Routes: []httpport.Route{{Method: "GET", Path: "/v1/buyers", Needs: application.Program, Handle: (*httpport.Call).OK}},
		Teams:  []httpport.Team{team}, Scopes: scopes, Authenticator: everybody{string(scope.Name)}, Limiter: struct{ application.RateLimiter }{},
		Clock: noon{}, IDs: &counted{}, Logger: slog.New(slog.DiscardHandler), Ready: func(context.Context) error { return nil },
	})
	if err != nil {
		panic(err)
	}
	return server
}

type everybody struct{ scope string }

func (e everybody) Authenticate(context.Context, string) (a application.Actor, none application.RateLimit, _ error) {
	a.Scope, a.KeyID, a.SellerID = seller.Scope(e.scope), "key_1", "seller_1"
	return a, none, nil
}

type noon struct{}

func (noon) Now() time.Time { return time.Date(2025, 4, 30, 16, 44, 13, 0, time.UTC) }

type counted struct{ n int }

func (c *counted) New(prefix string) string {
	c.n++
	return prefix + "_" + strconv.Itoa(c.n)
}
