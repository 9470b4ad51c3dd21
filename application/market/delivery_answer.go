package market

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/money"
)

// asked is how answers are read that are given as Leadmill asks for them.
var asked = campaign.Response{
	Accepted: campaign.Sign{Path: "$.status", Equals: string(delivery.Accepted)}, Rejected: campaign.Sign{Path: "$.status", Equals: string(delivery.Rejected)},
	Duplicate: campaign.Sign{Path: "$.status", Equals: string(delivery.Duplicate)}, Price: "$.price", Reference: "$.reference",
}

// ReadAnswer reads the body of an answer of a buyer that is asked to confirm a sale in a currency. Where several signs are found, duplicate goes before
// rejected, and accepted, by which a buyer is charged, comes last. A price that is no amount above 0 counts as none.
func ReadAnswer(r campaign.Response, body []byte, currency money.Currency) delivery.Answer {
	return readAnswer(r, body, currency, func(text string) string { return text })
}

// readAnswer is ReadAnswer with what hides what is personal of a reference, before that is cut.
func readAnswer(r campaign.Response, body []byte, currency money.Currency, hide func(string) string) (a delivery.Answer) {
	if r.IsZero() {
		r = asked
	}
	text := strings.TrimSpace(strings.ToValidUTF8(string(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))), "\uFFFD"))
	document, isJSON := parsed(text)
	at := func(path string) (string, bool) {
		if path == "" {
			return text, true
		}
		steps, ok := campaign.PathSteps(path)
		if !ok || !isJSON {
			return "", false
		}
		return follow(document, steps)
	}
	for _, s := range []struct {
		sign    campaign.Sign
		verdict delivery.Verdict
	}{{r.Duplicate, delivery.Duplicate}, {r.Rejected, delivery.Rejected}, {r.Accepted, delivery.Accepted}} {
		if found, ok := at(s.sign.Path); ok && s.sign.Text(found) {
			a.Verdict = s.verdict
			break
		}
	}
	if a.Verdict == delivery.Unsure {
		return a
	}
	if r.Reference != "" {
		if found, ok := at(r.Reference); ok {
			a.Reference = reference(found, hide)
		}
	}
	if found, ok := at(r.Price); ok && r.Price != "" && a.Verdict == delivery.Accepted {
		if price, err := money.ParsePositive(found, currency); err == nil {
			a.Price, a.HasPrice = price, true
		}
	}
	return a
}

// parsed returns what a text is as JSON, with its numbers as they stand.
func parsed(text string) (document any, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&document); err != nil {
		return nil, false
	}
	_, err := d.Token()
	return document, errors.Is(err, io.EOF)
}

// follow returns the text, number or truth value that a path leads to.
func follow(document any, steps []campaign.PathStep) (text string, ok bool) {
	for _, s := range steps {
		switch d := document.(type) {
		case map[string]any:
			if document, ok = d[s.Name]; !ok || s.Name == "" {
				return "", false
			}
		case []any:
			if s.Name != "" || s.Index >= len(d) {
				return "", false
			}
			document = d[s.Index]
		default:
			return "", false
		}
	}
	switch d := document.(type) {
	case string:
		return strings.TrimSpace(d), true
	case json.Number:
		return d.String(), true
	case bool:
		if d {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// reference is what a buyer calls a lead, as it is kept.
func reference(text string, hide func(string) string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text))
	if text != "" {
		text = hide(text)
	}
	if runes := []rune(text); len(runes) > delivery.MostReference {
		text = string(runes[:delivery.MostReference])
	}
	return text
}
