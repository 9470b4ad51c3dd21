package customer_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
)

var (
	now   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	later = now.Add(time.Hour)
)

func jane() customer.Registration {
	return customer.Registration{
		SellerID: "seller_1", ID: "customer_1", Key: "key 1 ", Email: " Jane@Example.com ", Name: "Jane", Surname: "Doe",
		Tags: []string{"vip", " new ", "vip"},
	}
}

func byLink() customer.Attribution {
	return customer.Attribution{PartnerID: "partner_1", ReferralKey: "ref_1", Policy: "link", At: now, TouchedAt: now.Add(-time.Hour)}
}

func stored(change ...func(*customer.Snapshot)) *customer.Customer {
	s := customer.Snapshot{
		SellerID: "seller_1", ID: "customer_1", Key: "key 1 ", Email: "Jane@Example.com", EmailKey: "jane@example.com", Name: "Jane", Surname: "Doe",
		Tags: []string{"vip", "new"}, Status: customer.StatusActive, Attribution: byLink(), CreatedAt: now, UpdatedAt: now, Version: 2,
	}
	for _, c := range change {
		c(&s)
	}
	return customer.FromSnapshot(s)
}

func TestRegister(t *testing.T) {
	t.Parallel()
	r := jane()
	require.NoError(t, r.Check())
	c, err := customer.Register(r, byLink(), now)
	require.NoError(t, err)
	want := stored().Snapshot()
	assert.Equal(t, want, c.Snapshot())
	assert.Equal(t, []event.Event{
		customer.Created{CustomerID: "customer_1", CustomerKey: "key 1 ", PartnerID: "partner_1", At: now},
		customer.Attributed{CustomerID: "customer_1", CustomerKey: "key 1 ", PartnerID: "partner_1", Policy: "link", ReferralKey: "ref_1", At: now},
	}, c.Pending())
	assert.Equal(t, "customer_1", c.ID())
	assert.Equal(t, "seller_1", c.SellerID())
	assert.Equal(t, customer.StatusActive, c.Status())
	assert.Equal(t, byLink(), c.Attribution())

	r.Tags[0] = "x"
	assert.Equal(t, want, c.Snapshot(), "nothing is shared with the request")
}

func TestRegisterRules(t *testing.T) {
	t.Parallel()
	const key = "must be 1 to 255 characters without control characters"
	for _, tc := range []struct {
		name   string
		change func(*customer.Registration)
		want   []fault.Violation
	}{
		{"least", func(r *customer.Registration) { *r = customer.Registration{Key: "k"} }, nil},
		{"emoji", func(r *customer.Registration) { r.Key, r.Name, r.Tags = "👩‍👩‍👧", "😀", []string{"🎉"} }, nil},
		{"right to left", func(r *customer.Registration) { r.Key, r.Surname = "\u200fשלום/عليكم", "שלום" }, nil},
		{"spaces are part of a key", func(r *customer.Registration) { r.Key = "  a  " }, nil},
		{"a blank key", func(r *customer.Registration) { r.Key = " " }, nil},
		{"slashes and percents", func(r *customer.Registration) { r.Key = "a/b%2F?c#d" }, nil},
		{"255 characters", func(r *customer.Registration) { r.Key = strings.Repeat("😀", 255) }, nil},
		{"256 characters", func(r *customer.Registration) { r.Key = strings.Repeat("a", 256) }, []fault.Violation{{Field: "key", Code: fault.InvalidValue, Message: key}}},
		{"no key", func(r *customer.Registration) { r.Key = "" }, []fault.Violation{{Field: "key", Code: fault.Required, Message: "is required"}}},
		{"NUL", func(r *customer.Registration) { r.Key = "a\x00" }, []fault.Violation{{Field: "key", Code: fault.InvalidValue, Message: key}}},
		{"a line end", func(r *customer.Registration) { r.Key = "a\n" }, []fault.Violation{{Field: "key", Code: fault.InvalidValue, Message: key}}},
		{"a C1 control", func(r *customer.Registration) { r.Key = "a\u0085" }, []fault.Violation{{Field: "key", Code: fault.InvalidValue, Message: key}}},
		{"invalid UTF-8", func(r *customer.Registration) { r.Key = "a\xff" }, []fault.Violation{{Field: "key", Code: fault.InvalidValue, Message: key}}},
		{"all at once", func(r *customer.Registration) {
			r.Key, r.Email, r.Name, r.Surname, r.Tags = "", "jane", "\x00", strings.Repeat("x", 5000), make([]string, 10_000)
		}, []fault.Violation{
			{Field: "key", Code: fault.Required, Message: "is required"},
			{Field: "email", Code: fault.InvalidValue, Message: "must be an email address"},
			{Field: "name", Code: fault.InvalidValue, Message: "must not contain control characters"},
			{Field: "surname", Code: fault.InvalidValue, Message: "must have at most 200 characters"},
			{Field: "tags", Code: fault.InvalidValue, Message: "must have at most 100 tags"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := jane()
			tc.change(&r)
			c, err := customer.Register(r, byLink(), now)
			assert.Equal(t, r.Check(), err)
			if tc.want == nil {
				require.NoError(t, err)
				s := c.Snapshot()
				assert.Equal(t, []string{r.Key, r.Name, r.Surname}, []string{s.Key, s.Name, s.Surname}, "stored as it was given")
				return
			}
			require.ErrorIs(t, err, fault.ErrValidation)
			assert.Equal(t, tc.want, fault.As(err).Violations)
			assert.Nil(t, c)
		})
	}
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	require.NoError(t, customer.CheckKey("a"))
	for key, want := range map[string]fault.Code{"": fault.Required, "\x7f": fault.InvalidValue, strings.Repeat("é", 256): fault.InvalidValue} {
		err := customer.CheckKey(key)
		assert.Equal(t, want, fault.CodeOf(err))
		assert.Equal(t, fault.Invalid, fault.KindOf(err))
	}
}

func TestPublicKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{"key 1 ": "key 1 ", "jane@example.com": "customer_1", "x+jane@example.com/2": "customer_1", "@": "customer_1", "+1 202 555 0123": "customer_1", "2025550123": "customer_1", "jane": "jane", "1234567": "1234567"} {
		r := jane()
		r.Key = key
		c, err := customer.Register(r, byLink(), now)
		require.NoError(t, err)
		assert.Equal(t, want, c.PublicKey())
		// Every event of the customer names it by this key.
		require.True(t, c.AttributeTo(customer.Attribution{PartnerID: "partner_2", At: later}))
		require.NoError(t, c.Update(customer.Details{Name: new("J")}, later))
		require.NoError(t, c.Archive(later))
		require.NoError(t, c.Unarchive(later))
		require.NoError(t, c.Delete(later))
		require.Len(t, c.Pending(), 7)
		for _, e := range c.Pending() {
			assert.Equal(t, want, reflect.ValueOf(e).FieldByName("CustomerKey").String(), e.EventType())
		}
	}
	c := stored()
	require.NoError(t, c.Update(customer.Details{Key: new("jane@example.com")}, later))
	assert.Equal(t, "customer_1", c.Pending()[0].(customer.Updated).CustomerKey, "the event names the key as it is now")
}

func TestAttributeTo(t *testing.T) {
	t.Parallel()
	c := stored()
	before := c.Snapshot()
	assert.False(t, c.AttributeTo(customer.Attribution{PartnerID: "partner_1", ReferralKey: "other", Policy: "operator", At: later}))
	assert.Equal(t, before, c.Snapshot(), "its own partner changes nothing")
	assert.Empty(t, c.Pending())

	to := customer.Attribution{PartnerID: "partner_2", Policy: "operator", At: later, TouchedAt: now}
	assert.True(t, c.AttributeTo(to))
	want := before
	want.Attribution, want.UpdatedAt, want.Version = to, later, 3
	assert.Equal(t, want, c.Snapshot(), "the key of the partner before is not kept")
	assert.Equal(t, []customer.Former{{Attribution: before.Attribution, Until: later, Version: 3}}, c.Former(), "but as what was before")
	assert.Equal(t, []event.Event{customer.Attributed{CustomerID: "customer_1", CustomerKey: "key 1 ", PartnerID: "partner_2", PreviousPartnerID: "partner_1", Policy: "operator", At: later}}, c.Pending())

	archived := stored(func(s *customer.Snapshot) { s.Status = customer.StatusArchived })
	assert.True(t, archived.AttributeTo(to))
	deleted := stored(func(s *customer.Snapshot) { s.Status = customer.StatusDeleted })
	assert.False(t, deleted.AttributeTo(to), "what is deleted keeps its attribution")
	assert.Empty(t, deleted.Pending())
	assert.Empty(t, deleted.Former())
	made, err := customer.Register(customer.Registration{SellerID: "seller_1", ID: "customer_2", Key: "k"}, to, now)
	require.NoError(t, err)
	assert.Empty(t, made.Former(), "a new one was nobody's before")
}

// A later touch of the customer's own partner is stored without an event.
func TestTouch(t *testing.T) {
	t.Parallel()
	c := stored()
	want := c.Snapshot()
	for _, at := range []time.Time{{}, now.Add(-2 * time.Hour), now.Add(-time.Hour)} {
		assert.False(t, c.Touch(at), "%v is not later", at)
	}
	assert.Equal(t, want, c.Snapshot())
	assert.True(t, c.Touch(now))
	want.Attribution.TouchedAt = now
	assert.Equal(t, want, c.Snapshot())
	assert.Empty(t, c.Pending())
	deleted := stored(func(s *customer.Snapshot) { s.Status = customer.StatusDeleted })
	assert.False(t, deleted.Touch(later), "what is deleted keeps its attribution")
	assert.Equal(t, byLink(), deleted.Attribution())
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		d    customer.Details
		want func(*customer.Snapshot)
	}{
		{"nothing", customer.Details{}, func(*customer.Snapshot) {}},
		{"key", customer.Details{Key: new(" k")}, func(s *customer.Snapshot) { s.Key = " k" }},
		{"email", customer.Details{Email: new("J@B.co")}, func(s *customer.Snapshot) { s.Email, s.EmailKey = "J@B.co", "j@b.co" }},
		{"no email", customer.Details{Email: new("")}, func(s *customer.Snapshot) { s.Email, s.EmailKey = "", "" }},
		{"names", customer.Details{Name: new(""), Surname: new("D")}, func(s *customer.Snapshot) { s.Name, s.Surname = "", "D" }},
		{"tags", customer.Details{Tags: new([]string{"a"})}, func(s *customer.Snapshot) { s.Tags = []string{"a"} }},
		{"no tags", customer.Details{Tags: new([]string{})}, func(s *customer.Snapshot) { s.Tags = []string{} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.name != "nothing", tc.d.Given())
			c := stored()
			want := c.Snapshot()
			want.UpdatedAt, want.Version = later, 3
			tc.want(&want)
			require.NoError(t, c.Update(tc.d, later))
			assert.Equal(t, want, c.Snapshot(), "what is not named stays")
			assert.Equal(t, []event.Event{customer.Updated{CustomerID: "customer_1", CustomerKey: want.Key, PartnerID: "partner_1", Status: customer.StatusActive, At: later}}, c.Pending())
		})
	}
	c := stored()
	before := c.Snapshot()
	err := c.Update(customer.Details{Key: new(""), Email: new("x"), Name: new("\x00"), Surname: new("\xff"), Tags: new([]string{" "})}, later)
	require.ErrorIs(t, err, fault.ErrValidation)
	assert.Equal(t, []string{"key", "email", "name", "surname", "tags"}, fault.As(err).Fields())
	assert.Equal(t, before, c.Snapshot(), "nothing changes when something is wrong")
	assert.Empty(t, c.Pending())
}

// Every step from every status.
func TestSteps(t *testing.T) {
	t.Parallel()
	const active, archived, deleted = customer.StatusActive, customer.StatusArchived, customer.StatusDeleted
	updated := func(to customer.Status) event.Event {
		return customer.Updated{CustomerID: "customer_1", CustomerKey: "key 1 ", PartnerID: "partner_1", Status: to, At: later}
	}
	for name, s := range map[string]struct {
		do    func(*customer.Customer) error
		to    map[customer.Status]customer.Status
		err   error
		event func(customer.Status) event.Event
	}{
		"archive": {
			func(c *customer.Customer) error { return c.Archive(later) },
			map[customer.Status]customer.Status{active: archived},
			customer.ErrAction,
			func(customer.Status) event.Event {
				return customer.Archived{CustomerID: "customer_1", CustomerKey: "key 1 ", PartnerID: "partner_1", At: later}
			},
		},
		"revoke-archive": {func(c *customer.Customer) error { return c.Unarchive(later) }, map[customer.Status]customer.Status{archived: active}, customer.ErrAction, updated},
		"update": {
			func(c *customer.Customer) error { return c.Update(customer.Details{Name: new("J")}, later) },
			map[customer.Status]customer.Status{active: active, archived: archived},
			customer.ErrNotFound, updated,
		},
		"delete": {
			func(c *customer.Customer) error { return c.Delete(later) },
			map[customer.Status]customer.Status{active: deleted, archived: deleted},
			customer.ErrNotFound,
			func(customer.Status) event.Event {
				return customer.Deleted{CustomerID: "customer_1", CustomerKey: "key 1 ", PartnerID: "partner_1", At: later}
			},
		},
	} {
		for _, from := range []customer.Status{active, archived, deleted} {
			t.Run(string(from)+" "+name, func(t *testing.T) {
				t.Parallel()
				c := stored(func(s *customer.Snapshot) { s.Status = from })
				before := c.Snapshot()
				err := s.do(c)
				to, possible := s.to[from]
				if !possible {
					require.ErrorIs(t, err, s.err)
					assert.Equal(t, before, c.Snapshot(), "a refused step changes nothing")
					assert.Empty(t, c.Pending())
					return
				}
				require.NoError(t, err)
				assert.Equal(t, to, c.Status())
				assert.Equal(t, []event.Event{s.event(to)}, c.Pending())
				assert.Equal(t, later, c.Snapshot().UpdatedAt)
				assert.Equal(t, to == deleted, c.Snapshot().DeletedAt.Equal(later))
				assert.Equal(t, byLink(), c.Attribution())
			})
		}
	}
}

// fill gives every member of a struct a value that is not its zero value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("personal")
	case reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
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

func filled() (s customer.Snapshot) {
	fill(reflect.ValueOf(&s).Elem())
	return s
}

// A new member of the snapshot must be listed here as not personal, or be erased by Delete.
func TestDeleteErasesWhatIsPersonal(t *testing.T) {
	t.Parallel()
	kept := map[string]bool{"SellerID": true, "ID": true, "Status": true, "Attribution": true, "CreatedAt": true, "UpdatedAt": true, "DeletedAt": true, "Version": true}
	c := customer.FromSnapshot(filled())
	require.NoError(t, c.Delete(later))
	v := reflect.ValueOf(c.Snapshot())
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		assert.Equal(t, !kept[name], v.Field(i).IsZero(), name)
		delete(kept, name)
	}
	assert.Empty(t, kept)
	assert.Equal(t, filled().Attribution, c.Attribution())
}

func TestSnapshotsShareNothing(t *testing.T) {
	t.Parallel()
	given := filled()
	c := customer.FromSnapshot(given)
	given.Tags[0] = "x"
	assert.Equal(t, filled(), c.Snapshot())
	c.Snapshot().Tags[0] = "x"
	_ = append(c.Snapshot().Tags, "x")
	assert.Equal(t, filled(), c.Snapshot())
	tags := []string{"a"}
	c = stored()
	require.NoError(t, c.Update(customer.Details{Tags: &tags}, later))
	tags[0] = "x"
	assert.Equal(t, []string{"a"}, c.Snapshot().Tags)
}

func TestFromSnapshotNeverValidates(t *testing.T) {
	t.Parallel()
	s := customer.Snapshot{SellerID: "s", ID: "an old id!", Key: "\x00", Email: "no address", Status: "gone", Tags: []string{""}, Version: 9}
	c := customer.FromSnapshot(s)
	assert.Equal(t, s, c.Snapshot())
	assert.Empty(t, c.Pending())
	assert.Equal(t, int64(9), c.StoredVersion())
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]event.Event{
		"customer.created": customer.Created{}, "customer.attributed": customer.Attributed{}, "customer.updated": customer.Updated{},
		"customer.archived": customer.Archived{}, "customer.deleted": customer.Deleted{},
	} {
		assert.Equal(t, want, e.EventType())
		for field := range reflect.TypeOf(e).Fields() {
			assert.Contains(t, []string{"CustomerID", "CustomerKey", "PartnerID", "PreviousPartnerID", "Policy", "ReferralKey", "Status", "At"}, field.Name, "nothing personal")
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	assert.Equal(t, fault.NotFound, customer.ErrNotFound.Kind)
	assert.Equal(t, fault.RuleViolated, customer.ErrAction.Kind)
	assert.Equal(t, fault.Code("customer_action_not_possible"), customer.ErrAction.Code)
	assert.Equal(t, []fault.Violation{{Field: "key", Code: fault.Duplicate, Message: "Customer with this key already exists"}}, customer.ErrKeyTaken.Violations)
}

// An email is held until it becomes another one or the customer is deleted; in another case it is the same.
func TestHoldEmail(t *testing.T) {
	t.Parallel()
	register := func(email string) *customer.Customer {
		c, err := customer.Register(customer.Registration{SellerID: "s", ID: "c", Key: "k", Email: email}, customer.Attribution{PartnerID: "p", At: now}, now)
		require.NoError(t, err)
		c.HoldEmail()
		return c
	}
	assert.False(t, register("").Snapshot().EmailHeld, "there is nothing to hold")
	for name, tc := range map[string]struct {
		d    customer.Details
		held bool
	}{
		"another name":    {customer.Details{Name: new("A")}, true},
		"the same email":  {customer.Details{Email: new("ALICE@example.com")}, true},
		"another email":   {customer.Details{Email: new("bob@example.com")}, false},
		"no email":        {customer.Details{Email: new("")}, false},
		"email and a key": {customer.Details{Key: new("k2"), Email: new("alice@example.com")}, true},
	} {
		c := register("alice@example.com")
		require.NoError(t, c.Update(tc.d, now), name)
		assert.Equal(t, tc.held, c.Snapshot().EmailHeld, name)
	}
	c := register("alice@example.com")
	require.NoError(t, c.Archive(now))
	assert.True(t, c.Snapshot().EmailHeld, "an archived one comes back")
	require.NoError(t, c.Delete(now))
	assert.False(t, c.Snapshot().EmailHeld)
}
