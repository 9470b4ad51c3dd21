package attribution_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/fault"
)

var now = time.Date(2026, 1, 31, 3, 4, 5, 0, time.UTC)

const (
	day      = 24 * time.Hour
	explicit = attribution.Explicit
	link     = attribution.Link
	fromLead = attribution.Lead
	operator = attribution.Operator
	current  = attribution.Current
)

func builtIn(t require.TestingT) attribution.Policies {
	p, err := attribution.NewPolicies(nil)
	require.NoError(t, err)
	return p
}

// facts is a new touch of a new customer by an active partner's link, changed by a test.
func facts(change ...func(*attribution.Facts)) attribution.Facts {
	f := attribution.Facts{
		SellerID: "seller_1", CustomerID: "customer_1", Touch: attribution.Touch{Source: link, PartnerID: "partner_2", ReferralKey: "ref_2", At: now},
		PartnerStatus: "active", PartnerEmail: "partner@example.com", CustomerEmail: "customer@example.com", PartnerTags: []string{"gold"}, CustomerTags: []string{"vip"}, Now: now,
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func existing(f *attribution.Facts) {
	f.CurrentPartnerID, f.CurrentSince = "partner_1", now.Add(-60*day)
}
func lastTouch(f *attribution.Facts) { f.Program.LastTouch = true }
func window30(f *attribution.Facts)  { f.Program.Window = 30 * day }
func allowed(f *attribution.Facts)   { f.Program.AllowSelfReferral = true }
func sameEmail(f *attribution.Facts) { f.PartnerEmail = f.CustomerEmail }
func noEmails(f *attribution.Facts)  { f.PartnerEmail, f.CustomerEmail = "", "" }

func source(s attribution.Source) func(*attribution.Facts) {
	return func(f *attribution.Facts) { f.Touch.Source = s }
}

func status(s string) func(*attribution.Facts) {
	return func(f *attribution.Facts) { f.PartnerStatus = s }
}

// touched gives the customer a partner whose touch is that long ago.
func touched(d time.Duration) func(*attribution.Facts) {
	return func(f *attribution.Facts) { f.CurrentTouchedAt = now.Add(-d) }
}

func age(d time.Duration) func(*attribution.Facts) {
	return func(f *attribution.Facts) { f.Touch.At = now.Add(-d) }
}

func all(changes ...func(*attribution.Facts)) func(*attribution.Facts) {
	return func(f *attribution.Facts) {
		for _, c := range changes {
			c(f)
		}
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"self_referral", "inactive_partner", "window", "operator", "lead", "first_touch", "last_touch", "explicit", "link"}, builtIn(t).Codes())
	assert.Empty(t, attribution.Policies{}.Codes())
	_, _, err := attribution.Policies{}.Decide(facts())
	require.ErrorIs(t, err, attribution.ErrNotAttributed, "without policies nobody is attributed")
	policy, attributed, err := attribution.Policies{}.Decide(facts(existing))
	require.NoError(t, err)
	assert.False(t, attributed)
	assert.Empty(t, policy)
}

func TestNew(t *testing.T) {
	t.Parallel()
	assert.True(t, facts().New())
	assert.False(t, facts(existing).New())
}

// Each policy decides its own cases and leaves all others to the next policy.
func TestEachPolicy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		change     func(*attribution.Facts)
		policy     string
		attributed bool
		err        error
	}{
		{"self referral by name", all(source(explicit), sameEmail), "self_referral", false, attribution.ErrSelfReferral},
		{"self referral by link", sameEmail, "self_referral", false, attribution.ErrSelfReferral},
		{"self referral by the operator", all(existing, source(operator), sameEmail), "self_referral", false, attribution.ErrSelfReferral},
		{"self referral by a lead", all(source(fromLead), sameEmail), "self_referral", false, attribution.ErrLeadSelfReferral},
		{"self referral is allowed", all(sameEmail, allowed), "link", true, nil},
		{"no emails are not the same", noEmails, "link", true, nil},
		{"self referral comes before inactive", all(sameEmail, status("archived")), "self_referral", false, attribution.ErrSelfReferral},

		{"archived", status("archived"), "inactive_partner", false, attribution.ErrPartnerNotActive},
		{"rejected", status("rejected"), "inactive_partner", false, attribution.ErrPartnerNotActive},
		{"deleted", status("deleted"), "inactive_partner", false, attribution.ErrPartnerNotActive},
		{"pending is not out", status("pending"), "link", true, nil},
		{"archived, by the operator", all(existing, source(operator), status("archived")), "inactive_partner", false, attribution.ErrPartnerNotActive},
		{"archived, first touch", all(existing, status("archived")), "inactive_partner", false, attribution.ErrPartnerNotActive},
		{"archived, its own lead", all(source(fromLead), status("archived")), "lead", true, nil},
		{"deleted, its own lead", all(source(fromLead), status("deleted"), func(f *attribution.Facts) { f.PartnerEmail = "" }), "lead", true, nil},
		{"inactive comes before the window", all(status("archived"), window30, age(31*day)), "inactive_partner", false, attribution.ErrPartnerNotActive},

		{"too old", all(window30, age(30*day+1)), "window", false, attribution.ErrExpired},
		{"too old by name", all(source(explicit), window30, age(31*day)), "window", false, attribution.ErrExpired},
		{"just in the window", all(window30, age(30*day)), "link", true, nil},
		{"ahead of the clock", all(window30, age(-day)), "link", true, nil},
		{"no window", age(3000 * day), "link", true, nil},
		{"too old for one that exists", all(existing, lastTouch, window30, age(31*day)), "window", false, nil},
		{"the operator needs no window", all(existing, source(operator), window30, age(31*day)), "operator", true, nil},
		{"nor does a lead", all(source(fromLead), window30, age(31*day)), "lead", true, nil},

		{"operator", all(existing, source(operator)), "operator", true, nil},
		{"operator under last touch", all(existing, source(operator), lastTouch), "operator", true, nil},
		{"lead", source(fromLead), "lead", true, nil},
		{"first touch keeps", existing, "first_touch", false, nil},
		{"first touch keeps from a name", all(existing, source(explicit)), "first_touch", false, nil},
		{"last touch", all(existing, lastTouch), "last_touch", true, nil},
		{"last touch of a new one", lastTouch, "link", true, nil},
		{"last touch keeps from an older one", all(existing, lastTouch, touched(time.Hour), age(time.Hour+1)), "last_touch", false, nil},
		{"last touch from one as old", all(existing, lastTouch, touched(time.Hour), age(time.Hour)), "last_touch", true, nil},
		{"an older touch under first touch", all(existing, touched(time.Hour), age(2*time.Hour)), "first_touch", false, nil},
		{"the operator needs no later touch", all(existing, lastTouch, source(operator), touched(0), age(day)), "operator", true, nil},

		{"the customer's own partner", all(existing, source(current)), "first_touch", false, nil},
		{"the customer's own partner under last touch", all(existing, source(current), lastTouch), "last_touch", true, nil},
		{"the customer's own partner's email", all(existing, source(current), lastTouch, sameEmail), "self_referral", false, attribution.ErrSelfReferral},
		{"the customer's own partner's email is allowed", all(existing, source(current), sameEmail, allowed), "first_touch", false, nil},
		{"the customer's own partner is out", all(existing, source(current), status("deleted")), "first_touch", false, nil},
		{"the customer's own partner of long ago", all(existing, source(current), lastTouch, window30, age(31*day)), "last_touch", true, nil},
		{"explicit", source(explicit), "explicit", true, nil},
		{"link", source(link), "link", true, nil},
		{"from nowhere", source(""), "", false, attribution.ErrNotAttributed},
		{"from nowhere, existing", all(existing, source("")), "first_touch", false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			policy, attributed, err := builtIn(t).Decide(facts(tc.change))
			assert.Equal(t, tc.policy, policy)
			assert.Equal(t, tc.attributed, attributed)
			if tc.err == nil {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, told(tc.err), told(err))
		})
	}
}

// The whole order of policies: every combination of facts, compared with the rules of docs/partner-program.md.
func TestWholeOrder(t *testing.T) {
	t.Parallel()
	policies := builtIn(t)
	seen := map[string]int{}
	type choice struct {
		name  string
		apply func(*attribution.Facts)
	}
	nothing := func(*attribution.Facts) {}
	for _, customer := range []choice{{"new", nothing}, {"existing", existing}} {
		for _, from := range []attribution.Source{explicit, link, fromLead, operator, current} {
			if from == current && customer.name == "new" {
				continue // the customer has no partner
			}
			for _, touch := range []choice{{"first", nothing}, {"last", lastTouch}, {"last, after another", all(lastTouch, touched(30*day))}} {
				for _, self := range []choice{{"refused", nothing}, {"allowed", allowed}} {
					for _, window := range []choice{{"none", nothing}, {"30 days", window30}} {
						for _, who := range []string{"pending", "active", "archived", "rejected", "deleted"} {
							for _, email := range []choice{{"other", nothing}, {"same", sameEmail}, {"none", noEmails}} {
								for _, old := range []time.Duration{0, 30 * day, 30*day + time.Microsecond} {
									name := fmt.Sprint(customer.name, from, touch.name, self.name, window.name, who, email.name, old)
									f := facts(customer.apply, source(from), touch.apply, self.apply, window.apply, status(who), email.apply, age(old))
									var policy string
									attributed, keeps, refused := false, false, error(nil)
									switch {
									case email.name == "same" && self.name == "refused" && from == fromLead:
										policy, refused = "self_referral", attribution.ErrLeadSelfReferral
									case email.name == "same" && self.name == "refused":
										policy, refused = "self_referral", attribution.ErrSelfReferral
									case from == fromLead:
										policy, attributed = "lead", true
									case who != "pending" && who != "active" && from != current:
										policy, refused = "inactive_partner", attribution.ErrPartnerNotActive
									case from == operator:
										policy, attributed = "operator", true
									case window.name == "30 days" && old > 30*day && customer.name == "new":
										policy, refused = "window", attribution.ErrExpired
									case window.name == "30 days" && old > 30*day && from != current:
										policy, keeps = "window", true
									case customer.name == "existing" && touch.name == "first":
										policy, keeps = "first_touch", true
									case customer.name == "existing" && touch.name != "last" && old > 30*day:
										policy, keeps = "last_touch", true
									case customer.name == "existing":
										policy, attributed = "last_touch", true
									default:
										policy, attributed = string(from), true
									}
									by, got, err := policies.Decide(f)
									require.Equal(t, policy, by, name)
									require.Equal(t, attributed, got, name)
									if refused != nil {
										require.Equal(t, told(refused), told(err), name)
										require.ErrorIs(t, err, refused, name)
									} else {
										require.NoError(t, err, name)
									}
									require.NotEqual(t, attributed, keeps || refused != nil, name)
									seen[policy]++
								}
							}
						}
					}
				}
			}
		}
	}
	assert.Len(t, seen, 9, "every policy decided something: %v", seen)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []fault.Violation{{Field: "email", Code: "self_referral", Message: "is the partner's own: a partner cannot refer itself"}}, attribution.ErrSelfReferral.Violations)
	assert.Equal(t, fault.Invalid, attribution.ErrSelfReferral.Kind)
	for code, err := range map[fault.Code]*fault.Error{
		"self_referral": attribution.ErrLeadSelfReferral, "partner_not_active": attribution.ErrPartnerNotActive,
		"attribution_expired": attribution.ErrExpired, "not_attributed": attribution.ErrNotAttributed,
	} {
		assert.Equal(t, code, err.Code)
		assert.Equal(t, fault.RuleViolated, err.Kind)
		assert.Empty(t, err.Violations)
	}
}

// own is a policy of an extension.
type own struct {
	code   string
	order  int
	decide func(attribution.Facts) attribution.Verdict
}

func (o own) Code() string { return o.code }
func (o own) Order() int   { return o.order }
func (o own) Decide(f attribution.Facts) attribution.Verdict {
	return o.decide(f)
}

func says(v attribution.Verdict) func(attribution.Facts) attribution.Verdict {
	return func(attribution.Facts) attribution.Verdict { return v }
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	onlyGold := func(f attribution.Facts) attribution.Verdict {
		if f.PartnerTags[0] != "gold" {
			return attribution.Refuse(errors.New("Only gold partners."))
		}
		return attribution.Verdict{}
	}
	for _, tc := range []struct {
		name       string
		instead    []attribution.Policy
		with       []attribution.Policy
		change     func(*attribution.Facts)
		codes      string
		policy     string
		attributed bool
	}{
		{
			"replaces a built-in one in its place",
			[]attribution.Policy{own{"first_touch", 600, says(attribution.Attribute())}},
			nil,
			existing,
			"self_referral inactive_partner window operator lead first_touch last_touch explicit link", "first_touch", true,
		},
		{
			"replaces a built-in one elsewhere",
			[]attribution.Policy{own{"self_referral", 900, says(attribution.Keep())}},
			nil,
			sameEmail,
			"inactive_partner window operator lead first_touch last_touch explicit link self_referral", "link", true,
		},
		{
			"precedes them all",
			nil,
			[]attribution.Policy{own{"acme", 1, says(attribution.Attribute())}},
			all(sameEmail, status("archived")),
			"acme self_referral inactive_partner window operator lead first_touch last_touch explicit link", "acme", true,
		},
		{
			"precedes and says nothing",
			nil,
			[]attribution.Policy{own{"acme", -5, onlyGold}},
			existing,
			"acme self_referral inactive_partner window operator lead first_touch last_touch explicit link", "first_touch", false,
		},
		{
			"between, ties by code",
			nil,
			[]attribution.Policy{own{"zz", 500, says(attribution.Verdict{})}, own{"aa", 500, says(attribution.Keep())}},
			existing,
			"self_referral inactive_partner window operator aa lead zz first_touch last_touch explicit link", "aa", false,
		},
		{
			"comes last",
			nil,
			[]attribution.Policy{own{"acme", 1000, says(attribution.Attribute())}},
			source("import"),
			"self_referral inactive_partner window operator lead first_touch last_touch explicit link acme", "acme", true,
		},
		{
			"replaces all",
			[]attribution.Policy{
				own{"self_referral", 0, says(attribution.Verdict{})},
				own{"inactive_partner", 0, says(attribution.Verdict{})},
				own{"window", 0, says(attribution.Verdict{})},
				own{"operator", 0, says(attribution.Verdict{})},
				own{"lead", 0, says(attribution.Verdict{})},
				own{"first_touch", 0, says(attribution.Verdict{})},
				own{"last_touch", 0, says(attribution.Verdict{})},
				own{"explicit", 0, says(attribution.Verdict{})},
				own{"link", 0, says(attribution.Verdict{})},
			},
			nil,
			existing,
			"explicit first_touch inactive_partner last_touch lead link operator self_referral window", "", false,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, err := attribution.NewPolicies(tc.instead, tc.with...)
			require.NoError(t, err)
			assert.Equal(t, tc.codes, strings.Join(p.Codes(), " "))
			listing := p.Codes()
			for i, code := range listing {
				if slices.ContainsFunc(tc.instead, func(r attribution.Policy) bool { return r.Code() == code }) {
					listing[i] += " (replaced)"
				}
			}
			assert.Equal(t, listing, p.Listing())
			policy, attributed, err := p.Decide(facts(tc.change))
			require.NoError(t, err)
			assert.Equal(t, tc.policy, policy)
			assert.Equal(t, tc.attributed, attributed)
		})
	}
	assert.Len(t, builtIn(t).Codes(), 9, "the built-in ones are not changed by extensions")
}

func TestExtensionCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"", "Acme", "acme-rule", "a b", "a\n", "é", strings.Repeat("a", 65)} {
		p, err := attribution.NewPolicies(nil, own{code: code})
		require.ErrorContains(t, err, "must be 1 to 64", "%q", code)
		assert.Empty(t, p.Codes())
	}
	_, err := attribution.NewPolicies(nil, own{code: strings.Repeat("a", 64)}, own{code: "a_9"})
	require.NoError(t, err)
	_, err = attribution.NewPolicies(nil, own{code: "acme", order: 1}, own{code: "other"}, own{code: "acme", order: 2})
	require.ErrorContains(t, err, `two attribution policies have the code "acme"`)
	_, err = attribution.NewPolicies(nil, own{code: "window"})
	require.ErrorContains(t, err, `the attribution policy "window" has the code of a built-in one; to replace it use ReplacePolicy`, "only what is declared replaces")
	window := []attribution.Policy{own{code: "window"}}
	_, err = attribution.NewPolicies(window, own{code: "window"})
	require.ErrorContains(t, err, `the attribution policy "window" has the code of a built-in one; to replace it use ReplacePolicy`)
	_, err = attribution.NewPolicies(append(window, window...))
	require.ErrorContains(t, err, `two attribution policies replace the built-in "window"`)
	p, err := attribution.NewPolicies([]attribution.Policy{own{code: "windows"}}, own{code: "acme"})
	require.ErrorContains(t, err, `no built-in attribution policy has the code "windows"`)
	assert.Empty(t, p.Codes())
	_, err = attribution.NewPolicies([]attribution.Policy{own{code: "acme"}}, own{code: "acme"})
	require.ErrorContains(t, err, `no built-in attribution policy has the code "acme"`, "a team's own is no built-in one")
}

func TestVerdictsTellWhatTheyAre(t *testing.T) {
	t.Parallel()
	reason := errors.New("Not here.")
	for name, tc := range map[string]struct {
		verdict attribution.Verdict
		want    [4]bool
		reason  error
	}{
		"attribute":               {attribution.Attribute(), [4]bool{true, false, false, false}, nil},
		"keep":                    {attribution.Keep(), [4]bool{false, true, false, false}, nil},
		"refuse":                  {attribution.Refuse(reason), [4]bool{false, false, true, false}, reason},
		"refuse without a reason": {attribution.Refuse(nil), [4]bool{false, false, true, false}, nil},
		"none":                    {attribution.Verdict{}, [4]bool{false, false, false, true}, nil},
	} {
		v := tc.verdict
		assert.Equal(t, tc.want, [4]bool{v.Attributes(), v.Keeps(), v.Refuses(), v.Silent()}, name)
		assert.Equal(t, tc.reason, v.Reason(), name)
	}
}

func TestExtensionVerdicts(t *testing.T) {
	t.Parallel()
	theirs := fault.New(fault.Conflict, "acme_busy", "Later.")
	for _, tc := range []struct {
		name    string
		verdict attribution.Verdict
		change  func(*attribution.Facts)
		err     *fault.Error
	}{
		{"keep on a new customer", attribution.Keep(), all(), attribution.ErrNotAttributed},
		{"keep", attribution.Keep(), existing, nil},
		{"refuse with a text", attribution.Refuse(errors.New("Not\x00 here.\xff")), all(), fault.New(fault.RuleViolated, "acme", "Not  here.\uFFFD")},
		{"refuse with a long text", attribution.Refuse(errors.New(strings.Repeat("x", 9999))), existing, fault.New(fault.RuleViolated, "acme", strings.Repeat("x", 499)+"…")},
		{"refuse without a text", attribution.Refuse(nil), all(), fault.New(fault.RuleViolated, "acme", "Refused.")},
		{"refuse with an error", attribution.Refuse(theirs), all(), theirs},
		{"refuse with a wrapped error", attribution.Refuse(fmt.Errorf("acme: %w", theirs)), existing, theirs},
		{"refuse with fields", attribution.Refuse(attribution.ErrSelfReferral), existing, attribution.ErrSelfReferral},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, err := attribution.NewPolicies(nil, own{"acme", 0, says(tc.verdict)})
			require.NoError(t, err)
			policy, attributed, err := p.Decide(facts(tc.change))
			assert.Equal(t, "acme", policy)
			assert.False(t, attributed)
			if tc.err == nil {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, told(tc.err), told(err))
		})
	}
}

func TestAPolicyChangesNothing(t *testing.T) {
	t.Parallel()
	vandal := own{"vandal", 0, func(f attribution.Facts) attribution.Verdict {
		f.PartnerTags[0], f.CustomerTags[0], f.CurrentPartnerID, f.Program.LastTouch = "x", "x", "partner_2", true
		return attribution.Verdict{}
	}}
	var told attribution.Facts
	witness := own{"witness", 1, func(f attribution.Facts) attribution.Verdict { told = f; return attribution.Verdict{} }}
	p, err := attribution.NewPolicies(nil, vandal, witness)
	require.NoError(t, err)
	f := facts(existing)
	policy, attributed, err := p.Decide(f)
	require.NoError(t, err)
	assert.Equal(t, facts(existing), told, "what one policy does to its facts no other sees")
	assert.Equal(t, facts(existing), f)
	assert.Equal(t, "first_touch", policy)
	assert.False(t, attributed)
}

func TestTheFirstOpinionDecides(t *testing.T) {
	t.Parallel()
	var asked []string
	ask := func(code string, order int, v attribution.Verdict) own {
		return own{code, order, func(attribution.Facts) attribution.Verdict { asked = append(asked, code); return v }}
	}
	p, err := attribution.NewPolicies(nil, ask("c", 3, attribution.Refuse(nil)), ask("b", 2, attribution.Attribute()), ask("a", 1, attribution.Verdict{}))
	require.NoError(t, err)
	policy, attributed, err := p.Decide(facts())
	require.NoError(t, err)
	assert.True(t, attributed)
	assert.Equal(t, "b", policy)
	assert.Equal(t, []string{"a", "b"}, asked)
}

// Any number of touches in any order: under first touch the first link keeps the customer; under last touch the customer
// goes to the partner with the latest touch within the window, leaving out partners that may not be attributed to.
func TestTouchesProperty(t *testing.T) {
	t.Parallel()
	policies := builtIn(t)
	for _, last := range []bool{false, true} {
		t.Run(fmt.Sprint("last touch ", last), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				program := attribution.Program{LastTouch: last, Window: time.Duration(rapid.SampledFrom([]int{0, 30}).Draw(t, "window")) * day}
				has, want, at := "", "", now
				var hasSince, wantSince time.Time
				for range rapid.IntRange(1, 20).Draw(t, "touches") {
					at = at.Add(time.Duration(rapid.IntRange(0, 48).Draw(t, "hours")) * time.Hour)
					who := rapid.SampledFrom([]string{"active", "archived", "rejected"}).Draw(t, "status")
					old := time.Duration(rapid.IntRange(0, 40).Draw(t, "age")) * day
					by := fmt.Sprint("partner_", rapid.IntRange(1, 4).Draw(t, "partner"))
					_, attributed, err := policies.Decide(facts(func(f *attribution.Facts) {
						f.CurrentPartnerID, f.Now, f.Program, f.PartnerStatus = has, at, program, who
						f.Touch.PartnerID, f.Touch.At, f.CurrentTouchedAt = by, at.Add(-old), hasSince
					}))
					counts := who == "active" && (program.Window == 0 || old <= program.Window)
					if attributed && err != nil || has == "" && !attributed && err == nil || has == "" && attributed != counts {
						t.Fatalf("has %q: attributed %v, %v", has, attributed, err)
					}
					if attributed {
						has, hasSince = by, at.Add(-old)
					}
					if counts && (last && !at.Add(-old).Before(wantSince) || want == "") {
						want, wantSince = by, at.Add(-old)
					}
					if has != want {
						t.Fatalf("the customer is %q's, not %q's", has, want)
					}
				}
			})
		})
	}
}

// told is the part of an error that a client sees.
func told(err error) []any {
	e := fault.As(err)
	if e == nil {
		return []any{err}
	}
	return []any{e.Kind, e.Code, e.Message, e.Violations}
}
