package market

import (
	"context"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"github.com/leadmill/leadmill/domain/field"
)

const (
	// mostKept is how much of a request and of an answer is kept, in bytes, and mostRead how much of it is looked at: more than is kept, so that a
	// value that begins in what is kept is known although it ends behind it.
	mostKept = 4 << 10
	mostRead = 8 << 10
	// keyLength is how much of a value must stand before the end of what is looked at.
	keyLength = 64
	// wholeWord is the length in bytes from which on a value is hidden within words too.
	wholeWord = 4
	// leastDigits is how many digits a value has that is found however they are grouped, and phoneDigits one of which the last of them are enough, with
	// mostDigits before their end: the numbers of E.164 have no more.
	leastDigits = 4
	phoneDigits = 7
	mostDigits  = 15
)

// masking bounds how many texts are masked at once: it takes a processor and up to a megabyte each.
var masking = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))

// Masker hides the values of a lead, and what is secret, wherever they stand in a text: as they are, however cased and spaced, escaped for JSON,
// HTML or URLs, also several times over, in Latin-1, and digits however they are grouped, those of a phone number with or without the prefixes
// of their country. What a receiver made of a value otherwise, it cannot know.
type Masker struct {
	forms  []string       // folded
	short  []bool         // of each form, whether only whole words count
	digits map[string]int // what is looked for, and how many digits its value has: of several the most
}

// NewMasker makes a Masker of the values of fields and of secrets.
func NewMasker(fields field.Set, secrets ...string) Masker {
	values := slices.Clone(secrets)
	for _, v := range fields {
		switch v.Kind {
		case field.Text:
			values = append(values, v.Text)
		case field.Number:
			whole, _, _ := strings.Cut(v.Text, ".")
			if values = append(values, v.Text); len(whole) >= leastDigits {
				values = append(values, whole)
			}
		case field.Other:
			values = append(values, leaves(v.Text)...)
		case field.Null, field.Bool:
		}
	}
	m := Masker{digits: map[string]int{}}
	known := map[string]bool{}
	add := func(form string, short bool) {
		if form = strings.TrimSpace(form); form != "" && !known[form] {
			known[form] = true
			m.forms, m.short = append(m.forms, form), append(m.short, short)
		}
	}
	for _, v := range values {
		v = strings.TrimSpace(v)
		plain := unitsOf([]byte(v))
		add(folded(plain).text, len(v) < wholeWord)
		for range decodings {
			if next, changed := decoded(plain); changed {
				plain = next
				add(folded(plain).text, len(v) < wholeWord)
			}
		}
		if d := onlyDigits(v); len(d) >= leastDigits && strings.IndexFunc(v, unicode.IsLetter) < 0 {
			last := d[max(0, len(d)-phoneDigits):]
			m.digits[last] = max(m.digits[last], len(d))
		}
	}
	return m
}

// Hide returns what is kept of a text: at most 4 KiB in valid UTF-8, and nothing when ctx ends before it is its turn.
func (m Masker) Hide(ctx context.Context, text []byte) []byte {
	text = text[:min(len(text), mostRead)]
	hide := make(cover, len(text)+1)
	if len(m.forms) > 0 && len(text) > 0 {
		select {
		case masking <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		m.mark(unitsOf(text), hide)
		<-masking
	}
	var b strings.Builder
	depth := 0
	for i := range min(len(text), mostKept) {
		was := depth > 0
		switch depth += hide[i]; {
		case depth == 0:
			b.WriteByte(text[i])
		case !was:
			b.WriteString(hidden)
		}
	}
	s := strings.ToValidUTF8(b.String(), "�")
	if len(s) > mostKept {
		s = strings.ToValidUTF8(s[:mostKept], "")
	}
	return []byte(s)
}

// cover says for each byte of a text how many more of what is hidden begin there than end: noting one costs the same however long it is, and
// however many lie upon each other.
type cover []int

// decodings is how often a text is decoded that was escaped several times over.
const decodings = 4

// mark marks the bytes of a text that are hidden, in each way in which the text can be read.
func (m Masker) mark(all []unit, hide cover) {
	m.markIn(all, hide)
	for range decodings {
		next, changed := decoded(all)
		if !changed {
			return
		}
		all = next
		m.markIn(all, hide)
	}
}

func (m Masker) markIn(all []unit, hide cover) {
	mark := func(from, to int) { // units
		hide[all[from].from]++
		hide[all[to-1].to]--
	}
	f := folded(all)
	for i, form := range m.forms {
		f.find(form, m.short[i], mark)
	}
	if len(m.digits) > 0 {
		digitsIn(all).find(m.digits, mark)
	}
}

// find marks where a form stands, at the end of the text also where no more than its key does.
func (f foldedText) find(form string, short bool, mark func(from, to int)) {
	for at := 0; ; {
		next := strings.Index(f.text[at:], form)
		if next < 0 {
			break
		}
		at += next
		end := at + len(form)
		if short && !isWord(f.text, at, end) {
			at++
			continue
		}
		mark(f.unit[at], f.unit[end-1]+1)
		at = end
	}
	if len(form) <= keyLength {
		return
	}
	for at := max(0, len(f.text)-len(form)+1); ; at++ {
		next := strings.Index(f.text[at:], form[:keyLength])
		if next < 0 {
			return
		}
		if at += next; strings.HasPrefix(form, f.text[at:]) {
			mark(f.unit[at], f.unit[len(f.text)-1]+1)
			return
		}
	}
}

// isWord reports whether what stands from one byte to another is a word by itself. A letter outside of ASCII may be a word, whatever is beside it.
func isWord(s string, from, to int) bool {
	return (from == 0 || !wordByte(s[from]) || !wordByte(s[from-1])) && (to == len(s) || !wordByte(s[to-1]) || !wordByte(s[to]))
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

// foldedText is a text in lower case in which each run of spaces is one, as which + counts too; unit says for each of its bytes where it comes from.
type foldedText struct {
	text string
	unit []int
}

func folded(all []unit) foldedText {
	var b strings.Builder
	f := foldedText{unit: make([]int, 0, len(all))}
	space := false
	for i, u := range all {
		r := unicode.ToLower(u.r)
		was := space
		if space = r == '+' || unicode.IsSpace(r); space {
			if r = ' '; was {
				continue
			}
		}
		n, _ := b.WriteRune(r)
		for range n {
			f.unit = append(f.unit, i)
		}
	}
	f.text = b.String()
	return f
}

// digitRuns are the digits of a text. Those between which stand more than three characters, or another one than people group digits with, have a mark
// between them.
type digitRuns struct {
	digits string
	unit   []int
}

// grouping are the characters beside spaces that stand between digits of one number.
const grouping = "-+.,/()_'’*·\u2010\u2011\u2012\u2013\u2212"

func digitsIn(all []unit) digitRuns {
	var b strings.Builder
	var d digitRuns
	gap, broken := 0, false
	for i, u := range all {
		if u.r < '0' || u.r > '9' {
			gap++
			broken = broken || gap > 3 || !unicode.IsSpace(u.r) && !strings.ContainsRune(grouping, u.r)
			continue
		}
		if broken {
			b.WriteByte('|')
			d.unit = append(d.unit, -1)
		}
		gap, broken = 0, false
		b.WriteByte(byte(u.r))
		d.unit = append(d.unit, i)
	}
	d.digits = b.String()
	return d
}

// find marks where digits stand that are wanted: those of a phone number by their last ones, with what stands before them; fewer only where no digit
// touches them. It looks at each place once, however many are wanted.
func (d digitRuns) find(wanted map[string]int, mark func(from, to int)) {
	run := 0
	for at := range len(d.digits) {
		if d.digits[at] == '|' {
			run = at + 1
			continue
		}
		for end := at + leastDigits; end <= min(at+phoneDigits, len(d.digits)); end++ {
			digits, from := wanted[d.digits[at:end]], at
			switch {
			case digits == 0:
				continue
			case end-at == phoneDigits:
				from = max(run, end-max(mostDigits, digits))
			case at > 0 && d.unit[at-1] == d.unit[at]-1 || end < len(d.unit) && d.unit[end] == d.unit[end-1]+1:
				continue
			}
			mark(d.unit[from], d.unit[end-1]+1)
		}
	}
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// leaves returns the texts and numbers in JSON.
func leaves(text string) (out []string) {
	var node any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&node) != nil {
		return []string{text}
	}
	var walk func(any)
	walk = func(node any) {
		switch n := node.(type) {
		case string:
			out = append(out, n)
		case json.Number:
			out = append(out, n.String())
		case []any:
			for _, item := range n {
				walk(item)
			}
		case map[string]any:
			for _, item := range n {
				walk(item)
			}
		}
	}
	walk(node)
	return out
}
