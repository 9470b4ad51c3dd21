package fuzz

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// texts are what people, other programs and attackers send where a text is expected.
var texts = []string{
	"", " ", "\x00", "a\x00b", "\xff\xfe", "\xc3(", "\xed\xa0\x80", "\u202eevil\u200b\ufeff", "😀😀", "é", "e\u0301", "İıſK", "ﬀ", "\r\nSet-Cookie: a=b", "\t", "\u2028",
	"' OR 1=1 --", `"; DROP TABLE leads; --`, "%", "_", `\`, "%%%s%n", "$(id)", "{{7*7}}", "<script>alert(1)</script>", "../../etc/passwd", "..%2f",
	"null", "true", "NaN", "Infinity", "-0", "0", "1", "-1", "1e400", "1e-400", "0x10", "1_000", "9223372036854775807", "9223372036854775808", "0.1", "45.001", "1e2", "٣",
	"2026-01-31", "2026-02-30", "0000-00-00", "9999-12-31", "2026-01-31T25:00:00Z", "2026-01-31T10:00:00+23:59", "10000-01-01",
	"a@b.example", "a@b", "@", "a@b.example\n", "\"a b\"@b.example", "a@" + "ü.example", "+1 604 785 3793", "604-785-3793", "1", "00000000", "tel:+1",
	"TX", "texas", "ZZ", "75001", "501", "USD", "XXX", "America/Chicago", "Mars/Base", "Local", "../UTC", "https://example.com", "javascript:alert(1)", "//evil.example", "http://[::1]:1/",
	"day", "hour", "total", "active", "paused", "desc", "asc", "exclusive", "shared", "priority", "percent", "fixed", "any", "all", "phone", "email", "enum", "lead.sold.v1", "x.team.y.v1",
	"lm_program_a_b", "buyer_01M7Y2AEBPP9KKDX8J183NFP5N", "lead_00000000000000000000000000", "BUYER_01M7Y2AEBPP9KKDX8J183NFP5N", "buyer_01M7Y2AEBPP9KKDX8J183NFP5N ", "acme", "ACME1234",
}

// long are the lengths at which limits stand.
var long = []int{64, 65, 191, 192, 200, 201, 255, 256, 1000, 1001, 5000, 5001, 16384, 65535, 65536, 70000}

// values makes what clients send. Two with the same seed make the same.
type values struct {
	r   *rand.Rand
	ids *ids
}

func pick[T any](v *values, of []T) T { return of[v.r.IntN(len(of))] }

// one reports true once in n times.
func (v *values) one(n int) bool { return v.r.IntN(n) == 0 }

func (v *values) text() string {
	switch v.r.IntN(12) {
	case 0:
		return strings.Repeat(pick(v, []string{"a", "é", "😀", "\\", "\"", "\x00", " "}), pick(v, long))
	case 1:
		return pick(v, texts) + pick(v, texts)
	case 2, 3:
		return v.ids.any(v)
	default:
		return pick(v, texts)
	}
}

// anything is a value of any type.
func (v *values) anything(depth int) any {
	switch v.r.IntN(10) {
	case 0:
		return nil
	case 1:
		return v.one(2)
	case 2:
		return json.Number(pick(v, []string{"0", "-0", "1", "-1", "1.5", "0.000001", "0.0000001", "1e2", "1e15", "9e18", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e400", "1e-400", "123456789012345678901234567890"}))
	case 3:
		if depth > 2 {
			return map[string]any{}
		}
		o := map[string]any{}
		for range v.r.IntN(4) {
			o[v.text()] = v.anything(depth + 1)
		}
		return o
	case 4:
		if depth > 2 {
			return []any{}
		}
		list := make([]any, 0, 4)
		n := v.r.IntN(4)
		if v.one(50) {
			n = 1001
		}
		for range n {
			list = append(list, v.anything(3))
		}
		return list
	case 5:
		return map[string]any{"id": v.ids.any(v), "key": v.text(), "email": v.text()}
	default:
		return v.text()
	}
}

// changed is a value with something of it replaced, taken away or added.
func (v *values) changed(of any, members []string) any {
	switch t := of.(type) {
	case map[string]any:
		o := maps.Clone(t)
		for range 1 + v.r.IntN(2) {
			switch name := v.nameIn(o, members); v.r.IntN(6) {
			case 0:
				delete(o, name)
			case 1, 2:
				o[name] = v.changed(o[name], nil)
			default:
				o[name] = v.anything(0)
			}
		}
		return o
	case []any:
		if len(t) == 0 {
			return []any{v.anything(1)}
		}
		list := append([]any(nil), t...)
		i := v.r.IntN(len(list))
		list[i] = v.changed(list[i], nil)
		return list
	default:
		return v.anything(0)
	}
}

func (v *values) nameIn(o map[string]any, members []string) string {
	names := append([]string(nil), members...)
	for name := range o {
		names = append(names, name)
	}
	if len(names) == 0 || v.one(15) {
		return v.text()
	}
	slices.Sort(names)
	return pick(v, names)
}

// kinds are of which kind members of bodies are whose names say it.
var kinds = map[string]string{"seller": "code", "category": "category", "partner_id": "partner", "buyer_id": "buyer", "campaign_id": "campaign", "id": "partner", "key": "partner key"}

// known fills in ids that exist where an example has ids.
func (v *values) known(of any) any {
	switch t := of.(type) {
	case map[string]any:
		o := make(map[string]any, len(t))
		for name, value := range t {
			o[name] = v.known(value)
			if kind := kinds[name]; kind != "" && len(v.ids.known[kind]) > 0 && !v.one(3) {
				if _, text := value.(string); text {
					o[name] = pick(v, v.ids.known[kind])
				}
			}
		}
		return o
	case []any:
		list := make([]any, 0, len(t))
		for _, value := range t {
			list = append(list, v.known(value))
		}
		return list
	case string:
		if prefix := prefixOf(t); prefix != "" {
			return v.ids.of(v, prefix)
		}
		if strings.Contains(t, "@") { // an email is one person's
			return strings.Replace(t, "@", strconv.Itoa(v.r.IntN(1000))+"@", 1)
		}
		return t
	default:
		return of
	}
}

// body is a body of an operation: most often one that is nearly right.
func (v *values) body(example []byte, members []string) string {
	var of any
	d := json.NewDecoder(strings.NewReader(string(example)))
	d.UseNumber()
	if err := d.Decode(&of); err != nil {
		of = map[string]any{}
	}
	of = v.known(of)
	if v.one(2) {
		of = v.changed(of, members)
	}
	text, err := json.Marshal(of)
	if err != nil {
		return "{}"
	}
	switch b := string(text); v.r.IntN(60) {
	case 0:
		return b[:v.r.IntN(len(b))]
	case 1:
		return b + b
	case 2:
		return "\ufeff" + b
	case 3:
		return strings.Repeat("[", 40) + strings.Repeat("]", 40)
	case 4:
		return strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000)
	case 5:
		return strings.TrimSuffix(b, "}") + `,"name":"twice","name":"` + "\\ud800" + `"}`
	case 6:
		return pick(v, []string{"", " ", "null", "[]", `""`, "0", "nul", "{]", "\x00", "\xff"})
	case 7:
		return `{"name":"` + strings.Repeat("a", 1<<17) + `"}`
	case 8:
		return url.Values{pick(v, append([]string{"name"}, members...)): {v.text()}, v.text(): {v.text()}}.Encode()
	default:
		return b
	}
}

// query is the query of a request.
func (v *values) query(names []string) string {
	if len(names) == 0 && !v.one(10) || v.one(2) {
		return ""
	}
	q := url.Values{}
	for range v.r.IntN(4) {
		name := v.text()
		if len(names) > 0 && !v.one(12) {
			name = pick(v, names)
		}
		value := v.text()
		if name == "wait" || name == "linger" { // a wait is no mistake, only long
			value = pick(v, []string{"", "0", "-1", "x", "99999999999999999999"})
		}
		q.Add(name, value)
	}
	text := q.Encode()
	switch v.r.IntN(60) {
	case 0:
		return text + "&%zz=%"
	case 1:
		return text + ";a=b&&=&a"
	case 2:
		return text + "&a=" + strings.Repeat("b", 10_000)
	}
	return text
}

// columns are what the first line of a file names.
var columns = []string{"seller", "category", "firstName", "lastName", "phone", "state", "email", "zip", "external_id", "test", "kind", "value"}

// csv is a file of lines, more often than not one that can be read.
func (v *values) csv() string {
	names := columns[:1+v.r.IntN(len(columns))]
	if v.one(3) {
		names = []string{"kind", "value"}
	}
	if v.one(10) {
		names = append(slices.Clone(names), v.text(), pick(v, names))
	}
	var b strings.Builder
	line := func(cell func(i int) string) {
		for i := range names {
			if i > 0 {
				b.WriteString(pick(v, []string{",", ",", ",", ",", ",", ",", ",", ",", ",", ";"}))
			}
			text := cell(i)
			if v.one(3) || strings.ContainsAny(text, ",\"\r\n") && !v.one(10) {
				text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
			}
			b.WriteString(text)
		}
		b.WriteString(pick(v, []string{"\n", "\n", "\n", "\r\n", "\r", ""}))
	}
	if v.one(10) {
		b.WriteString("\ufeff")
	}
	line(func(i int) string { return names[i] })
	for range v.r.IntN(20) {
		line(func(int) string { return v.text() })
	}
	return b.String()
}
