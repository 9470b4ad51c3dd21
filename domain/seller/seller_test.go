package seller_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
)

var (
	usd   = money.MustCurrency("USD")
	now   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	later = now.Add(time.Hour)
)

func codes(err error) map[string]fault.Code {
	got := map[string]fault.Code{}
	if e := fault.As(err); e != nil {
		for _, v := range e.Violations {
			got[v.Field] = v.Code
		}
	}
	return got
}

func acme(t *testing.T) *seller.Seller {
	t.Helper()
	s, err := seller.New("seller_1", "ACME1234", usd, seller.Details{Name: new(" Acme Leads "), Slug: new("acme"), TimeZone: new("America/Chicago"), Website: new("https://yourcompany.com")}, now)
	require.NoError(t, err)
	return s
}

func TestNew(t *testing.T) {
	t.Parallel()
	s := acme(t)
	assert.Equal(t, seller.Snapshot{
		ID: "seller_1", Code: "ACME1234", Slug: "acme", Name: "Acme Leads", Currency: "USD", TimeZone: "America/Chicago",
		Website: "https://yourcompany.com", Program: seller.DefaultProgram(), CreatedAt: now, UpdatedAt: now, Version: 1,
	}, s.Snapshot())
	want := []event.Event{seller.Created{ID: "seller_1", Code: "ACME1234", TimeZone: "America/Chicago", Currency: "USD", At: now}}
	assert.Equal(t, want, s.Pending())
	assert.Equal(t, want, s.Pending(), "reading does not clear")
	assert.Equal(t, "seller.created", s.Pending()[0].EventType())

	s, err := seller.New("seller_2", "ABCD0001", usd, seller.Details{Name: new("B")}, now)
	require.NoError(t, err)
	assert.Equal(t, "abcd0001", s.Slug(), "made when absent")
	assert.Equal(t, "UTC", s.TimeZone())
	assert.Empty(t, s.Website())
	assert.Equal(t, usd, s.Currency())
}

func TestRules(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, code string
		d          seller.Details
		want       map[string]fault.Code
	}{
		{"no name", "ACME1234", seller.Details{}, map[string]fault.Code{"name": fault.Required}},
		{"blank name", "ACME1234", seller.Details{Name: new("  ")}, map[string]fault.Code{"name": fault.Required}},
		{"long name", "ACME1234", seller.Details{Name: new(strings.Repeat("x", 201))}, map[string]fault.Code{"name": fault.InvalidValue}},
		{"short code", "ACME123", seller.Details{Name: new("A")}, map[string]fault.Code{"code": fault.InvalidValue, "": ""}},
		{"lower-case code", "acme1234", seller.Details{Name: new("A")}, map[string]fault.Code{"code": fault.InvalidValue}},
		{"code with a line end", "ACME1234\n", seller.Details{Name: new("A"), Slug: new("a")}, map[string]fault.Code{"code": fault.InvalidValue}},
		{"bad slugs", "ACME1234", seller.Details{Name: new("A"), Slug: new("-a")}, map[string]fault.Code{"slug": fault.InvalidValue}},
		{"slug in capitals", "ACME1234", seller.Details{Name: new("A"), Slug: new("Acme")}, map[string]fault.Code{"slug": fault.InvalidValue}},
		{"empty slug", "ACME1234", seller.Details{Name: new("A"), Slug: new("")}, map[string]fault.Code{"slug": fault.InvalidValue}},
		{"slug of 65", "ACME1234", seller.Details{Name: new("A"), Slug: new(strings.Repeat("a", 65))}, map[string]fault.Code{"slug": fault.InvalidValue}},
		{
			"all at once", "x",
			seller.Details{Slug: new("a_b"), TimeZone: new("Local"), Website: new("javascript:x")},
			map[string]fault.Code{"code": fault.InvalidValue, "name": fault.Required, "slug": fault.InvalidValue, "time_zone": fault.InvalidValue, "website": fault.InvalidValue},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			delete(tc.want, "")
			if tc.d.Slug == nil {
				tc.d.Slug = new(strings.Repeat("a", 64))
			}
			s, err := seller.New("seller_1", tc.code, usd, tc.d, now)
			require.ErrorIs(t, err, fault.ErrValidation)
			assert.Equal(t, tc.want, codes(err))
			assert.Nil(t, s)
		})
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := acme(t)
	before := s.Snapshot()
	zoneChanged, err := s.Update(seller.Details{Name: new("New"), Slug: new("BAD"), TimeZone: new("Mars/Base")}, later)
	require.Error(t, err)
	assert.False(t, zoneChanged)
	assert.Equal(t, map[string]fault.Code{"slug": fault.InvalidValue, "time_zone": fault.InvalidValue}, codes(err))
	assert.Equal(t, before, s.Snapshot(), "nothing changes when something is wrong")
	assert.Len(t, s.Pending(), 1)

	zoneChanged, err = s.Update(seller.Details{Slug: new("acme-2"), Website: new("")}, later)
	require.NoError(t, err)
	assert.False(t, zoneChanged)
	want := before
	want.Slug, want.Website, want.UpdatedAt, want.Version = "acme-2", "", later, 2
	assert.Equal(t, want, s.Snapshot(), "what is not named stays; the code never changes")

	zoneChanged, err = s.Update(seller.Details{TimeZone: new("UTC")}, later)
	require.NoError(t, err)
	assert.True(t, zoneChanged)
	assert.Equal(t, seller.Updated{ID: "seller_1", Code: "ACME1234", TimeZone: "UTC", Currency: "USD", At: later}, s.Pending()[2])
	assert.Equal(t, "seller.updated", s.Pending()[2].EventType())
}

func TestSnapshotRoundTripNeverValidates(t *testing.T) {
	t.Parallel()
	n := seller.Snapshot{
		ID: "seller_1", Code: "an old code", Slug: "AN OLD SLUG", Name: strings.Repeat("x", 1000), Currency: "USD", TimeZone: "Gone/Zone",
		Website: "gopher://x", CreatedAt: now, UpdatedAt: later, Version: 9,
	}
	s, err := seller.FromSnapshot(n)
	require.NoError(t, err)
	assert.Equal(t, n, s.Snapshot())
	assert.Empty(t, s.Pending())
	assert.Equal(t, int64(9), s.StoredVersion())
}

func TestTaken(t *testing.T) {
	t.Parallel()
	assert.Equal(t, map[string]fault.Code{"code": fault.Duplicate}, codes(seller.ErrCodeTaken))
	assert.Equal(t, map[string]fault.Code{"slug": fault.Duplicate}, codes(seller.ErrSlugTaken))
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	limit := func(n int64, w time.Duration) *seller.RateLimit { return &seller.RateLimit{Requests: n, Window: w} }
	supplier := func(l *seller.RateLimit) seller.KeyRequest {
		return seller.KeyRequest{Scope: seller.Supplier, Name: "form", PartnerID: "partner_1", Limit: l}
	}
	teams := []seller.Scope{seller.Program, seller.Supplier, "reports"}
	form := func(origins ...string) seller.KeyRequest {
		return seller.KeyRequest{Scope: seller.Form, CampaignID: "campaign_1", Origins: origins}
	}
	many := make([]string, 21)
	for i := range many {
		many[i] = "https://a" + strconv.Itoa(i) + ".example"
	}
	for _, tc := range []struct {
		name string
		r    seller.KeyRequest
		want map[string]fault.Code
	}{
		{"a team's", seller.KeyRequest{Scope: "reports", Scopes: teams}, nil},
		{"a team's, with a partner", seller.KeyRequest{Scope: "reports", Scopes: teams, PartnerID: "p"}, map[string]fault.Code{"partner": fault.InvalidValue}},
		{"a team's that nobody declares", seller.KeyRequest{Scope: "reports"}, map[string]fault.Code{"scope": fault.InvalidValue}},
		{"program where it is not granted", seller.KeyRequest{Scope: seller.Program, Scopes: teams[2:]}, map[string]fault.Code{"scope": fault.InvalidValue}},
		{"nothing is granted", seller.KeyRequest{Scope: seller.Program, Scopes: []seller.Scope{}}, map[string]fault.Code{"scope": fault.InvalidValue}},
		{"supplier", supplier(nil), nil},
		{"program", seller.KeyRequest{Scope: seller.Program}, nil},
		{"no limit", supplier(limit(0, 0)), nil},
		{"the lowest limit", supplier(limit(1, time.Second)), nil},
		{"the highest limit", supplier(limit(1_000_000_000, 24*time.Hour)), nil},
		{"admin keys are not made here", seller.KeyRequest{Scope: seller.Admin}, map[string]fault.Code{"scope": fault.InvalidValue}},
		{"no scope", seller.KeyRequest{}, map[string]fault.Code{"scope": fault.InvalidValue}},
		{"a supplier without a partner", seller.KeyRequest{Scope: seller.Supplier}, map[string]fault.Code{"partner": fault.Required}},
		{"a program key with a partner", seller.KeyRequest{Scope: seller.Program, PartnerID: "p"}, map[string]fault.Code{"partner": fault.InvalidValue}},
		{"a form key", form("https://a.example", "http://localhost:8000"), nil},
		{"a form key of a partner", seller.KeyRequest{Scope: seller.Form, CampaignID: "c", PartnerID: "p", Origins: many[:20]}, nil},
		{"a form key for no page", seller.KeyRequest{Scope: seller.Form}, map[string]fault.Code{"campaign_id": fault.Required, "origins": fault.Required}},
		{"a form key for too many pages", form(many...), map[string]fault.Code{"origins": fault.InvalidValue}},
		{"a form key for odd pages", form("https://a.example", "*", "https://a.example/page"), map[string]fault.Code{"origins.1": fault.InvalidValue, "origins.2": fault.InvalidValue}},
		{"a supplier key for a page", seller.KeyRequest{Scope: seller.Supplier, PartnerID: "p", CampaignID: "c", Origins: many[:1]}, map[string]fault.Code{"campaign_id": fault.InvalidValue, "origins": fault.InvalidValue}},
		{"a long name", seller.KeyRequest{Scope: seller.Program, Name: strings.Repeat("n", 201)}, map[string]fault.Code{"name": fault.InvalidValue}},
		{"a site's", seller.KeyRequest{Scope: seller.Site, Origins: []string{"https://shop.example", "http://localhost:3000"}}, nil},
		{"a site's, with a limit", seller.KeyRequest{Scope: seller.Site, Origins: []string{"https://shop.example"}, Limit: limit(3, time.Hour)}, nil},
		{"a site's of nowhere", seller.KeyRequest{Scope: seller.Site}, map[string]fault.Code{"origins": fault.Required}},
		{"a site's of everywhere", seller.KeyRequest{Scope: seller.Site, Origins: []string{"*"}}, map[string]fault.Code{"origins.0": fault.InvalidValue}},
		{"a site's of too many", seller.KeyRequest{Scope: seller.Site, Origins: slices.Repeat([]string{"https://shop.example"}, 21)}, map[string]fault.Code{"origins": fault.InvalidValue}},
		{"a site's without a limit", seller.KeyRequest{Scope: seller.Site, Origins: []string{"https://shop.example"}, Limit: limit(0, 0)}, map[string]fault.Code{"rate_limit.requests": fault.InvalidValue, "rate_limit.window_seconds": fault.InvalidValue}},
		{"a site's with a partner", seller.KeyRequest{Scope: seller.Site, Origins: []string{"https://shop.example"}, PartnerID: "p"}, map[string]fault.Code{"partner": fault.InvalidValue}},
		{"a program key with origins", seller.KeyRequest{Scope: seller.Program, Origins: []string{"https://shop.example"}}, map[string]fault.Code{"origins": fault.InvalidValue}},
		{"no requests", supplier(limit(0, time.Minute)), map[string]fault.Code{"rate_limit.requests": fault.InvalidValue}},
		{"too many requests", supplier(limit(1_000_000_001, time.Minute)), map[string]fault.Code{"rate_limit.requests": fault.InvalidValue}},
		{"no window", supplier(limit(1, 0)), map[string]fault.Code{"rate_limit.window_seconds": fault.InvalidValue}},
		{"under a second", supplier(limit(1, time.Second-1)), map[string]fault.Code{"rate_limit.window_seconds": fault.InvalidValue}},
		{"over a day", supplier(limit(-1, 24*time.Hour+1)), map[string]fault.Code{"rate_limit.requests": fault.InvalidValue, "rate_limit.window_seconds": fault.InvalidValue}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			k, err := seller.NewKey("key1", "seller_1", "token", tc.r, now)
			if tc.want != nil {
				require.ErrorIs(t, err, fault.ErrValidation)
				assert.Equal(t, tc.want, codes(err))
				assert.Equal(t, seller.Key{}, k)
				return
			}
			require.NoError(t, err)
			want := seller.DefaultRateLimit
			if tc.r.Scope == seller.Form || tc.r.Scope == seller.Site {
				want = seller.DefaultPageLimit
			}
			if tc.r.Limit != nil {
				want = *tc.r.Limit
			}
			assert.Equal(t, seller.Key{
				ID: "key1", SellerID: "seller_1", Scope: tc.r.Scope, Name: tc.r.Name, PartnerID: tc.r.PartnerID,
				CampaignID: tc.r.CampaignID, Origins: tc.r.Origins, Limit: want,
				Hash: seller.HashToken("token"), CreatedAt: now,
			}, k)
		})
	}
	assert.Equal(t, seller.RateLimit{Requests: 60, Window: time.Minute}, seller.DefaultRateLimit)
	assert.Equal(t, seller.RateLimit{Requests: 10, Window: time.Minute}, seller.DefaultPageLimit)
}

func TestOriginsAreToldOnce(t *testing.T) {
	t.Parallel()
	k, err := seller.NewKey("key1", "seller_1", "token", seller.KeyRequest{Scope: seller.Form, CampaignID: "c", Origins: []string{"https://A.example/", "https://a.example"}}, now)
	require.NoError(t, err)
	assert.Equal(t, []string{"https://a.example"}, k.Origins)
}

func TestNewKeyTellsWhichScopesThereAre(t *testing.T) {
	t.Parallel()
	for want, scopes := range map[string][]seller.Scope{
		"must be program, supplier, form or site":      nil,
		"must be reports":                              {"reports"},
		"must be program, supplier, dialer or reports": {seller.Program, seller.Supplier, "dialer", "reports"},
	} {
		_, err := seller.NewKey("key1", "seller_1", "token", seller.KeyRequest{Scope: "report", Scopes: scopes}, now)
		assert.Equal(t, []fault.Violation{{Field: "scope", Code: fault.InvalidValue, Message: want}}, fault.As(err).Violated())
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	token := seller.Token(seller.Supplier, "01JABC", "SECRET_with_underscores")
	assert.True(t, strings.HasPrefix(token, "lm_supplier_01JABC_SECRET_with_underscores"))
	id, ok := seller.TokenID(token)
	assert.True(t, ok)
	assert.Equal(t, "01JABC", id)
	id, ok = seller.TokenID(seller.Token("a-team-s-scope-1", "01jdef", "SECRET"))
	assert.True(t, ok, "a team's scope may have hyphens")
	assert.Equal(t, "01jdef", id)
	for i := range len(token) {
		forged := []byte(token)
		forged[i] ^= 1
		_, ok := seller.TokenID(string(forged))
		assert.False(t, ok, "a changed character is seen: %s", forged)
	}
	for _, bad := range []string{
		"", "lm_", "hello world", token[:len(token)-1], token + "0", " " + token, strings.ToUpper(token),
		seller.Token("supplier", "", "secret"), seller.Token("supplier", "id", ""), seller.Token("supplier", "id", strings.Repeat("s", 255)),
		"xx" + token[2:],
	} {
		id, ok := seller.TokenID(bad)
		assert.False(t, ok, bad)
		assert.Empty(t, id)
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	k, err := seller.NewKey("key1", "seller_1", "token", seller.KeyRequest{Scope: seller.Program}, now)
	require.NoError(t, err)
	assert.True(t, k.Matches("token"))
	assert.False(t, k.Matches("Token"))
	assert.False(t, k.Matches(""))
	k.RevokedAt = now
	assert.False(t, k.Matches("token"), "revoked")
}
