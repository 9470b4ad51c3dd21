package partner_test

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

var later = now.Add(time.Hour)

// stored is a stored partner, changed by a test.
func stored(change ...func(*partner.Snapshot)) *partner.Partner {
	s := partner.Snapshot{
		SellerID: "seller_1", ID: "partner_123", Email: "John@Example.com", EmailKey: "john@example.com", Name: "John", Surname: "Doe",
		Status: partner.StatusActive, Approved: true, Keys: []string{"ref_1", "ref_2", "ref_3"}, Retired: []string{"old"}, Tags: []string{"new"},
		CustomFields: []partner.CustomField{{Name: "Team", Value: "A"}}, ReferringPartnerID: "partner_1", PasswordHash: "$hash",
		CreatedAt: now, UpdatedAt: now, Version: 3,
	}
	for _, c := range change {
		c(&s)
	}
	return partner.FromSnapshot(s)
}

func is(status partner.Status) func(*partner.Snapshot) {
	return func(s *partner.Snapshot) { s.Status, s.Approved = status, status == partner.StatusActive }
}

func invited(s *partner.Snapshot) {
	s.Status, s.Approved, s.Invited, s.PasswordHash = partner.StatusPending, false, true, ""
}

func noPassword(s *partner.Snapshot) { s.PasswordHash = "" }

// refused checks that a step was refused and changed nothing.
func refused(t *testing.T, p *partner.Partner, before partner.Snapshot, want, err error) {
	t.Helper()
	require.ErrorIs(t, err, want)
	assert.Equal(t, fault.As(want).Violations, fault.As(err).Violations)
	assert.Equal(t, before, p.Snapshot(), "a refused step changes nothing")
	assert.Empty(t, p.Pending())
}

func TestRegisterPending(t *testing.T) {
	t.Parallel()
	r := john()
	r.Approved, r.TermsAccepted = false, true
	p, err := partner.Register("seller_1", r, now)
	require.NoError(t, err)
	assert.Equal(t, partner.StatusPending, p.Status())
	assert.False(t, p.Snapshot().Approved)
	assert.False(t, p.Snapshot().Invited)
	assert.True(t, p.Snapshot().TermsAccepted)
	assert.Equal(t, []event.Event{partner.Created{PartnerID: "partner_123", Status: partner.StatusPending, ReferralKey: "ref_123", ReferringPartnerID: "partner_1", At: now}}, p.Pending())
	assert.True(t, p.HasKey("ref_123"))
	assert.False(t, p.HasKey("REF_123"), "keys are case-sensitive")
	assert.False(t, p.HasKey(""))
}

type step struct {
	do func(*partner.Partner) error
	// to is the status after the step for every status from which it is possible.
	to      map[partner.Status]partner.Status
	refusal error
	event   func(to partner.Status) event.Event
}

var steps = map[string]step{
	"approve": {
		func(p *partner.Partner) error { return p.Approve(later) },
		map[partner.Status]partner.Status{partner.StatusPending: partner.StatusActive, partner.StatusRejected: partner.StatusActive},
		partner.ErrAction,
		func(partner.Status) event.Event { return partner.Approved{PartnerID: "partner_123", At: later} },
	},
	"reject": {
		func(p *partner.Partner) error { return p.Reject(later) },
		map[partner.Status]partner.Status{partner.StatusPending: partner.StatusRejected},
		partner.ErrAction,
		func(partner.Status) event.Event { return partner.Rejected{PartnerID: "partner_123", At: later} },
	},
	"archive": {
		func(p *partner.Partner) error { return p.Archive(later) },
		map[partner.Status]partner.Status{partner.StatusPending: partner.StatusArchived, partner.StatusActive: partner.StatusArchived},
		partner.ErrAction,
		func(partner.Status) event.Event { return partner.Archived{PartnerID: "partner_123", At: later} },
	},
	"revoke-archive": {
		func(p *partner.Partner) error { return p.Unarchive(later) },
		map[partner.Status]partner.Status{partner.StatusArchived: partner.StatusPending},
		partner.ErrAction, updated,
	},
	"delete": {
		func(p *partner.Partner) error { return p.Delete(later) },
		map[partner.Status]partner.Status{partner.StatusPending: partner.StatusDeleted, partner.StatusActive: partner.StatusDeleted, partner.StatusArchived: partner.StatusDeleted, partner.StatusRejected: partner.StatusDeleted},
		partner.ErrNotFound, func(partner.Status) event.Event {
			return partner.Deleted{PartnerID: "partner_123", Joined: true, At: later}
		},
	},
	"update":      {func(p *partner.Partner) error { return p.Update(partner.Details{Name: new("Jo")}, later) }, stays, partner.ErrNotFound, updated},
	"add link":    {func(p *partner.Partner) error { return p.AddLink("more", later) }, stays, partner.ErrAction, updated},
	"change link": {func(p *partner.Partner) error { return p.ChangeLink("ref_2", partner.LinkChange{Default: true}, later) }, stays, partner.ErrLinkNotFound, updated},
	"remove link": {func(p *partner.Partner) error { return p.RemoveLink("ref_2", later) }, stays, partner.ErrLinkNotFound, updated},
	"invite":      {func(p *partner.Partner) error { return p.InviteAgain(later) }, nil, partner.Taken("email"), nil},
	"accept":      {func(p *partner.Partner) error { return p.Accept("$new", true, later) }, nil, partner.ErrInvitation, nil},
}

var stays = map[partner.Status]partner.Status{partner.StatusPending: partner.StatusPending, partner.StatusActive: partner.StatusActive, partner.StatusArchived: partner.StatusArchived, partner.StatusRejected: partner.StatusRejected}

func updated(to partner.Status) event.Event {
	return partner.Updated{PartnerID: "partner_123", Status: to, ReferringPartnerID: "partner_1", At: later}
}

// Every step from every status, for a partner that joined.
func TestSteps(t *testing.T) {
	t.Parallel()
	for _, from := range []partner.Status{partner.StatusPending, partner.StatusActive, partner.StatusArchived, partner.StatusRejected, partner.StatusDeleted} {
		for name, s := range steps {
			t.Run(string(from)+" "+name, func(t *testing.T) {
				t.Parallel()
				p := stored(is(from))
				before := p.Snapshot()
				err := s.do(p)
				to, possible := s.to[from]
				if !possible {
					refused(t, p, before, s.refusal, err)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, to, p.Status())
				assert.Equal(t, to == partner.StatusActive || from == partner.StatusActive && to == partner.StatusArchived, p.Snapshot().Approved, "an archive keeps the approval")
				assert.Equal(t, []event.Event{s.event(to)}, p.Pending())
				assert.Equal(t, later, p.Snapshot().UpdatedAt)
				assert.Equal(t, now, p.Snapshot().CreatedAt)
				assert.Equal(t, int64(4), p.Version())
			})
		}
	}
}

func TestUnarchiveLeadsBack(t *testing.T) {
	t.Parallel()
	for _, from := range []partner.Status{partner.StatusPending, partner.StatusActive} {
		p := stored(is(from))
		require.NoError(t, p.Archive(later))
		require.NoError(t, p.Unarchive(later))
		assert.Equal(t, from, p.Status())
		assert.Equal(t, partner.Updated{PartnerID: "partner_123", Status: from, ReferringPartnerID: "partner_1", At: later}, p.Pending()[1])
	}
}

func TestInvite(t *testing.T) {
	t.Parallel()
	r := john()
	r.Approved, r.PasswordHash = true, "$mine"
	p, err := partner.Invite("seller_1", r, now)
	require.NoError(t, err)
	want := partner.Snapshot{
		SellerID: "seller_1", ID: "partner_123", Email: "John@Example.com", EmailKey: "john@example.com", Name: "John", Surname: "Doe",
		Status: partner.StatusPending, Invited: true, Keys: []string{"ref_123"}, Tags: []string{"new", "premium"}, CustomFields: []partner.CustomField{{Name: "Team", Value: "A\nB"}},
		ReferringPartnerID: "partner_1", CreatedAt: now, UpdatedAt: now, Version: 1,
	}
	assert.Equal(t, want, p.Snapshot(), "an invited partner has no password and is not approved, whatever was said")
	assert.Equal(t, []event.Event{partner.Invited{PartnerID: "partner_123", At: now}}, p.Pending(), "it did not join yet")
	assert.True(t, p.AcceptsInvitation())

	p, err = partner.Invite("seller_1", partner.Registration{Name: " ", ID: "i", Key: "k", Surname: "\x00"}, now)
	require.ErrorIs(t, err, fault.ErrValidation)
	assert.Nil(t, p)
	assert.Equal(t, []fault.Violation{
		{Field: "name", Code: fault.Required, Message: "is required"},
		{Field: "email", Code: fault.Required, Message: "is required"},
		{Field: "surname", Code: fault.InvalidValue, Message: "must not contain control characters"},
	}, fault.As(err).Violations)
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	created := partner.Created{PartnerID: "partner_123", Status: partner.StatusActive, ReferralKey: "ref_1", ReferringPartnerID: "partner_1", At: later}
	approved := partner.Approved{PartnerID: "partner_123", At: later}
	again := partner.Invited{PartnerID: "partner_123", At: later}
	archived, rejected := partner.Archived{PartnerID: "partner_123", At: later}, partner.Rejected{PartnerID: "partner_123", At: later}
	password := partner.Details{PasswordHash: new("$operator")}
	for _, tc := range []struct {
		name     string
		do       []string
		events   []event.Event
		err      error // of the last step
		status   partner.Status
		invited  bool
		approved bool
		password string
	}{
		{"again", []string{"invite", "invite"}, []event.Event{again, again}, nil, partner.StatusPending, true, false, ""},
		{"accepted", []string{"accept"}, []event.Event{created}, nil, partner.StatusActive, false, true, "$new"},
		{"accepted after another invitation", []string{"invite", "accept"}, []event.Event{again, created}, nil, partner.StatusActive, false, true, "$new"},
		{"accepted twice", []string{"accept", "accept"}, []event.Event{created}, partner.ErrInvitation, partner.StatusActive, false, true, "$new"},
		{"invited once it joined", []string{"accept", "invite"}, []event.Event{created}, partner.Taken("email"), partner.StatusActive, false, true, "$new"},
		{"approved", []string{"approve"}, []event.Event{created, approved}, nil, partner.StatusActive, false, true, ""},
		{"accepted once it was approved", []string{"approve", "accept"}, []event.Event{created, approved, updated(partner.StatusActive)}, nil, partner.StatusActive, false, true, "$new"},
		{"accepted twice once it was approved", []string{"approve", "accept", "accept"}, []event.Event{created, approved, updated(partner.StatusActive)}, partner.ErrInvitation, partner.StatusActive, false, true, "$new"},
		{"invited once it was approved", []string{"approve", "invite"}, []event.Event{created, approved}, partner.Taken("email"), partner.StatusActive, false, true, ""},
		{"accepted with the operator's password", []string{"password", "accept"}, []event.Event{updated(partner.StatusPending)}, partner.ErrInvitation, partner.StatusPending, true, false, "$operator"},
		{"invited with the operator's password", []string{"password", "invite"}, []event.Event{updated(partner.StatusPending)}, partner.Taken("email"), partner.StatusPending, true, false, "$operator"},
		{"approved with the operator's password", []string{"password", "approve"}, []event.Event{updated(partner.StatusPending), created, approved}, nil, partner.StatusActive, false, true, "$operator"},
		{"accepted while archived", []string{"archive", "accept"}, []event.Event{archived}, partner.ErrInvitation, partner.StatusArchived, true, false, ""},
		{"invited while archived", []string{"archive", "invite"}, []event.Event{archived}, partner.Taken("email"), partner.StatusArchived, true, false, ""},
		{"accepted after the archive", []string{"archive", "revoke-archive", "accept"}, []event.Event{archived, updated(partner.StatusPending), created}, nil, partner.StatusActive, false, true, "$new"},
		{"archived after the approval", []string{"approve", "archive", "accept"}, []event.Event{created, approved, archived}, partner.ErrInvitation, partner.StatusArchived, false, true, ""},
		{
			"back after the approval",
			[]string{"approve", "archive", "revoke-archive", "accept"},
			[]event.Event{created, approved, archived, updated(partner.StatusActive), updated(partner.StatusActive)},
			nil, partner.StatusActive, false, true, "$new",
		},
		{"accepted once it was rejected", []string{"reject", "accept"}, []event.Event{rejected}, partner.ErrInvitation, partner.StatusRejected, true, false, ""},
		{"invited once it was rejected", []string{"reject", "invite"}, []event.Event{rejected}, partner.Taken("email"), partner.StatusRejected, true, false, ""},
		{"rejected, then approved", []string{"reject", "approve"}, []event.Event{rejected, created, approved}, nil, partner.StatusActive, false, true, ""},
		{"deleted", []string{"delete", "accept"}, []event.Event{partner.Deleted{PartnerID: "partner_123", At: later}}, partner.ErrInvitation, partner.StatusDeleted, false, false, ""},
		{"joined, then deleted", []string{"accept", "delete"}, []event.Event{created, partner.Deleted{PartnerID: "partner_123", Joined: true, At: later}}, nil, partner.StatusDeleted, false, false, ""},
		{"rejected, then deleted", []string{"reject", "delete"}, []event.Event{rejected, partner.Deleted{PartnerID: "partner_123", At: later}}, nil, partner.StatusDeleted, false, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := stored(invited)
			for i, name := range tc.do {
				var err error
				if name == "password" {
					err = p.Update(password, later)
				} else {
					err = steps[name].do(p)
				}
				if i < len(tc.do)-1 || tc.err == nil {
					require.NoError(t, err, name)
				} else {
					require.ErrorIs(t, err, tc.err, name)
				}
			}
			s := p.Snapshot()
			assert.Equal(t, tc.events, p.Pending())
			assert.Equal(t, tc.status, p.Status())
			assert.Equal(t, []bool{tc.invited, tc.approved}, []bool{s.Invited, s.Approved})
			assert.Equal(t, tc.password, s.PasswordHash)
			assert.Equal(t, later, s.UpdatedAt)
			assert.Equal(t, tc.password == "$new", s.TermsAccepted, "accepting says it")
			assert.Equal(t, tc.password == "" && (s.Invited && tc.status == partner.StatusPending || tc.status == partner.StatusActive), p.AcceptsInvitation())
		})
	}
}

func TestAcceptSaysWhetherTermsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, p := range []*partner.Partner{stored(invited, func(s *partner.Snapshot) { s.TermsAccepted = true }), stored(noPassword, func(s *partner.Snapshot) { s.TermsAccepted = true })} {
		require.NoError(t, p.Accept("$new", false, later))
		assert.False(t, p.Snapshot().TermsAccepted)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	unchanged := stored().Snapshot()
	for _, tc := range []struct {
		name string
		d    partner.Details
		want func(*partner.Snapshot)
	}{
		{"nothing", partner.Details{}, func(*partner.Snapshot) {}},
		{"email", partner.Details{Email: new(" Jane@Example.com ")}, func(s *partner.Snapshot) { s.Email, s.EmailKey = "Jane@Example.com", "jane@example.com" }},
		{"names", partner.Details{Name: new(""), Surname: new(" D 😀")}, func(s *partner.Snapshot) { s.Name, s.Surname = "", " D 😀" }},
		{"password", partner.Details{PasswordHash: new("$2")}, func(s *partner.Snapshot) { s.PasswordHash = "$2" }},
		{"tags", partner.Details{Tags: new([]string{"b", "a", "b"})}, func(s *partner.Snapshot) { s.Tags = []string{"b", "a"} }},
		{"no tags", partner.Details{Tags: new([]string{})}, func(s *partner.Snapshot) { s.Tags = []string{} }},
		{"custom fields", partner.Details{CustomFields: new([]partner.CustomField{{Name: "x", Value: " y "}})}, func(s *partner.Snapshot) { s.CustomFields = []partner.CustomField{{Name: "x", Value: " y "}} }},
		{"no custom fields", partner.Details{CustomFields: new([]partner.CustomField{})}, func(s *partner.Snapshot) { s.CustomFields = []partner.CustomField{} }},
		{"terms", partner.Details{TermsAccepted: new(true)}, func(s *partner.Snapshot) { s.TermsAccepted = true }},
		{"a new key", partner.Details{Key: new("new")}, func(s *partner.Snapshot) { s.Keys = []string{"new", "ref_1", "ref_2", "ref_3"} }},
		{"one of its keys", partner.Details{Key: new("ref_3")}, func(s *partner.Snapshot) { s.Keys = []string{"ref_3", "ref_1", "ref_2"} }},
		{"its default key", partner.Details{Key: new("ref_1")}, func(*partner.Snapshot) {}},
		{"referring", partner.Details{Referring: &partner.Lineage{ID: "p2", Chain: []string{"p2", "p3"}}}, func(s *partner.Snapshot) { s.ReferringPartnerID = "p2" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.name != "nothing", tc.d.Given())
			p := stored()
			require.NoError(t, p.Update(tc.d, later))
			if !tc.d.Given() {
				assert.Equal(t, unchanged, p.Snapshot(), "what says nothing changes nothing")
				assert.Empty(t, p.Pending())
				return
			}
			want := unchanged
			want.UpdatedAt, want.Version = later, 4
			tc.want(&want)
			assert.Equal(t, want, p.Snapshot(), "what is not named stays")
			assert.Equal(t, []event.Event{partner.Updated{PartnerID: "partner_123", Status: partner.StatusActive, ReferringPartnerID: want.ReferringPartnerID, At: later}}, p.Pending())
		})
	}
}

func TestUpdateRules(t *testing.T) {
	t.Parallel()
	circle := []fault.Violation{{Field: "referring_partner", Code: "referral_circle", Message: "would make the partner its own referring partner"}}
	taken := []fault.Violation{{Field: "key", Code: fault.Duplicate, Message: "Key already exists"}}
	for _, tc := range []struct {
		name string
		d    partner.Details
		want []fault.Violation
	}{
		{"no email", partner.Details{Email: new("")}, []fault.Violation{{Field: "email", Code: fault.Required, Message: "is required"}}},
		{"a retired key", partner.Details{Key: new("old")}, taken},
		{"itself", partner.Details{Referring: &partner.Lineage{ID: "partner_123", Chain: []string{"partner_123"}}}, circle},
		{"itself without a chain", partner.Details{Referring: &partner.Lineage{ID: "partner_123"}}, circle},
		{"one it referred", partner.Details{Referring: &partner.Lineage{ID: "p2", Chain: []string{"p2", "partner_123"}}}, circle},
		{"one far below it", partner.Details{Referring: &partner.Lineage{ID: "p2", Chain: append(deep(5000), "partner_123", "p9")}}, circle},
		{"all at once", partner.Details{
			Email: new("x"), Name: new("\n"), Surname: new("\xff"), Tags: new([]string{""}), CustomFields: new([]partner.CustomField{{}}), Key: new("a b"),
			Referring: &partner.Lineage{ID: "partner_123"},
		}, append([]fault.Violation{
			{Field: "email", Code: fault.InvalidValue, Message: "must be an email address"},
			{Field: "name", Code: fault.InvalidValue, Message: "must not contain control characters"},
			{Field: "surname", Code: fault.InvalidValue, Message: "must be valid UTF-8"},
			{Field: "tags", Code: fault.InvalidValue, Message: "must not hold an empty tag"},
			{Field: "custom_fields.0.name", Code: fault.Required, Message: "is required"},
			{Field: "key", Code: fault.InvalidValue, Message: "must be 1 to 64 letters, digits, dots, underscores, tildes or hyphens"},
		}, circle...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := stored()
			before := p.Snapshot()
			err := p.Update(tc.d, later)
			refused(t, p, before, fault.ErrValidation.With(tc.want...), err)
		})
	}
	p := stored()
	require.NoError(t, p.Update(partner.Details{Referring: &partner.Lineage{ID: "p1", Chain: deep(5000)}}, later), "any depth is fine without a circle")
}

func deep(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("p%d", i+10)
	}
	return out
}

func TestLinks(t *testing.T) {
	t.Parallel()
	add := func(key string) func(*partner.Partner) error {
		return func(p *partner.Partner) error { return p.AddLink(key, later) }
	}
	change := func(key string, to *string, first bool) func(*partner.Partner) error {
		return func(p *partner.Partner) error {
			return p.ChangeLink(key, partner.LinkChange{Key: to, Default: first}, later)
		}
	}
	remove := func(key string) func(*partner.Partner) error {
		return func(p *partner.Partner) error { return p.RemoveLink(key, later) }
	}
	set := func(key string) func(*partner.Partner) error {
		return func(p *partner.Partner) error { return p.Update(partner.Details{Key: &key}, later) }
	}
	full := make([]string, 100)
	for i := range full {
		full[i] = fmt.Sprintf("k%d", i)
	}
	handle := fault.ErrValidation.With(fault.Violation{Field: "key", Code: fault.InvalidValue, Message: "must be 1 to 64 letters, digits, dots, underscores, tildes or hyphens"})
	most := fault.ErrValidation.With(fault.Violation{Field: "key", Code: fault.InvalidValue, Message: "must not be more than 100 keys of one partner"})
	for _, tc := range []struct {
		name    string
		keys    []string
		do      func(*partner.Partner) error
		want    []string
		retired string
		err     error
	}{
		{"add", nil, add("new"), []string{"ref_1", "ref_2", "ref_3", "new"}, "", nil},
		{"add in other letters", nil, add("REF_1"), []string{"ref_1", "ref_2", "ref_3", "REF_1"}, "", nil},
		{"add one it has", nil, add("ref_2"), nil, "", partner.Taken("key")},
		{"add one it had", nil, add("old"), nil, "", partner.Taken("key")},
		{"add a bad one", nil, add("a/b"), nil, "", handle},
		{"add none", nil, add(""), nil, "", handle},
		{"add a path", nil, add(".."), nil, "", handle},
		{"add the 100th", full[:99], add("new"), append(append([]string{}, full[:99]...), "new"), "", nil},
		{"add the 101st", full, add("new"), nil, "", most},
		{"make a 101st the default", full, set("new"), nil, "", most},
		{"make one of 100 the default", full, set("k99"), append([]string{"k99"}, full[:99]...), "", nil},
		{"rename", nil, change("ref_2", new("new"), false), []string{"ref_1", "new", "ref_3"}, "ref_2", nil},
		{"rename to what it is", nil, change("ref_2", new("ref_2"), false), nil, "", nil},
		{"rename one of 100", full, change("k0", new("new"), false), append([]string{"new"}, full[1:]...), "k0", nil},
		{"rename to another of its own", nil, change("ref_2", new("ref_1"), false), nil, "", partner.Taken("key")},
		{"rename to one it had", nil, change("ref_2", new("old"), false), nil, "", partner.Taken("key")},
		{"rename to a bad one", nil, change("ref_2", new("ü"), false), nil, "", handle},
		{"rename an unknown one", nil, change("none", new("new"), false), nil, "", partner.ErrLinkNotFound},
		{"rename one it had", nil, change("old", new("new"), false), nil, "", partner.ErrLinkNotFound},
		{"default", nil, change("ref_3", nil, true), []string{"ref_3", "ref_1", "ref_2"}, "", nil},
		{"default that it is", nil, change("ref_1", nil, true), nil, "", nil},
		{"rename the default and make it that", nil, change("ref_1", new("new"), true), []string{"new", "ref_2", "ref_3"}, "ref_1", nil},
		{"rename and default", nil, change("ref_2", new("new"), true), []string{"new", "ref_1", "ref_3"}, "ref_2", nil},
		{"default one it had", nil, change("old", nil, true), nil, "", partner.ErrLinkNotFound},
		{"neither", nil, change("ref_2", nil, false), nil, "", nil},
		{"remove", nil, remove("ref_2"), []string{"ref_1", "ref_3"}, "ref_2", nil},
		{"remove the default", nil, remove("ref_1"), []string{"ref_2", "ref_3"}, "ref_1", nil},
		{"remove the last", []string{"only"}, remove("only"), nil, "", partner.ErrLastLink},
		{"remove an unknown one", nil, remove("none"), nil, "", partner.ErrLinkNotFound},
		{"remove an unknown one beside the last", []string{"only"}, remove("none"), nil, "", partner.ErrLinkNotFound},
		{"remove one it had", nil, remove("old"), nil, "", partner.ErrLinkNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := stored(func(s *partner.Snapshot) {
				if tc.keys != nil {
					s.Keys = tc.keys
				}
			})
			before := p.Snapshot()
			err := tc.do(p)
			if tc.err != nil {
				refused(t, p, before, tc.err, err)
				return
			}
			require.NoError(t, err)
			if tc.want == nil {
				assert.Equal(t, before, p.Snapshot(), "what is so already changes nothing")
				assert.Empty(t, p.Pending())
				return
			}
			want := before
			want.Keys, want.UpdatedAt, want.Version = tc.want, later, 4
			if tc.retired != "" {
				want.Retired = []string{"old", tc.retired}
				assert.False(t, p.HasKey(tc.retired))
				require.ErrorIs(t, p.AddLink(tc.retired, later), partner.Taken("key"), "a retired key never comes back")
				require.ErrorIs(t, p.Update(partner.Details{Key: &tc.retired}, later), fault.ErrValidation)
			}
			assert.Equal(t, want, p.Snapshot())
			assert.Equal(t, []event.Event{updated(partner.StatusActive)}, p.Pending())
		})
	}
}

// Whatever is done with links: no key is listed twice, a retired key never comes back, and one key is always left.
func TestLinksProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := stored(func(s *partner.Snapshot) { s.Keys, s.Retired = []string{"a"}, nil })
		gone := map[string]bool{}
		key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			before, k := p.Snapshot(), key.Draw(t, "key")
			var err error
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				err = p.AddLink(k, later)
			case 1:
				err = p.RemoveLink(k, later)
			case 2:
				err = p.ChangeLink(k, partner.LinkChange{Key: new(key.Draw(t, "to")), Default: rapid.Bool().Draw(t, "default")}, later)
			case 3:
				err = p.Update(partner.Details{Key: &k}, later)
			}
			after := p.Snapshot()
			if err != nil && !reflect.DeepEqual(before, after) {
				t.Fatalf("%v changed %v to %v", err, before, after)
			}
			seen := map[string]bool{}
			for _, k := range after.Keys {
				if seen[k] || gone[k] {
					t.Fatalf("%q again in %v", k, after.Keys)
				}
				seen[k] = true
			}
			for _, k := range before.Keys {
				if !seen[k] {
					gone[k] = true
				}
			}
			if len(after.Keys) == 0 || len(after.Retired) != len(gone) {
				t.Fatalf("keys %v, retired %v, gone %v", after.Keys, after.Retired, gone)
			}
		}
	})
}

// fill gives every member of a struct a value that is not its zero value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("personal")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 4))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(now))
			return
		}
		for _, field := range v.Fields() {
			fill(field)
		}
	default:
		panic("fill knows no " + v.Kind().String())
	}
}

func filled() (s partner.Snapshot) {
	fill(reflect.ValueOf(&s).Elem())
	return s
}

// A new member of the snapshot must be listed here as not personal, or be erased by Delete.
func TestDeleteErasesWhatIsPersonal(t *testing.T) {
	t.Parallel()
	kept := map[string]bool{"SellerID": true, "ID": true, "Status": true, "SignedUp": true, "Keys": true, "Retired": true, "ReferringPartnerID": true, "CreatedAt": true, "UpdatedAt": true, "Version": true}
	p := partner.FromSnapshot(filled())
	require.NoError(t, p.Delete(later))
	before, after := reflect.ValueOf(filled()), reflect.ValueOf(p.Snapshot())
	for i := range after.NumField() {
		name := after.Type().Field(i).Name
		assert.Equal(t, !kept[name], after.Field(i).IsZero(), name)
		if kept[name] && name != "Status" && name != "UpdatedAt" && name != "Version" {
			assert.Equal(t, before.Field(i).Interface(), after.Field(i).Interface(), name)
		}
		delete(kept, name)
	}
	assert.Empty(t, kept)
	assert.Equal(t, partner.StatusDeleted, p.Status())
	assert.True(t, p.HasKey("personal"), "keys stay taken")
	require.ErrorIs(t, p.Delete(later), partner.ErrNotFound)
}

func TestSnapshotsShareNothing(t *testing.T) {
	t.Parallel()
	scribble := func(s partner.Snapshot) {
		v := reflect.ValueOf(&s).Elem()
		for _, f := range v.Fields() {
			if f.Kind() == reflect.Slice {
				f.Index(0).SetZero()
				reflect.Append(f, f.Index(0))
			}
		}
	}
	given := filled()
	p := partner.FromSnapshot(given)
	want := filled()
	scribble(given)
	assert.Equal(t, want, p.Snapshot())
	scribble(p.Snapshot())
	assert.Equal(t, want, p.Snapshot())

	tags, fields := []string{"a"}, []partner.CustomField{{Name: "n"}}
	p = stored()
	require.NoError(t, p.Update(partner.Details{Tags: &tags, CustomFields: &fields}, later))
	tags[0], fields[0].Name = "x", "x"
	assert.Equal(t, []string{"a"}, p.Snapshot().Tags)
	assert.Equal(t, []partner.CustomField{{Name: "n"}}, p.Snapshot().CustomFields)

	// Changing the partner does not change the snapshot it was restored from.
	p = stored()
	before := p.Snapshot()
	require.NoError(t, p.ChangeLink("ref_3", partner.LinkChange{Key: new("new"), Default: true}, later))
	require.NoError(t, p.RemoveLink("ref_1", later))
	require.NoError(t, p.AddLink("more", later))
	assert.Equal(t, stored().Snapshot(), before)
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]event.Event{
		"partner.created": partner.Created{}, "partner.updated": partner.Updated{}, "partner.invited": partner.Invited{},
		"partner.approved": partner.Approved{}, "partner.rejected": partner.Rejected{}, "partner.archived": partner.Archived{}, "partner.deleted": partner.Deleted{},
	} {
		assert.Equal(t, want, e.EventType())
	}
}

// Events never hold personal data (docs/events.md).
func TestEventsHoldNothingPersonal(t *testing.T) {
	t.Parallel()
	for _, e := range []event.Event{partner.Created{}, partner.Updated{}, partner.Invited{}, partner.Approved{}, partner.Rejected{}, partner.Archived{}, partner.Deleted{}} {
		for f := range reflect.TypeOf(e).Fields() {
			assert.Contains(t, []string{"PartnerID", "Status", "ReferralKey", "ReferringPartnerID", "Joined", "At"}, f.Name)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  *fault.Error
		kind fault.Kind
		code fault.Code
	}{
		{partner.ErrNotFound, fault.NotFound, "partner_not_found"},
		{partner.ErrUnknown, fault.RuleViolated, "unknown_partner"},
		{partner.ErrUnknownReferring, fault.RuleViolated, "unknown_referring_partner"},
		{partner.ErrAction, fault.RuleViolated, "partner_action_not_possible"},
		{partner.ErrInvitation, fault.RuleViolated, "invitation_not_open"},
		{partner.ErrLinkNotFound, fault.NotFound, "referral_link_not_found"},
		{partner.ErrLastLink, fault.RuleViolated, "last_referral_link"},
		{partner.ErrCircle, fault.Invalid, "referral_circle"},
	} {
		assert.Equal(t, tc.kind, tc.err.Kind, tc.code)
		assert.Equal(t, tc.code, tc.err.Code)
		assert.NotEmpty(t, tc.err.Message)
	}
	assert.True(t, strings.HasPrefix(partner.ErrAction.Message, "Action failed"))
}

func TestRegistrationCheck(t *testing.T) {
	t.Parallel()
	for _, r := range []partner.Registration{
		{Email: "a@example.com"},
		{Email: "a@example.com", ID: "p1", Key: "k1", Name: "A"},
		{},
		{ID: "p 1", Key: "..", Email: "a@example.com"},
		{Email: "none", Name: strings.Repeat("x", 1000), Tags: []string{""}, CustomFields: []partner.CustomField{{}}},
	} {
		full := r
		full.ID, full.Key = cmp.Or(r.ID, "made"), cmp.Or(r.Key, "made")
		_, err := partner.Register("seller_1", full, now)
		assert.Equal(t, fault.As(err).Violated(), fault.As(r.Check()).Violated(), "as registering says")
		_, err = partner.Invite("seller_1", full, now)
		assert.Equal(t, fault.As(err).Violated(), fault.As(r.CheckInvitation()).Violated(), "as inviting says")
	}
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	r := john()
	r.TermsAccepted = true
	p, err := partner.SignUp("seller_1", r, now)
	require.NoError(t, err)
	s := p.Snapshot()
	assert.Equal(t, []any{partner.StatusPending, true, true, true, false, ""}, []any{s.Status, s.Invited, s.SignedUp, s.TermsAccepted, s.Approved, s.PasswordHash})
	assert.Equal(t, []event.Event{partner.Invited{PartnerID: "partner_123", At: now}}, p.Pending())
	_, err = partner.SignUp("seller_1", partner.Registration{ID: "p", Key: "k", Email: "x"}, now)
	assert.ElementsMatch(t, []string{"name", "email"}, fault.As(err).Fields())
}

// Who signed up by itself waits for the approval of a program that approves by hand; who was invited does not.
func TestJoin(t *testing.T) {
	t.Parallel()
	signedUp := func(s *partner.Snapshot) { invited(s); s.SignedUp, s.TermsAccepted = true, true }
	for name, tc := range map[string]struct {
		was      func(*partner.Snapshot)
		approved bool
		status   partner.Status
		terms    bool
	}{
		"invited": {invited, true, partner.StatusActive, false}, "invited, by hand": {invited, false, partner.StatusActive, false},
		"signed up": {signedUp, true, partner.StatusActive, true}, "signed up, by hand": {signedUp, false, partner.StatusPending, true},
	} {
		p := stored(tc.was)
		require.NoError(t, p.Join("$new", false, tc.approved, later), name)
		s := p.Snapshot()
		assert.Equal(t, []any{tc.status, tc.status == partner.StatusActive, tc.terms, false, "$new", later}, []any{s.Status, s.Approved, s.TermsAccepted, s.Invited, s.PasswordHash, s.UpdatedAt}, name)
		assert.Equal(t, []event.Event{partner.Created{PartnerID: "partner_123", Status: tc.status, ReferralKey: "ref_1", ReferringPartnerID: "partner_1", At: later}}, p.Pending(), name)
		require.ErrorIs(t, p.Join("$other", true, true, later), partner.ErrInvitation, name)
		if tc.status == partner.StatusPending {
			require.NoError(t, p.Approve(later))
			assert.Equal(t, partner.StatusActive, p.Status())
		}
	}
	approved := stored(signedUp)
	require.NoError(t, approved.Approve(later))
	require.NoError(t, approved.Join("$new", false, false, later))
	assert.Equal(t, partner.StatusActive, approved.Status(), "it was approved before it joined")
}

func TestRename(t *testing.T) {
	t.Parallel()
	p := stored()
	before := p.Snapshot()
	require.NoError(t, p.Rename("John", "Doe", later))
	assert.Equal(t, before, p.Snapshot())
	assert.Empty(t, p.Pending())
	require.NoError(t, p.Rename(" Ada ", "", later))
	assert.Equal(t, []string{"Ada", ""}, []string{strings.TrimSpace(p.Snapshot().Name), p.Snapshot().Surname})
	assert.Equal(t, []event.Event{partner.Updated{PartnerID: "partner_123", Status: partner.StatusActive, ReferringPartnerID: "partner_1", At: later}}, p.Pending())
	for _, name := range []string{"", " \t", strings.Repeat("x", 201)} {
		p := stored()
		require.ErrorIs(t, p.Rename(name, "x", later), fault.ErrValidation)
		assert.Equal(t, before, p.Snapshot())
	}
	require.ErrorIs(t, stored(is(partner.StatusDeleted)).Rename("Ada", "", later), partner.ErrNotFound)
}
