package brokers_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/adapters/brokers"
)

func TestParse(t *testing.T) {
	t.Parallel()
	type sink struct {
		Name     string
		FromHead bool
	}
	for setting, want := range map[string][]sink{
		"":                              nil,
		"  ":                            nil,
		"file:data/events":              {{Name: "sink.file"}},
		"file:///var/lib/a,b":           {{Name: "sink.file"}},
		"https://h.example/in?a=1,2":    {{Name: "sink.http"}},
		"kafka://a:9092,b:9092/leads":   {{Name: "sink.kafka"}},
		"kafka://u:p@a:9092/t?tls=true": {{Name: "sink.kafka"}},
		"kafka://u:p@a:9092/t?tls=true&sasl=scram-sha-512": {{Name: "sink.kafka"}},
		"nats://a:4222,b:4222/EVENTS#name=crm&from=head":   {{Name: "sink.crm", FromHead: true}},
		"NATS://a/E": {{Name: "sink.nats"}},
		"amqp://u:p%40@h:5672/vhost?exchange=e&queue=q": {{Name: "sink.amqp"}},
		"amqps://h": {{Name: "sink.amqp"}},
		"rediss://:p@h:6379/3?stream=s#from=first":                      {{Name: "sink.redis"}},
		"file:a, nats://h/E ,redis://h,kafka://x,y/t,file:b#name=file2": {{Name: "sink.file"}, {Name: "sink.nats"}, {Name: "sink.redis"}, {Name: "sink.kafka"}, {Name: "sink.file2"}},
	} {
		parsed, err := brokers.Parse(setting)
		var got []sink
		for _, s := range parsed {
			got = append(got, sink{s.Name, s.FromHead})
			if s.AtOnce < 1 {
				t.Errorf("%s: %d at once", setting, s.AtOnce)
			}
		}
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", setting, err, d)
		}
	}
}

func TestParseNamesWhatIsWrongAndRepeatsNoPassword(t *testing.T) {
	t.Parallel()
	const form = "must have name=… or from=… behind its #"
	for setting, want := range map[string]string{
		"mqtt://u:hunter2@h":                         "part 1 must begin with file:",
		"data/events":                                "part 1 must begin with file:",
		"file:":                                      "part 1 (file) must name a folder",
		"kafka://u:hunter2@h:9092":                   "part 1 (kafka) must name a topic",
		"kafka://u:hunter2@h:9092/a/b":               "part 1 (kafka) must name a topic",
		"kafka://h:9092/t?sasl=plain":                "part 1 (kafka) has a sasl, but no user",
		"kafka://u:hunter2@h/t?sasl=gssapi":          "part 1 (kafka) has a sasl that is none of",
		"kafka://u:hunter2@h/t?tls=yes":              "part 1 (kafka) has a tls that is neither",
		"kafka://u:hunter2@h/t?acks=0":               "part 1 (kafka) may have tls and sasl in its query",
		"nats://u:hunter2@h":                         "part 1 (nats) must name a stream",
		"nats://u:hunter2@h/A?subject=a..b":          "part 1 (nats) has a subject",
		"amqp://u:hun%zzter2@h/":                     "part 1 (amqp) must be a URL such as",
		"redis://:hunter2@h/zero":                    "part 1 (redis) must be a URL such as",
		"https://":                                   "part 1 (https) must be a URL such as",
		"file:a,nats://u:hunter2@h":                  "part 2 (nats) must name a stream",
		"file:a,file:b":                              "part 2 (file) another part has the name file too",
		"file:a#name=A":                              "part 1 (file) has a name that is not",
		"file:a#from=now":                            "part 1 (file) has a from that is neither",
		"file:a#hunter2=1":                           form,
		"kafka://u:hunter2@a:9092/t,kafka://b:9/t#x": form,
	} {
		_, err := brokers.Parse(setting)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", setting, err, want)
		}
	}
}

// What sends requests is asked about the address without its credentials.
func TestCheck(t *testing.T) {
	t.Parallel()
	parsed, err := brokers.Parse("https://u:hunter2@h.example/in?q=1#name=a,file:x")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range parsed {
		asked := ""
		err := s.Check(func(address string) error { asked = address; return errors.New("hunter2") })
		if s.Name == "sink.file" {
			if err != nil || asked != "" {
				t.Errorf("a folder is asked about: %q %v", asked, err)
			}
			continue
		}
		if asked != "https://h.example/in?q=1" || err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("asked about %q: %v", asked, err)
		}
	}
}
