// Package brokers sends the public events of the log to brokers, to addresses and into files: each is a sink, which a setting names.
//
// Stability: unsupported; it may change at any time.
package brokers

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Sink is one part of LEADMILL_EVENTS_SINK: where the public events of the log go.
type Sink struct {
	// Name is the consumer that keeps the sink's place in the log, such as "sink.kafka".
	Name string
	// FromHead says that a sink that is new begins with what happens from then on, instead of with the first event of the log.
	FromHead bool
	// AtOnce is how many events are on their way to it at the same time.
	AtOnce int

	kind    string
	target  *url.URL          // without options; nil for a folder
	folder  string            // of kind file
	options map[string]string // the query, of which each kind knows its own names
}

// The kinds of sinks.
const (
	kindFile  = "file"
	kindHTTP  = "http"
	kindKafka = "kafka"
	kindNATS  = "nats"
	kindAMQP  = "amqp"
	kindRedis = "redis"
)

// scheme is what is known of the sinks whose addresses begin with it.
type scheme struct {
	kind    string
	form    string // an example, for errors
	options []string
	free    bool // its query belongs to the receiver
	check   func(s *Sink) error
}

// schemes are all that there are.
var schemes = map[string]scheme{
	"file":  {kind: kindFile, form: "file:data/events"},
	"http":  {kind: kindHTTP, form: "http://10.0.0.7:8080/events", free: true, check: checkHost},
	"https": {kind: kindHTTP, form: "https://events.example.com/in", free: true, check: checkHost},
	"kafka": {kind: kindKafka, form: "kafka://host:9092/topic", options: []string{"tls", "sasl"}, check: checkKafka},
	"nats":  {kind: kindNATS, form: "nats://host:4222/STREAM", options: []string{"tls", "subject"}, check: checkNATS},
	"amqp":  {kind: kindAMQP, form: "amqp://user:password@host:5672/?exchange=events&queue=events", options: []string{"exchange", "queue"}, check: checkAMQP},  //nolint:gosec // an example, without a password
	"amqps": {kind: kindAMQP, form: "amqps://user:password@host:5671/?exchange=events&queue=events", options: []string{"exchange", "queue"}, check: checkAMQP}, //nolint:gosec // an example, without a password
	"redis": {kind: kindRedis, form: "redis://:password@host:6379/0?stream=events", options: []string{"stream"}, check: checkRedis},
	// The same with TLS.
	"rediss": {kind: kindRedis, form: "rediss://:password@host:6379/0?stream=events", options: []string{"stream"}, check: checkRedis},
}

// lanes are how many events are on their way to a sink at the same time. A receiver by HTTP gets as many as one seller's may have to one host.
var lanes = map[string]int{kindFile: 64, kindHTTP: 8, kindKafka: 64, kindNATS: 64, kindAMQP: 32, kindRedis: 32}

// begins is where a part of the setting begins. Other commas stand inside of a part, as between the hosts of a cluster.
var begins = regexp.MustCompile(`,\s*(?:[A-Za-z][A-Za-z0-9+.-]*://|file:)`)

// sinkName is the form of a name of a sink.
var sinkName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// Parse reads a setting: sinks with commas between them. Behind a # stand name and from, as in "nats://host:4222/EVENTS#name=crm&from=head".
// Its error tells which part is wrong, but repeats nothing of it: there are passwords in addresses.
func Parse(setting string) ([]Sink, error) {
	var sinks []Sink
	var wrong []error
	for i, part := range split(setting) {
		s, err := parse(part)
		if err == nil && slices.ContainsFunc(sinks, func(other Sink) bool { return other.Name == s.Name }) {
			err = fmt.Errorf("another part has the name %s too: give one of them a name of its own, by #name=… at its end", strings.TrimPrefix(s.Name, namePrefix))
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("part %d%s %w", i+1, describe(part), err))
			continue
		}
		sinks = append(sinks, s)
	}
	return sinks, errors.Join(wrong...)
}

// namePrefix begins the names of the consumers of sinks.
const namePrefix = "sink."

func split(setting string) []string {
	var parts []string
	for setting = strings.TrimSpace(setting); setting != ""; {
		end := len(setting)
		if at := begins.FindStringIndex(setting); at != nil {
			end = at[0]
		}
		parts = append(parts, strings.TrimSpace(setting[:end]))
		setting = strings.TrimSpace(strings.TrimPrefix(setting[end:], ","))
	}
	return parts
}

// describe is the scheme of a part, if it is one of ours.
func describe(part string) string {
	if name, _, found := strings.Cut(part, ":"); found {
		if _, known := schemes[strings.ToLower(name)]; known {
			return " (" + strings.ToLower(name) + ")"
		}
	}
	return ""
}

func parse(part string) (Sink, error) {
	name, rest, _ := strings.Cut(part, ":")
	name = strings.ToLower(name)
	known, is := schemes[name]
	if !is {
		return Sink{}, errors.New("must begin with file:, http://, https://, kafka://, nats://, amqp://, amqps://, redis:// or rediss://")
	}
	s := Sink{kind: known.kind, AtOnce: lanes[known.kind], options: map[string]string{}}
	rest, ours, _ := strings.Cut(rest, "#")
	if err := s.own(ours); err != nil {
		return Sink{}, err
	}
	if s.kind == kindFile {
		s.folder = filepath.Clean(strings.TrimPrefix(rest, "//"))
		if strings.TrimPrefix(rest, "//") == "" || strings.ContainsRune(rest, 0) {
			return Sink{}, fmt.Errorf("must name a folder, as in %s", known.form)
		}
		return s, nil
	}
	u, err := url.Parse(name + ":" + rest)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return Sink{}, fmt.Errorf("must be a URL such as %s; what is special in a password is percent-encoded", known.form)
	}
	s.target = u
	if !known.free {
		if err := s.readOptions(known); err != nil {
			return Sink{}, err
		}
	}
	return s, known.check(&s)
}

// own reads what stands behind the #.
func (s *Sink) own(text string) error {
	values, err := url.ParseQuery(text)
	if err != nil {
		return errors.New("must have name=… or from=… behind its #")
	}
	name := s.kind
	for key, given := range values {
		switch {
		case key == "name" && len(given) == 1 && sinkName.MatchString(given[0]):
			name = given[0]
		case key == "name":
			return errors.New("has a name that is not 1 to 40 of a-z, 0-9 and hyphen")
		case key == "from" && len(given) == 1 && (given[0] == "head" || given[0] == "first"):
			s.FromHead = given[0] == "head"
		case key == "from":
			return errors.New("has a from that is neither first nor head")
		default:
			return errors.New("must have name=… or from=… behind its #, and nothing else")
		}
	}
	s.Name = namePrefix + name
	return nil
}

// readOptions takes the query from the target.
func (s *Sink) readOptions(known scheme) error {
	values, err := url.ParseQuery(s.target.RawQuery)
	if err != nil {
		return errors.New("has a query that cannot be read")
	}
	for key, given := range values {
		if !slices.Contains(known.options, key) || len(given) != 1 || given[0] == "" {
			return fmt.Errorf("may have %s in its query, each once, and nothing else", strings.Join(known.options, " and "))
		}
		s.options[key] = given[0]
	}
	s.target.RawQuery = ""
	if v, given := s.options["tls"]; given && v != "true" && v != "false" {
		return errors.New("has a tls that is neither true nor false")
	}
	return nil
}

// path is the path of the target without the slash before it.
func (s *Sink) path() string { return strings.TrimPrefix(s.target.Path, "/") }

// secrets are the parts of the address that no error may repeat.
func (s *Sink) secrets() []string {
	var list []string
	if s.target == nil || s.target.User == nil {
		return nil
	}
	if password, given := s.target.User.Password(); given && password != "" {
		list = append(list, password, url.QueryEscape(password), url.PathEscape(password))
	}
	return list
}

func checkHost(s *Sink) error {
	if s.target.Hostname() == "" {
		return errors.New("must have a host")
	}
	return nil
}

// Check lets an address of kind HTTP be looked at by who sends requests; the others pass.
func (s *Sink) Check(allowed func(address string) error) error {
	if s.kind != kindHTTP {
		return nil
	}
	if err := allowed(s.address()); err != nil {
		return errors.New("is an address that requests are not sent to: it must be http:// or https:// and the name or the address of a host")
	}
	return nil
}

// address is the target without credentials.
func (s *Sink) address() string {
	u := *s.target
	u.User = nil
	return u.String()
}
