package market

import (
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// unit is a character of a text, and the bytes of the text that it was read from.
type unit struct {
	r        rune
	from, to int
}

// unitsOf reads a text as UTF-8, and as Latin-1 where it is not.
func unitsOf(text []byte) []unit {
	all := make([]unit, 0, len(text))
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			r = rune(text[i])
		}
		all = append(all, unit{r, i, i + n})
		i += n
	}
	return all
}

// decoded returns a text without one layer of what escapes characters in URLs, JSON and HTML; changed is false when nothing was escaped.
func decoded(all []unit) (out []unit, changed bool) {
	out = make([]unit, 0, len(all))
	for i := 0; i < len(all); {
		var got []rune
		n := 0
		switch all[i].r {
		case '%':
			got, n = percents(all[i:])
		case '\\':
			got, n = backslash(all[i:])
		case '&':
			got, n = entity(all[i:])
		}
		if n == 0 {
			out = append(out, all[i])
			i++
			continue
		}
		for _, r := range got {
			out = append(out, unit{r, all[i].from, all[i+n-1].to})
		}
		changed = true
		i += n
	}
	return out, changed
}

// percents reads one character of a URL, %C3%BC: its runes and how many units it takes, 0 when it is none.
func percents(all []unit) (got []rune, n int) {
	var b []byte
	for len(b) < utf8.UTFMax && n+2 < len(all) && all[n].r == '%' {
		c, ok := hexOf(all[n+1 : n+3])
		if !ok {
			break
		}
		b = append(b, byte(c))
		n += 3
	}
	if len(b) == 0 {
		return nil, 0
	}
	r, size := utf8.DecodeRune(b)
	if r == utf8.RuneError {
		r, size = rune(b[0]), 1
	}
	return []rune{r}, 3 * size
}

// backslash reads one character that JSON escapes.
func backslash(all []unit) (got []rune, n int) {
	if len(all) < 2 {
		return nil, 0
	}
	switch c := all[1].r; c {
	case '"', '\\', '/', '\'':
		return []rune{c}, 2
	case 'n', 'r', 't', 'b', 'f':
		return []rune{' '}, 2
	case 'u':
		r, ok := codeOf(all)
		if !ok {
			return nil, 0
		}
		if low, ok := codeOf(all[6:]); ok && utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return []rune{pair}, 12
			}
		}
		return []rune{r}, 6
	}
	return nil, 0
}

// codeOf reads \u00fc.
func codeOf(all []unit) (r rune, ok bool) {
	if len(all) < 6 || all[0].r != '\\' || all[1].r != 'u' {
		return 0, false
	}
	return hexOf(all[2:6])
}

// entity reads one character that HTML escapes, and few are two.
func entity(all []unit) (got []rune, n int) {
	const longest = 33
	var b strings.Builder
	b.WriteByte('&')
	for i := 1; i < min(len(all), longest); i++ {
		c := all[i].r
		b.WriteRune(c)
		if c == ';' {
			if text := html.UnescapeString(b.String()); text != b.String() {
				return []rune(text), i + 1
			}
			return nil, 0
		}
		if c != '#' && (c > unicode.MaxASCII || !wordByte(byte(c))) {
			return nil, 0
		}
	}
	return nil, 0
}

func hexOf(all []unit) (rune, bool) {
	digits := make([]rune, len(all))
	for i := range all {
		digits[i] = all[i].r
	}
	n, err := strconv.ParseUint(string(digits), 16, 32)
	return rune(n), err == nil
}
