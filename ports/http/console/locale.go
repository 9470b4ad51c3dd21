package consolehttp

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
	decimals "golang.org/x/text/number"

	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// textFiles are the texts of the pages that partners and buyers see: a file a language, named by it. A text is a format as fmt has it, or an object of
// them by plural form, of which the first argument, a number, chooses.
//
//go:embed texts/*.json
var textFiles embed.FS

// languages are those that there are texts in. The first is for whoever understands none of them.
var languages = []language.Tag{language.English, language.Spanish}

// text is a text of a catalogue: by plural form, or in one form, which is other then.
type text map[plural.Form]string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = text{plural.Other: one}
		return nil
	}
	var forms struct {
		One   string `json:"one"`
		Other string `json:"other"`
	}
	if err := json.Unmarshal(b, &forms); err != nil {
		return err
	}
	*t = text{plural.One: forms.One, plural.Other: forms.Other}
	return nil
}

// message is the text as the catalogue takes it.
func (t text) message() catalog.Message {
	if one, has := t[plural.One]; has {
		return plural.Selectf(1, "%d", plural.One, one, plural.Other, t[plural.Other])
	}
	return catalog.String(t[plural.Other])
}

func textsOf(tag language.Tag) (map[string]text, error) {
	b, err := textFiles.ReadFile("texts/" + tag.String() + ".json")
	if err != nil {
		return nil, err
	}
	all := map[string]text{}
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("texts of %s: %w", tag, err)
	}
	return all, nil
}

// texts are the texts of all languages, and the keys that they have.
var texts = sync.OnceValue(func() (all struct {
	catalogue catalog.Catalog
	keys      map[string]bool
},
) {
	builder := catalog.NewBuilder(catalog.Fallback(languages[0]))
	all.catalogue, all.keys = builder, map[string]bool{}
	for _, tag := range languages {
		found, err := textsOf(tag)
		if err != nil {
			panic(err) // a test reads them
		}
		for key, t := range found {
			if err := builder.Set(tag, key, t.message()); err != nil {
				panic(err)
			}
			all.keys[key] = true
		}
	}
	return all
})

var matcher = language.NewMatcher(languages)

// Locale is the language that a browser asks for, with how numbers, amounts and dates are written where it is spoken.
type Locale struct {
	language       language.Tag // of the texts
	printer        *message.Printer
	group, decimal string
}

// localeOf returns what a request asks for, and tells caches that the answer depends on it.
func localeOf(k *httpport.Call) *Locale {
	k.Writer().Header().Add("Vary", "Accept-Language")
	return newLocale(strings.Join(k.Request().Header.Values("Accept-Language"), ","))
}

// newLocale returns what an Accept-Language asks for: English when there are no texts in any of its languages.
func newLocale(accepted string) *Locale {
	wanted, _, err := language.ParseAcceptLanguage(accepted)
	if err != nil {
		wanted = nil
	}
	_, at, confidence := matcher.Match(wanted...)
	if confidence == language.No {
		at, wanted = 0, nil
	}
	l := &Locale{language: languages[at]}
	base, _ := l.language.Base()
	region := l.language
	if i := slices.IndexFunc(wanted, func(t language.Tag) bool { b, _ := t.Base(); return b == base }); i >= 0 {
		if r, known := wanted[i].Region(); known == language.Exact {
			region, _ = language.Compose(base, r)
		}
	}
	l.printer = message.NewPrinter(region, message.Catalog(texts().catalogue))
	sample := []rune(l.printer.Sprint(decimals.Decimal(12345.5, decimals.Scale(1)))) // such as 12,345.5
	l.group, l.decimal = ",", "."
	if len(sample) == len("12,345.5") {
		l.group, l.decimal = string(sample[2]), string(sample[6])
	}
	return l
}

// Lang is the language of the texts, as HTML names it.
func (l *Locale) Lang() string { return l.language.String() }

// T is the text of a key with its arguments. Errors: there is no such text.
func (l *Locale) T(key string, args ...any) (string, error) {
	if !texts().keys[key] {
		return "", fmt.Errorf("there is no text %s", key)
	}
	return l.printer.Sprintf(message.Key(key, key), args...), nil
}

// Has reports whether there is a text.
func (*Locale) Has(key string) bool { return texts().keys[key] }

// say is T of a key that is there, which a test sees to.
func (l *Locale) say(key string, args ...any) string {
	s, err := l.T(key, args...)
	if err != nil {
		panic("consolehttp: " + err.Error())
	}
	return s
}

// Count writes a whole number.
func (l *Locale) Count(n any) string { return l.separated((*Visit)(nil).Count(n)) }

// Money writes an amount with its currency: $1,125.00, and where a comma is before the cents, 1.125,00 $.
func (l *Locale) Money(m money.Micros, c money.Currency) string {
	if l.decimal == "." {
		return FormatMoney(m, c)
	}
	digits, negative := strings.CutPrefix(m.Format(c), "-")
	symbol := symbols[c.Code()]
	if symbol == "" {
		symbol = c.Code()
	}
	s := l.separated(grouped(digits)) + "\u00a0" + symbol
	if negative {
		return "−" + s
	}
	return s
}

// separated writes a number of English form, such as 12,345.50, with the separators of the place.
func (l *Locale) separated(n string) string {
	return strings.NewReplacer(",", l.group, ".", l.decimal).Replace(n)
}

// Date writes the day of a time: 23 Nov 2026.
func (l *Locale) Date(t time.Time) string {
	months := strings.Fields(l.say("date.months"))
	return l.say("date.day", t.Format("2"), months[t.Month()-1], t.Format("2006"))
}

// Day writes a day of this year or of the last, given as YYYY-MM-DD, without the year: 23 Nov.
func (l *Locale) Day(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return l.say("date.short", t.Format("2"), strings.Fields(l.say("date.months"))[t.Month()-1])
}

// Time writes a time in a zone, with the exact one behind it; nothing for the zero time.
func (l *Locale) Time(t time.Time, zone *time.Location) template.HTML {
	if t.IsZero() {
		return ""
	}
	local, exact := t.In(zone), t.UTC().Format("2006-01-02T15:04:05.000000Z")
	short := template.HTMLEscapeString(l.say("date.time", l.Date(local), local.Format("15:04")))
	return template.HTML(`<time datetime="` + exact + `" title="` + short + " " + template.HTMLEscapeString(local.Format("MST")) + " · " + exact + `">` + short + `</time>`) //nolint:gosec // escaped
}
