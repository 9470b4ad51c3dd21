package campaign

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/leadmill/leadmill/domain/fault"
)

const (
	// maxText is how long a path may be, and what an answer is compared with.
	maxText = 200
	// maxSteps is how deep a path may go.
	maxSteps = 10
	// maxIndex is the largest index of a list in a path.
	maxIndex = 999
)

// Response says how an answer of a buyer is read that is asked to confirm. The zero Response reads {"status":"accepted|rejected|duplicate","price","reference"}. Price and Reference are paths;
// what is empty is not read.
type Response struct {
	Accepted, Rejected, Duplicate Sign
	Price, Reference              string
}

// Sign says which answers mean something: those in which what Path leads to, or without a Path the whole body, is Equals or contains Contains.
type Sign struct{ Path, Equals, Contains string }

// IsZero reports whether answers are read as Leadmill asks for them.
func (r Response) IsZero() bool { return r == Response{} }

// IsZero reports whether no answer matches.
func (m Sign) IsZero() bool { return m == Sign{} }

// Text reports whether a text is what a Sign looks for.
func (m Sign) Text(text string) bool {
	if m.Contains != "" {
		return strings.Contains(text, m.Contains)
	}
	return m.Equals != "" && text == m.Equals
}

// applyConfirm applies what terms say about asking.
func (d *Delivery) applyConfirm(t DeliveryTerms, asks bool, v *fault.Violations) {
	if t.Response != nil {
		d.Response = *t.Response
	}
	if t.PriceFromAnswer != nil {
		d.PriceFromAnswer = *t.PriceFromAnswer
	}
	d.Confirm = asks
	if !asks {
		if t.Response != nil && !t.Response.IsZero() {
			v.Add("response", fault.InvalidValue, "must not be given where mode is not confirm")
		}
		if t.PriceFromAnswer != nil && *t.PriceFromAnswer {
			v.Add("price_from_answer", fault.InvalidValue, "must not be true where mode is not confirm")
		}
		d.Response, d.PriceFromAnswer = Response{}, false
		return
	}
	if d.Email != "" {
		v.Add("email", fault.InvalidValue, "must not be given where mode is confirm: a mail has no answer")
	} else if d.URL == "" {
		v.Add("url", fault.Required, "is required where mode is confirm")
	}
	d.Response.check(d.PriceFromAnswer, v)
}

func (r Response) check(pays bool, v *fault.Violations) {
	if r.IsZero() {
		return
	}
	if r.Accepted.IsZero() {
		v.Add("response.accepted", fault.Required, "is required in response")
	}
	for _, m := range []struct {
		name string
		Sign
	}{{"accepted", r.Accepted}, {"rejected", r.Rejected}, {"duplicate", r.Duplicate}} {
		m.check("response."+m.name, v)
	}
	checkPath("response.price.path", r.Price, v)
	checkPath("response.reference.path", r.Reference, v)
	if pays && r.Price == "" {
		v.Add("response.price", fault.Required, "is required where price_from_answer is true")
	}
}

func (m Sign) check(at string, v *fault.Violations) {
	if m.IsZero() {
		return
	}
	if (m.Equals == "") == (m.Contains == "") {
		v.Add(at, fault.InvalidValue, "must have either equals or contains")
	}
	for name, text := range map[string]string{"equals": m.Equals, "contains": m.Contains} {
		if utf8.RuneCountInString(text) > maxText || strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) || strings.TrimSpace(text) != text {
			v.Add(at+"."+name, fault.InvalidValue, "must be at most 200 characters that can be read, without spaces around them")
		}
	}
	checkPath(at+".path", m.Path, v)
}

func checkPath(at, path string, v *fault.Violations) {
	if _, ok := PathSteps(path); !ok {
		v.Add(at, fault.InvalidValue, "must be the path of a member, such as $.result.status or $.results[0]")
	}
}

// PathStep is a step of a path: to a member of an object, or to an element of a list when Name is empty.
type PathStep struct {
	Name  string
	Index int
}

// PathSteps returns the steps of a path such as $.results[0].status; none of an empty one. ok is false when it is no path.
func PathSteps(path string) (steps []PathStep, ok bool) {
	if path == "" {
		return nil, true
	}
	rest, ok := strings.CutPrefix(path, "$")
	if !ok || rest == "" || utf8.RuneCountInString(path) > maxText || !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) {
		return nil, false
	}
	for rest != "" {
		var step PathStep
		switch {
		case rest[0] == '.':
			n := strings.IndexAny(rest[1:], ".[") + 1
			if n == 0 {
				n = len(rest)
			}
			step.Name, rest = rest[1:n], rest[n:]
		case strings.HasPrefix(rest, "['"):
			n := strings.Index(rest, "']")
			if n < 0 {
				return nil, false
			}
			step.Name, rest = rest[2:n], rest[n+2:]
		default:
			inside, behind, closed := strings.Cut(rest, "]")
			digits, opened := strings.CutPrefix(inside, "[")
			n, err := strconv.ParseUint(digits, 10, 16)
			if !closed || !opened || err != nil || n > maxIndex {
				return nil, false
			}
			steps, rest = append(steps, PathStep{Index: int(n)}), behind
			continue
		}
		if step.Name == "" || strings.ContainsAny(step.Name, "*?") {
			return nil, false
		}
		steps = append(steps, step)
	}
	return steps, len(steps) <= maxSteps
}
