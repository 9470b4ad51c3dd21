package consolehttp

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/money"
)

// symbols are how amounts of common currencies begin; those of others end with their code.
var symbols = map[string]string{"USD": "$", "EUR": "€", "GBP": "£"}

// Money writes an amount of the seller's currency: $1,125.00, −$3.50, 1,125 JPY.
func (v *Visit) Money(m money.Micros) string { return FormatMoney(m, v.Currency()) }

// FormatMoney writes an amount with its currency.
func FormatMoney(m money.Micros, c money.Currency) string {
	text, negative := strings.CutPrefix(m.Format(c), "-")
	text = grouped(text)
	if symbol := symbols[c.Code()]; symbol != "" {
		text = symbol + text
	} else {
		text += "\u00a0" + c.Code()
	}
	if negative {
		return "−" + text
	}
	return text
}

// grouped puts commas between the thousands of a number without a sign.
func grouped(number string) string {
	whole, fraction, has := strings.Cut(number, ".")
	var b strings.Builder
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	if has {
		b.WriteString("." + fraction)
	}
	return b.String()
}

// Count writes a whole number: 12,345.
func (*Visit) Count(n any) string {
	var text string
	switch n := n.(type) {
	case int:
		text = strconv.Itoa(n)
	case int64:
		text = strconv.FormatInt(n, 10)
	default:
		panic("consolehttp: no whole number")
	}
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		return "−" + grouped(rest)
	}
	return grouped(text)
}

// Time writes a time in the seller's zone, with the exact one behind it; nothing for the zero time.
func (v *Visit) Time(t time.Time) template.HTML {
	local := t.In(v.Zone())
	layout := "2 Jan 15:04"
	if local.Year() != v.Now().In(v.Zone()).Year() {
		layout = "2 Jan 2006 15:04"
	}
	return v.timeAs(t, local.Format(layout))
}

// Clock is Time with seconds, for what follows one another quickly.
func (v *Visit) Clock(t time.Time) template.HTML {
	return v.timeAs(t, t.In(v.Zone()).Format("2 Jan 15:04:05"))
}

// Ago writes how long ago a time was, or when it will be, roughly.
func (v *Visit) Ago(t time.Time) template.HTML {
	d := v.Now().Sub(t)
	text := "just now"
	switch {
	case d <= -time.Minute:
		text = "in " + Span(-d)
	case d >= time.Minute:
		text = Span(d) + " ago"
	}
	return v.timeAs(t, text)
}

func (v *Visit) timeAs(t time.Time, text string) template.HTML {
	if t.IsZero() {
		return ""
	}
	exact := t.UTC().Format("2006-01-02T15:04:05.000000Z")
	title := t.In(v.Zone()).Format("2 Jan 2006 15:04:05 MST") + " · " + exact
	return template.HTML(`<time datetime="` + exact + `" title="` + template.HTMLEscapeString(title) + `">` + template.HTMLEscapeString(text) + `</time>`) //nolint:gosec // escaped
}

// Span writes a duration in its largest whole unit: 45 min, 3 h, 12 days.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 2*day:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
	return strconv.Itoa(int(d/day)) + " days"
}

// Status is a status as a word and a colour.
type Status struct{ Word, Tone string }

// tones say what statuses mean to whoever reads them; others are neutral.
var tones = map[string]string{
	"sold": "good", "active": "good", "approved": "good", "delivered": "good", "converted": "good", "captured": "good", "succeeded": "good", "accepted": "good", "done": "good", "enabled": "good",
	"pending": "wait", "quarantined": "wait", "requested": "wait", "return_requested": "wait", "reserved": "wait", "waiting": "wait", "invited": "wait", "retrying": "wait", "queued": "wait", "running": "wait", "paused": "wait",
	"rejected": "bad", "failed": "bad", "unsold": "bad", "disabled": "bad", "error": "bad", "expired": "bad", "exhausted": "bad", "suspended": "bad",
	"returned": "note",
}

func newStatus(status string) Status {
	word := strings.ReplaceAll(status, "_", " ")
	if word != "" {
		word = strings.ToUpper(word[:1]) + word[1:]
	}
	tone := tones[status]
	if tone == "" {
		tone = "plain"
	}
	return Status{word, tone}
}

// Share is a part of a whole as a bar.
type Share struct {
	Part, Whole int64
	Label       string
	Full        bool
}

func share(part, whole int64, label string) Share {
	return Share{Part: min(part, whole), Whole: max(whole, 1), Label: label, Full: whole > 0 && part >= whole}
}
