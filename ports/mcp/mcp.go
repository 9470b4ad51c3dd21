// Package mcp is the port of assistants: tools of the Model Context Protocol that are calls of Leadmill's HTTP API, made with a key as any client
// makes them. What a tool takes is what the OpenAPI document says of its operation; tools.go lists the operations. It keeps nothing and logs
// nothing.
//
// Stability: unsupported; it may change at any time.
package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// Config says which server is called, as whom, and what an assistant may do.
type Config struct {
	URL, Key string
	Document []byte // the OpenAPI document of the server's API
	Version  string // of this program
	Commands bool   // whether there are tools that change something
	// NewKey makes an Idempotency-Key.
	NewKey func() string
	// HTTP sends the requests. Its timeout is longer than the 25 seconds for which the API holds a page of events.
	HTTP *http.Client
}

// patience bounds how long a tool waits before it sends a call again, and attempts how often it is sent.
const (
	patience = 5 * time.Second
	attempts = 3
)

// longest bounds what of an answer is handed to an assistant.
const longest = 1 << 20

// Server is what an assistant talks to.
type Server struct {
	config Config
	base   string
	http   *http.Client
	tools  *sdk.Server
}

// New makes the tools. It calls nobody: an assistant that starts before the server is told of that when it calls.
func New(c Config) (*Server, error) {
	base, err := url.Parse(strings.TrimRight(c.URL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.RawQuery != "" || base.User != nil {
		return nil, errors.New("LEADMILL_URL must be the address of a Leadmill server, such as https://leads.example.com")
	}
	if c.Key == "" || strings.ContainsFunc(c.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("LEADMILL_KEY must be an API key of that server")
	}
	d, err := read(c.Document)
	if err != nil {
		return nil, err
	}
	client := *c.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s := &Server{config: c, base: base.String(), http: &client}
	s.tools = sdk.NewServer(&sdk.Implementation{Name: "leadmill", Title: "Leadmill", Version: c.Version}, &sdk.ServerOptions{
		Instructions: instructions, Capabilities: &sdk.ServerCapabilities{},
	})
	list := reads
	if c.Commands {
		list = slices.Concat(reads, commands)
	}
	for _, t := range list {
		if err := s.add(d, t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Serve talks with one assistant until it closes its side, or ctx ends.
func (s *Server) Serve(ctx context.Context, in io.ReadCloser, out io.WriteCloser) error {
	if err := s.tools.Run(ctx, &sdk.IOTransport{Reader: in, Writer: out}); ctx.Err() == nil {
		return err
	}
	return nil
}

// add makes a tool of an operation.
func (s *Server) add(d *document, t tool) error {
	o, err := d.operation(t.operation)
	if err != nil {
		return err
	}
	schema, err := json.Marshal(o.input)
	if err != nil {
		return err
	}
	name, run := o.id, func(ctx context.Context, given arguments) answer { return s.call(ctx, o, given) }
	if t.explains {
		name, run = explainTool, func(ctx context.Context, given arguments) answer { return s.explain(ctx, d, given) }
	}
	s.tools.AddTool(&sdk.Tool{
		Name: name, Description: t.describe(o), InputSchema: json.RawMessage(schema),
		Annotations: &sdk.ToolAnnotations{Title: o.summary, ReadOnlyHint: !t.changes, DestructiveHint: new(t.final), OpenWorldHint: new(t.outside)},
	}, func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		given, err := parse(o, r.Params.Arguments)
		if err != nil {
			return failed(err.Error()).result(), nil
		}
		return run(ctx, given).result(), nil
	})
	return nil
}

// arguments are what an assistant gave to a tool, by name.
type arguments map[string]json.RawMessage

// parse reads arguments. What each may be the API says; that a name is known is said here, because it would be left out of the call.
func parse(o *operation, text json.RawMessage) (arguments, error) {
	given := arguments{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &given); err != nil {
			return nil, errors.New("the arguments are no JSON object")
		}
	}
	maps.DeleteFunc(given, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(o.names(), name) {
			return nil, fmt.Errorf("there is no argument %q; there are: %s", name, strings.Join(o.names(), ", "))
		}
	}
	for _, name := range o.required {
		if _, is := given[name]; !is {
			return nil, fmt.Errorf("the argument %q is missing", name)
		}
	}
	return given, nil
}

// answer is what a tool says.
type answer struct {
	text   string
	failed bool
}

func failed(text string) answer { return answer{text, true} }

func (a answer) result() *sdk.CallToolResult {
	return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: a.text}}, IsError: a.failed}
}

// call sends an operation, again under the same key while the server says that it is busy or nothing is heard of it.
func (s *Server) call(ctx context.Context, o *operation, given arguments) answer {
	path, body, err := o.encode(given)
	if err != nil {
		return failed(err.Error())
	}
	key := ""
	if o.keyed {
		if key = text(given[keyArgument]); key == "" {
			key = s.config.NewKey()
		}
	}
	for n := 1; ; n++ {
		a, again := s.send(ctx, o, path, body, key)
		if again <= 0 || again > patience || n == attempts || ctx.Err() != nil {
			return a
		}
		select {
		case <-ctx.Done():
			return a
		case <-time.After(again):
		}
	}
}

// send returns what became of a call, and after which pause it may be sent again; 0: it may not, or need not.
func (s *Server) send(ctx context.Context, o *operation, path string, body []byte, key string) (a answer, again time.Duration) {
	r, err := http.NewRequestWithContext(ctx, o.method, s.base+path, bytes.NewReader(body))
	if err != nil {
		return failed("the call cannot be made: an argument cannot stand in an address"), 0
	}
	r.Header.Set("Authorization", "Bearer "+s.config.Key)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "leadmill-mcp/"+s.config.Version)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	said, err := s.http.Do(r)
	var content []byte
	if err == nil {
		content, err = io.ReadAll(io.LimitReader(said.Body, longest+1))
		err = errors.Join(err, said.Body.Close())
	}
	if err != nil {
		if failure, is := errors.AsType[*url.Error](err); is {
			err = failure.Err // without the address, in which arguments stand
		}
		a = failed(fmt.Sprintf("Leadmill at %s does not answer: %v. LEADMILL_URL says where it is.", s.base, err))
		if key != "" {
			a.text += " Whether it was done is not known. To find out, call again with the same arguments and " + keyArgument + " " + key + ": it is done once."
		}
		return a, time.Second
	}
	if again = 0; slices.Contains([]int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, said.StatusCode) {
		again = time.Second
		if pause, wrong := time.ParseDuration(said.Header.Get("Retry-After") + "s"); wrong == nil && pause > 0 {
			again = pause
		}
	}
	return s.tell(said, content), again
}

// tell hands an answer on as it is: errors have a code, a message and the fields that are wrong.
func (s *Server) tell(said *http.Response, content []byte) answer {
	ofLeadmill := strings.HasPrefix(said.Header.Get("Content-Type"), "application/json")
	switch {
	case len(content) > longest:
		return failed(fmt.Sprintf("The answer is longer than %d bytes: ask for less, by a filter or a smaller limit.", longest))
	case said.StatusCode == http.StatusNoContent:
		return answer{text: "Done."}
	case !ofLeadmill:
		return failed(fmt.Sprintf("What is at %s answers %d, and not as Leadmill does. LEADMILL_URL says where it is.", s.base, said.StatusCode))
	case said.StatusCode/100 == 2:
		return answer{text: string(content)}
	case said.StatusCode == http.StatusUnauthorized:
		return failed(fmt.Sprintf("%d %s LEADMILL_KEY is no key of %s, or was revoked.", said.StatusCode, bytes.TrimSpace(content), s.base))
	default:
		return failed(fmt.Sprintf("%d %s", said.StatusCode, bytes.TrimSpace(content)))
	}
}

// text returns a JSON value as it stands in an address: a string as it is, a list with commas between.
func text(value json.RawMessage) string {
	var one string
	if json.Unmarshal(value, &one) == nil {
		return one
	}
	var list []json.RawMessage
	if json.Unmarshal(value, &list) == nil {
		all := make([]string, len(list))
		for i := range list {
			all[i] = text(list[i])
		}
		return strings.Join(all, ",")
	}
	return string(value)
}
