package consolehttp

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/feature/plural"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

var placeholder = regexp.MustCompile(`%(?:\[\d+\])?[a-z]`)

// placeholders are what a form of a text takes from its arguments, in an order of their own.
func placeholders(form string) []string {
	found := placeholder.FindAllString(strings.ReplaceAll(form, "%%", ""), -1)
	slices.Sort(found)
	return found
}

func TestTextsAreTheSameInAllLanguages(t *testing.T) {
	t.Parallel()
	english, err := textsOf(languages[0])
	require.NoError(t, err)
	for _, tag := range languages {
		found, err := textsOf(tag)
		require.NoError(t, err)
		assert.Equal(t, slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(found)), "keys of %s", tag)
		for key, text := range found {
			assert.Equal(t, slices.Sorted(maps.Keys(english[key])), slices.Sorted(maps.Keys(text)), "plural forms of %s in %s", key, tag)
			for _, form := range text {
				assert.NotEmpty(t, form, "%s in %s", key, tag)
				assert.Equal(t, placeholders(english[key][plural.Other]), placeholders(form), "placeholders of %s in %s", key, tag)
			}
		}
		assertNoKeyTwice(t, tag.String())
	}
}

// assertNoKeyTwice: the second of two texts of one key would take the place of the first.
func assertNoKeyTwice(t *testing.T, name string) {
	t.Helper()
	b, err := textFiles.ReadFile("texts/" + name + ".json")
	require.NoError(t, err)
	seen := map[string]bool{}
	d := json.NewDecoder(bytes.NewReader(b))
	_, err = d.Token()
	require.NoError(t, err)
	for d.More() {
		key, err := d.Token()
		require.NoError(t, err)
		var value json.RawMessage
		require.NoError(t, d.Decode(&value))
		assert.False(t, seen[key.(string)], "%s is twice in %s", key, name)
		seen[key.(string)] = true
	}
}

var (
	inTemplate = regexp.MustCompile(`\.T "([^"]+)"`)
	fieldOf    = regexp.MustCompile(`\.Field "([^"]+)"`)
	inCode     = regexp.MustCompile(`(?:\.T|say)\("([^"]+)"[,)]`)
	keyLiteral = regexp.MustCompile(`"([a-z_]+(?:\.[a-z_]+)+)"`)
	prefix     = regexp.MustCompile(`"([a-z_.]+\.)" ?\+`)
	printed    = regexp.MustCompile(`print "([a-z_.]+\.)"`)
)

// usedTexts are the keys that templates and code ask for, and beginnings of keys of which the rest is known only when a page is shown. Mentioned are
// those too that code hands to others.
func usedTexts(t *testing.T) (asked, mentioned map[string]bool, prefixes []string) {
	t.Helper()
	asked, mentioned = map[string]bool{}, map[string]bool{}
	for _, dir := range []string{".", "design"} {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			isGo, isTemplate := strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go"), strings.HasSuffix(e.Name(), ".html")
			if !isGo && !isTemplate {
				continue
			}
			b, err := os.ReadFile(dir + "/" + e.Name())
			require.NoError(t, err)
			text := string(b)
			collect := func(pattern *regexp.Regexp, into map[string]bool, before string) {
				for _, m := range pattern.FindAllStringSubmatch(text, -1) {
					into[before+m[1]] = true
				}
			}
			if isGo {
				collect(inCode, asked, "")
				collect(keyLiteral, mentioned, "")
				for _, m := range prefix.FindAllStringSubmatch(text, -1) {
					prefixes = append(prefixes, m[1])
				}
				continue
			}
			collect(inTemplate, asked, "")
			for _, m := range printed.FindAllStringSubmatch(text, -1) {
				prefixes = append(prefixes, m[1])
			}
			if strings.Contains(text, `{{template "portal`) {
				collect(fieldOf, asked, "field.")
			}
		}
	}
	return asked, mentioned, prefixes
}

func TestTextsAreThereAndUsed(t *testing.T) {
	t.Parallel()
	asked, mentioned, prefixes := usedTexts(t)
	require.Greater(t, len(asked), 5)
	have := texts().keys
	for key := range asked {
		assert.True(t, have[key], "there is no text %s", key)
	}
	for key := range have {
		used := asked[key] || mentioned[key] || slices.ContainsFunc(prefixes, func(p string) bool { return p != "field." && strings.HasPrefix(key, p) })
		assert.True(t, used, "nothing uses the text %s", key)
	}
	_, err := newLocale("").T("no.such.text")
	assert.ErrorContains(t, err, "no.such.text")
}

func TestWhichLanguage(t *testing.T) {
	t.Parallel()
	for accepted, want := range map[string]string{
		"": "en", "en": "en", "en-GB,en;q=0.8": "en", "es": "es", "es-MX,es;q=0.9,en;q=0.5": "es", "es-419": "es", "ES": "es",
		"de,es;q=0.5": "es", "de": "en", "xx-klingon": "en", "*": "en", "en;q=0.1,es;q=0.9": "es", "es;q=0,en": "en",
		"es;q=x": "en", strings.Repeat("-", 5000): "en", "\x00": "en",
	} {
		assert.Equal(t, want, newLocale(accepted).Lang(), "%.40q", accepted)
	}
}

func TestHowThePlaceWritesNumbers(t *testing.T) {
	t.Parallel()
	const price = 1_234_500_000 // 1,234.50
	at := time.Date(2026, time.September, 3, 14, 5, 6, 0, time.UTC)
	usd, yen := money.MustCurrency("USD"), money.MustCurrency("JPY")
	for accepted, want := range map[string][]string{
		"en":    {"1,234,567", "$1,234.50", "−$1,234.50", "3 Sep 2026"},
		"es":    {"1.234.567", "1.234,50\u00a0$", "−1.234,50\u00a0$", "3 sept 2026"},
		"es-ES": {"1.234.567", "1.234,50\u00a0$", "−1.234,50\u00a0$", "3 sept 2026"},
		"es-MX": {"1,234,567", "$1,234.50", "−$1,234.50", "3 sept 2026"},
		"es-US": {"1,234,567", "$1,234.50", "−$1,234.50", "3 sept 2026"},
	} {
		l := newLocale(accepted)
		assert.Equal(t, want, []string{l.Count(1_234_567), l.Money(price, usd), l.Money(-price, usd), l.Date(at)}, accepted)
	}
	assert.Equal(t, "1.234.000\u00a0JPY", newLocale("es").Money(1_234_000_000_000, yen))
	assert.Equal(t, "not a day", newLocale("en").Day("not a day"))
	assert.Equal(t, `<time datetime="2026-09-03T14:05:06.000000Z" title="3 Sep 2026, 14:05 UTC · 2026-09-03T14:05:06.000000Z">3 Sep 2026, 14:05</time>`, string(newLocale("en").Time(at, time.UTC)))
	assert.Empty(t, newLocale("en").Time(time.Time{}, time.UTC))
}

func TestAPageForThoseFromOutsideSpeaksTheirLanguage(t *testing.T) {
	t.Parallel()
	h := buildWith(t, "", httpport.Route{
		Method: http.MethodGet, Path: "/outside", Needs: application.Visitor, ErrorPage: portalErrorPage,
		Handle: func(k *httpport.Call) { k.Fail(fault.New(fault.RuleViolated, "some_code", "Only in English.")) },
	})
	for accepted, want := range map[string][]string{
		"es-AR":  {`<html lang="es">`, "Esto no es posible."},
		"en":     {`<html lang="en">`, "This is not possible."},
		"pl, nl": {`<html lang="en">`, "This is not possible."},
	} {
		w := h.ask(http.MethodGet, "/outside", "", nil, "Accept-Language", accepted, "Accept", "text/html")
		assert.Equal(t, http.StatusBadRequest, w.Code)
		for _, part := range want {
			assert.Contains(t, w.Body.String(), part, accepted)
		}
		assert.Contains(t, w.Header().Values("Vary"), "Accept-Language")
		assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	}
}
