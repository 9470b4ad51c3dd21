package partner_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func john() partner.Registration {
	return partner.Registration{
		ID: "partner_123", Key: "ref_123", Email: "John@Example.com", Name: "John", Surname: "Doe",
		Tags: []string{"new", " premium ", "new"}, CustomFields: []partner.CustomField{{Name: " Team ", Value: "A\nB"}}, Approved: true,
		ReferringPartnerID: "partner_1", PasswordHash: "$hash",
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	r := john()
	p, err := partner.Register("seller_1", r, now)
	require.NoError(t, err)
	want := partner.Snapshot{
		SellerID: "seller_1", ID: "partner_123", Email: "John@Example.com", EmailKey: "john@example.com", Name: "John", Surname: "Doe",
		Status: partner.StatusActive, Approved: true, Keys: []string{"ref_123"}, Tags: []string{"new", "premium"}, CustomFields: []partner.CustomField{{Name: "Team", Value: "A\nB"}},
		ReferringPartnerID: "partner_1", PasswordHash: "$hash", CreatedAt: now, UpdatedAt: now, Version: 1,
	}
	assert.Equal(t, want, p.Snapshot())
	assert.Equal(t, []event.Event{partner.Created{PartnerID: "partner_123", Status: partner.StatusActive, ReferralKey: "ref_123", ReferringPartnerID: "partner_1", At: now}}, p.Pending())
	assert.Len(t, p.Pending(), 1, "reading does not clear")
	assert.Equal(t, "partner.created", p.Pending()[0].EventType())
	assert.Equal(t, "partner_123", p.ID())
	assert.Equal(t, "seller_1", p.SellerID())
	assert.Equal(t, partner.StatusActive, p.Status())

	s := p.Snapshot()
	s.Keys[0], s.Tags[0], r.Tags[0], s.CustomFields[0].Name, r.CustomFields[0].Name = "x", "x", "x", "x", "x"
	assert.Equal(t, want, p.Snapshot(), "a snapshot shares nothing")
}

func TestRegisterRules(t *testing.T) {
	t.Parallel()
	tags := func(n int) []string { return strings.Split(strings.Repeat("t,", n-1)+"t", ",") }
	fields := func(n int) (out []partner.CustomField) {
		for i := range n {
			out = append(out, partner.CustomField{Name: strconv.Itoa(i)})
		}
		return out
	}
	handle := "must be 1 to 64 letters, digits, dots, underscores, tildes or hyphens"
	for _, tc := range []struct {
		name   string
		change func(*partner.Registration)
		want   []fault.Violation
	}{
		{"least", func(r *partner.Registration) {
			*r = partner.Registration{ID: strings.Repeat("~", 64), Key: "-._~", Email: "a@b.co"}
		}, nil},
		{"no email", func(r *partner.Registration) { r.Email = "" }, []fault.Violation{{Field: "email", Code: fault.Required, Message: "is required"}}},
		{"bad email", func(r *partner.Registration) { r.Email = "john" }, []fault.Violation{{Field: "email", Code: fault.InvalidValue, Message: "must be an email address"}}},
		{"no handles", func(r *partner.Registration) { r.ID, r.Key = "", "" }, []fault.Violation{{Field: "id", Code: fault.InvalidValue, Message: handle}, {Field: "key", Code: fault.InvalidValue, Message: handle}}},
		{"dots are paths", func(r *partner.Registration) { r.ID, r.Key = ".", ".." }, []fault.Violation{{Field: "id", Code: fault.InvalidValue, Message: handle}, {Field: "key", Code: fault.InvalidValue, Message: handle}}},
		{"three dots are not", func(r *partner.Registration) { r.ID = "..." }, nil},
		{"long and odd handles", func(r *partner.Registration) { r.ID, r.Key = strings.Repeat("a", 65), "a/b" }, []fault.Violation{{Field: "id", Code: fault.InvalidValue, Message: handle}, {Field: "key", Code: fault.InvalidValue, Message: handle}}},
		{"a line end", func(r *partner.Registration) { r.ID = "a\n" }, []fault.Violation{{Field: "id", Code: fault.InvalidValue, Message: handle}}},
		{"names", func(r *partner.Registration) { r.Name, r.Surname = "a\x00", strings.Repeat("x", 201) }, []fault.Violation{
			{Field: "name", Code: fault.InvalidValue, Message: "must not contain control characters"}, {Field: "surname", Code: fault.InvalidValue, Message: "must have at most 200 characters"},
		}},
		{"100 tags", func(r *partner.Registration) { r.Tags = tags(100) }, nil},
		{"101 tags", func(r *partner.Registration) { r.Tags = tags(101) }, []fault.Violation{{Field: "tags", Code: fault.InvalidValue, Message: "must have at most 100 tags"}}},
		{"an empty tag", func(r *partner.Registration) { r.Tags = []string{"a", " "} }, []fault.Violation{{Field: "tags", Code: fault.InvalidValue, Message: "must not hold an empty tag"}}},
		{"a long tag", func(r *partner.Registration) { r.Tags = []string{strings.Repeat("ü", 101)} }, []fault.Violation{{Field: "tags", Code: fault.InvalidValue, Message: "must have at most 100 characters"}}},
		{"50 custom fields", func(r *partner.Registration) { r.CustomFields = fields(50) }, nil},
		{"51 custom fields", func(r *partner.Registration) { r.CustomFields = fields(51) }, []fault.Violation{{Field: "custom_fields", Code: fault.InvalidValue, Message: "must have at most 50 fields"}}},
		{"the longest custom field", func(r *partner.Registration) {
			r.CustomFields = []partner.CustomField{{Name: strings.Repeat("ü", 64), Value: strings.Repeat("😀", 1000)}, {Name: "note"}}
		}, nil},
		{"custom fields", func(r *partner.Registration) {
			r.CustomFields = []partner.CustomField{{Name: " "}, {Name: ""}, {Name: "a"}, {Name: strings.Repeat("x", 65), Value: "\x00"}, {Name: " a "}, {Name: "b", Value: strings.Repeat("x", 1001)}}
		}, []fault.Violation{
			{Field: "custom_fields.0.name", Code: fault.Required, Message: "is required"},
			{Field: "custom_fields.1.name", Code: fault.Required, Message: "is required"},
			{Field: "custom_fields.3.name", Code: fault.InvalidValue, Message: "must have at most 64 characters"},
			{Field: "custom_fields.3.value", Code: fault.InvalidValue, Message: "must not contain control characters"},
			{Field: "custom_fields.4.name", Code: fault.Duplicate, Message: "is given twice"},
			{Field: "custom_fields.5.value", Code: fault.InvalidValue, Message: "must have at most 1000 characters"},
		}},
		{"10,000 tags and a name of 5,000", func(r *partner.Registration) { r.Tags, r.Name = tags(10_000), strings.Repeat("x", 5000) }, []fault.Violation{
			{Field: "name", Code: fault.InvalidValue, Message: "must have at most 200 characters"}, {Field: "tags", Code: fault.InvalidValue, Message: "must have at most 100 tags"},
		}},
		{"emoji and right to left", func(r *partner.Registration) { r.Name, r.Surname = "👩‍👩‍👧", "שלום \u200fعليكم" }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := john()
			tc.change(&r)
			p, err := partner.Register("seller_1", r, now)
			if tc.want == nil {
				require.NoError(t, err)
				assert.Equal(t, []string{r.Name, r.Surname}, []string{p.Snapshot().Name, p.Snapshot().Surname}, "stored as it was given")
				return
			}
			require.ErrorIs(t, err, fault.ErrValidation)
			assert.Equal(t, tc.want, fault.As(err).Violations)
			assert.Nil(t, p)
		})
	}
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for password, ok := range map[string]bool{
		"Passw0rd": true, "Passw0r": false, "password1": false, "PASSWORD1": false, "Password": false, "": false, "Äé345678": true, "Äé34567": false,
		"aA1" + strings.Repeat("ü", 997): true, "aA1" + strings.Repeat("ü", 998): false,
		"aB3aB3a": false, "aB3aB3aB": true, "aB3 \x00😀\n\"": true, "passw0rd": false, "PASSW0RD": false, "12345678": false, "        ": false, "ПарольСлово": false, "Пароль٣٣": true,
	} {
		err := partner.CheckPassword(password)
		assert.Equal(t, ok, err == nil, password)
		if err != nil {
			assert.Equal(t, fault.InvalidValue, fault.CodeOf(err))
			if password != "" {
				assert.NotContains(t, err.Error(), password)
			}
		}
	}
}

func TestTaken(t *testing.T) {
	t.Parallel()
	for handle, message := range map[string]string{"email": "Email already exists", "id": "ID already exists", "key": "Key already exists"} {
		assert.Equal(t, []fault.Violation{{Field: handle, Code: fault.Duplicate, Message: message}}, fault.As(partner.Taken(handle)).Violations)
	}
}

func TestFromSnapshotNeverValidates(t *testing.T) {
	t.Parallel()
	s := partner.Snapshot{SellerID: "s", ID: "an old id!", Email: "no address", EmailKey: "no address", Status: "retired", Keys: []string{"a b", ""}, Tags: []string{""}, Version: 4}
	p := partner.FromSnapshot(s)
	assert.Equal(t, s, p.Snapshot())
	assert.Empty(t, p.Pending())
	s.Keys[0] = "changed"
	assert.Equal(t, "a b", p.Snapshot().Keys[0])
}
