package mcp

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	httpport "github.com/leadmill/leadmill/ports/http"
)

// connect is an assistant that talks to a server of tools, which calls an address.
func connect(t *testing.T, address string, commands bool) *sdk.ClientSession {
	t.Helper()
	s, err := New(Config{
		URL: address, Key: "lm_program_1", Document: httpport.OpenAPI(), Version: "1", Commands: commands, NewKey: func() string { return "key-made-for-this-call" },
		HTTP: &http.Client{Timeout: time.Minute},
	})
	require.NoError(t, err)
	here, there := sdk.NewInMemoryTransports()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		_ = s.tools.Run(ctx, there) // how it ends, its client's end tells
		close(ended)
	}()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), here, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, session.Close())
		stop()
		<-ended
	})
	return session
}

func call(t *testing.T, session *sdk.ClientSession, name, given string) (said string, failed bool) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: json.RawMessage(given)})
	require.NoError(t, err)
	require.Len(t, result.Content, 1)
	return result.Content[0].(*sdk.TextContent).Text, result.IsError
}

// api is a server that answers by a function.
func api(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}

func ok(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

func TestToolsAreOperations(t *testing.T) {
	t.Parallel()
	d, err := read(httpport.OpenAPI())
	require.NoError(t, err)
	for _, tool := range reads {
		o, err := d.operation(tool.operation)
		require.NoError(t, err)
		assert.False(t, tool.changes)
		assert.True(t, o.method == http.MethodGet || tool.operation == "previewLead", "%s is %s", o.id, o.method)
	}
	for _, tool := range commands {
		o, err := d.operation(tool.operation)
		require.NoError(t, err)
		assert.True(t, tool.changes && o.keyed, o.id)
		assert.NotEqual(t, http.MethodDelete, o.method, o.id)
	}
	without, err := connect(t, "http://127.0.0.1:1", false).ListTools(t.Context(), nil)
	require.NoError(t, err)
	assert.Len(t, without.Tools, len(reads))
	with, err := connect(t, "http://127.0.0.1:1", true).ListTools(t.Context(), nil)
	require.NoError(t, err)
	assert.Len(t, with.Tools, len(reads)+len(commands))
	for _, tool := range with.Tools {
		schema, err := json.Marshal(tool.InputSchema)
		require.NoError(t, err)
		assert.NotContains(t, string(schema), components, "%s refers out of its schema", tool.Name)
		assert.NotEmpty(t, tool.Description)
	}
}

// Every reason that docs/marketplace.md lists is told in words.
func TestReasonsAreTold(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/marketplace.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(page), "| reason | the contract did not take the lead because |\n|---|---|\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	n := 0
	for row := range strings.SplitSeq(table, "\n") {
		first := strings.Split(row, "|")[1]
		for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(first, -1) {
			n++
			assert.NotEqual(t, m[1], tellReason(m[1], ""))
		}
	}
	assert.Greater(t, n, 25)
	assert.Equal(t, "its price would exceed the budget of the day of the buyer", tellReason("budget_day", "buyer"))
	assert.Equal(t, "of_a_later_version", tellReason("of_a_later_version", ""))
}

func TestACallIsMadeOfArguments(t *testing.T) {
	t.Parallel()
	var address, body, authorization string
	session := connect(t, api(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		address, body, authorization = r.URL.String(), string(text), r.Header.Get("Authorization")
		ok(w, `{"data":[],"status":1}`)
	}), false)
	said, failed := call(t, session, "listMarketplaceLeads", `{"status":"pending","limit":5,"email":"a@example.com","phone":null}`)
	assert.False(t, failed, said)
	assert.Equal(t, `{"data":[],"status":1}`, said)
	assert.Equal(t, "/v1/marketplace/leads?limit=5&status=pending", address)
	assert.Equal(t, `{"email":"a@example.com"}`, body, "who somebody is stands in no address")
	assert.Equal(t, "Bearer lm_program_1", authorization)
	_, failed = call(t, session, "getContract", `{"id":"a/b","contract_id":"c?d"}`)
	assert.False(t, failed)
	assert.Equal(t, "/v1/campaigns/a%2Fb/contracts/c%3Fd", address)
	_, failed = call(t, session, "previewLead", `{"id":"campaign_1","body":{"lead":{"price":1.10}}}`)
	assert.False(t, failed)
	assert.JSONEq(t, `{"lead":{"price":1.10}}`, body)

	address = ""
	for given, want := range map[string]string{
		`{"id":"a","contract":"b"}`:     `there is no argument "contract"; there are: contract_id, id`,
		`{"id":"a"}`:                    `the argument "contract_id" is missing`,
		`{"id":"..","contract_id":"b"}`: `the argument "id" names nothing`,
	} {
		said, failed := call(t, session, "getContract", given)
		assert.True(t, failed)
		assert.Equal(t, want, said)
	}
	assert.Empty(t, address, "nothing was called")
}

func TestACommandIsSentAgainUnderItsKey(t *testing.T) {
	t.Parallel()
	var keys []string
	session := connect(t, api(t, func(w http.ResponseWriter, r *http.Request) {
		if keys = append(keys, r.Header.Get("Idempotency-Key")); len(keys) == 1 {
			panic(http.ErrAbortHandler)
		}
		ok(w, `{"status":1}`)
	}), true)
	said, failed := call(t, session, "approvePartner", `{"id":"partner_1"}`)
	assert.False(t, failed, said)
	assert.Equal(t, []string{"key-made-for-this-call", "key-made-for-this-call"}, keys)
	_, failed = call(t, session, "approvePartner", `{"id":"partner_1","idempotency_key":"of-before"}`)
	assert.False(t, failed)
	assert.Equal(t, "of-before", keys[2])
}

func TestErrorsAreHandedOn(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	body := `{"code":"validation_failed","message":"The given data was invalid.","errors":{"email":["is no email"]}}`
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
		calls  int32
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, body)
		}, "422 " + body, 1},
		"too many, for long": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"code":"too_many_requests"}`)
		}, `429 {"code":"too_many_requests"}`, 1},
		"another server": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.com", http.StatusFound)
		}, "and not as Leadmill does", 1},
		"too long": {func(w http.ResponseWriter, _ *http.Request) { ok(w, strings.Repeat(" ", longest+1)) }, "ask for less", 1},
	} {
		n.Store(0)
		said, failed := call(t, connect(t, api(t, func(w http.ResponseWriter, r *http.Request) {
			n.Add(1)
			c.answer(w, r)
		}), false), "listPartners", `{}`)
		assert.True(t, failed, name)
		assert.Contains(t, said, c.want, name)
		assert.Equal(t, c.calls, n.Load(), name)
	}
}

func TestWrongSettingsAreRefused(t *testing.T) {
	t.Parallel()
	for address, key := range map[string]string{"": "lm_program_1", "leads.example.com": "lm_program_1", "https://leads.example.com": "", "http://leads.example.com": "a\nb"} {
		_, err := New(Config{URL: address, Key: key, Document: httpport.OpenAPI(), HTTP: &http.Client{}})
		assert.Error(t, err, "%q %q", address, key)
	}
}
