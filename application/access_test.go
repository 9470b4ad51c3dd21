package application_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
)

// handClock is a clock that only the test moves.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// keyTable is the keys as they are stored.
type keyTable struct {
	mu    sync.Mutex
	keys  map[string]seller.Key
	owner seller.Snapshot
	err   error
	reads int
}

func (t *keyTable) KeyByID(_ context.Context, id string) (seller.Key, seller.Snapshot, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads++
	if t.err != nil {
		return seller.Key{}, seller.Snapshot{}, t.err
	}
	k, ok := t.keys[id]
	if !ok {
		return seller.Key{}, seller.Snapshot{}, seller.ErrKeyNotFound
	}
	return k, t.owner, nil
}

func (t *keyTable) change(f func(*keyTable)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t)
}

func (t *keyTable) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reads
}

const adminToken = "an admin key of any visible characters"

type keyring struct {
	*application.Keyring
	clock    *handClock
	table    *keyTable
	supplier string
	program  string
	site     string
	form     string
	usage    *application.KeyUsage
}

func newKeyring(t *testing.T) keyring {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := keyring{
		clock: &handClock{now: at}, supplier: seller.Token(seller.Supplier, "K1", "SECRET1"), program: seller.Token(seller.Program, "K2", "SECRET2"),
		form: seller.Token(seller.Form, "K3", "SECRET3"), site: seller.Token(seller.Site, "K4", "SECRET4"), usage: application.NewKeyUsage(),
	}
	supplier, err := seller.NewKey("K1", "seller_1", r.supplier, seller.KeyRequest{Scope: seller.Supplier, PartnerID: "partner_1"}, at)
	require.NoError(t, err)
	site, err := seller.NewKey("K4", "seller_1", r.site, seller.KeyRequest{Scope: seller.Site, Origins: []string{"https://shop.example", "https://www.shop.example"}}, at)
	require.NoError(t, err)
	form, err := seller.NewKey("K3", "seller_1", r.form, seller.KeyRequest{Scope: seller.Form, CampaignID: "campaign_1", Origins: []string{"https://a.example", "https://b.example"}}, at)
	require.NoError(t, err)
	program, err := seller.NewKey("K2", "seller_1", r.program, seller.KeyRequest{Scope: seller.Program, Limit: &seller.RateLimit{}}, at)
	require.NoError(t, err)
	r.table = &keyTable{
		keys:  map[string]seller.Key{"K1": supplier, "K2": program, "K3": form, "K4": site},
		owner: seller.Snapshot{ID: "seller_1", Code: "ACME1234", Slug: "acme", Website: "https://yourcompany.com", Currency: "USD"},
	}
	r.Keyring = application.NewKeyring(r.table, r.clock, sha256.Sum256([]byte(adminToken)), r.usage)
	return r
}

func (r keyring) refused(t *testing.T, token string) {
	t.Helper()
	actor, limit, err := r.Authenticate(t.Context(), token)
	require.ErrorIs(t, err, application.ErrInvalidKey, token)
	assert.Equal(t, fault.Unauthenticated, fault.KindOf(err))
	assert.Equal(t, "Invalid API Key", err.Error(), "always the same answer")
	assert.Equal(t, application.Actor{}, actor)
	assert.Equal(t, seller.RateLimit{}, limit)
}

func TestKeyringActors(t *testing.T) {
	t.Parallel()
	r := newKeyring(t)
	actor, limit, err := r.Authenticate(t.Context(), r.supplier)
	require.NoError(t, err)
	want := application.Actor{
		Scope: seller.Supplier, KeyID: "K1", SellerID: "seller_1", SellerCode: "ACME1234", SellerSlug: "acme",
		Website: "https://yourcompany.com", Currency: money.MustCurrency("USD"), PartnerID: "partner_1",
	}
	assert.Equal(t, want, actor)
	assert.Equal(t, seller.DefaultRateLimit, limit)
	actor, limit, err = r.Authenticate(t.Context(), r.program)
	require.NoError(t, err)
	want.Scope, want.KeyID, want.PartnerID = seller.Program, "K2", ""
	assert.Equal(t, want, actor)
	assert.Equal(t, seller.RateLimit{}, limit, "no limit")
	actor, limit, err = r.Authenticate(t.Context(), r.form)
	require.NoError(t, err)
	want.Scope, want.KeyID, want.CampaignID, want.Origins = seller.Form, "K3", "campaign_1", "https://a.example https://b.example"
	assert.Equal(t, want, actor)
	assert.Equal(t, seller.DefaultPageLimit, limit)
	assert.True(t, actor.AllowsOrigin("https://b.example"))
	for _, other := range []string{"", "null", "https://c.example", "https://a.example https://b.example", "https://b.example.evil"} {
		assert.False(t, actor.AllowsOrigin(other), other)
	}

	r.table.owner.Program = seller.DefaultProgram()
	actor, limit, err = r.Authenticate(t.Context(), r.site)
	require.NoError(t, err)
	want.Scope, want.KeyID, want.CampaignID, want.Origins, want.LinkParameter, want.CookieDays = seller.Site, "K4", "", "https://shop.example https://www.shop.example", "aff", 30
	assert.Equal(t, want, actor)
	assert.Equal(t, seller.DefaultPageLimit, limit)
	for origin, allowed := range map[string]bool{"https://shop.example": true, "https://www.shop.example": true, "": false, " ": false, "https://shop.example https://www.shop.example": false, "shop.example": false} {
		assert.Equal(t, allowed, actor.AllowsOrigin(origin), origin)
	}
	assert.False(t, application.Actor{}.AllowsOrigin(""))

	reads := r.table.count()
	actor, limit, err = r.Authenticate(t.Context(), adminToken)
	require.NoError(t, err)
	assert.Equal(t, application.Actor{Scope: seller.Admin, KeyID: "admin"}, actor)
	assert.Equal(t, seller.RateLimit{}, limit)
	assert.Equal(t, reads, r.table.count(), "the admin key is not in the database")
	for name, want := range map[string]bool{"ACME1234": true, "acme": true, "": false, "Acme": false} {
		assert.Equal(t, want, application.Actor{SellerCode: "ACME1234", SellerSlug: "acme"}.IsSeller(name), name)
	}
	assert.False(t, application.Actor{}.IsSeller(""), "an actor without seller answers to nothing")
}

func TestKeyringRemembersForThreeSeconds(t *testing.T) {
	t.Parallel()
	r := newKeyring(t)
	ask := func() error { _, _, err := r.Authenticate(t.Context(), r.supplier); return err }
	require.NoError(t, ask())
	require.NoError(t, ask())
	assert.Equal(t, 1, r.table.count())

	r.table.change(func(k *keyTable) { key := k.keys["K1"]; key.RevokedAt = r.clock.Now(); k.keys["K1"] = key })
	r.clock.advance(3*time.Second - time.Microsecond)
	require.NoError(t, ask(), "trusted still")
	assert.Equal(t, 1, r.table.count())
	r.clock.advance(time.Microsecond)
	r.refused(t, r.supplier)
	r.refused(t, r.supplier)
	assert.Equal(t, 3, r.table.count(), "a refusal is not remembered")

	r.table.change(func(k *keyTable) { key := k.keys["K1"]; key.RevokedAt = time.Time{}; k.keys["K1"] = key })
	require.NoError(t, ask())
	r.table.change(func(k *keyTable) { delete(k.keys, "K1") })
	require.NoError(t, ask())
	r.Forget()
	r.refused(t, r.supplier)
}

func TestKeyringRefuses(t *testing.T) {
	t.Parallel()
	r := newKeyring(t)
	forged := []byte(r.supplier)
	forged[len(forged)-1] ^= 1
	for _, token := range []string{
		"", "x", "Bearer " + r.supplier, string(forged), strings.ToLower(r.supplier), r.supplier + " ", adminToken + "x", strings.Repeat("a", 256),
		seller.Token(seller.Supplier, "K1", strings.Repeat("S", 300)),
	} {
		r.refused(t, token)
	}
	assert.Zero(t, r.table.count(), "what cannot be a key of ours is not looked up")
	for _, token := range []string{
		seller.Token(seller.Supplier, "K1", "WRONG"), seller.Token(seller.Program, "K1", "SECRET1"), seller.Token(seller.Admin, "K1", "SECRET1"),
		seller.Token(seller.Supplier, "K9", "SECRET1"),
	} {
		before := r.table.count()
		r.refused(t, token)
		r.refused(t, token)
		assert.Equal(t, before+2, r.table.count(), "unknown is never remembered")
	}
	// A wrong secret is refused also after the right one was accepted.
	_, _, err := r.Authenticate(t.Context(), r.supplier)
	require.NoError(t, err)
	r.refused(t, seller.Token(seller.Supplier, "K1", "WRONG"))
}

func TestKeyringPassesFailuresOn(t *testing.T) {
	t.Parallel()
	r := newKeyring(t)
	down := errors.New("down")
	r.table.change(func(k *keyTable) { k.err = down })
	_, _, err := r.Authenticate(t.Context(), r.supplier)
	require.ErrorIs(t, err, down)
	require.NotErrorIs(t, err, application.ErrInvalidKey, "a database that is down does not make a key wrong")
	r.table.change(func(k *keyTable) { k.err = nil })
	_, _, err = r.Authenticate(t.Context(), r.supplier)
	require.NoError(t, err)
}

func TestKeyringConcurrently(t *testing.T) {
	t.Parallel()
	r := newKeyring(t)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for range 200 {
				switch n % 4 {
				case 0:
					r.clock.advance(time.Second)
				case 1:
					r.Forget()
				default:
				}
				actor, _, err := r.Authenticate(context.Background(), r.supplier)
				assert.NoError(t, err)
				assert.Equal(t, "K1", actor.KeyID)
				_, _, err = r.Authenticate(context.Background(), seller.Token(seller.Supplier, "K1", "WRONG"))
				assert.ErrorIs(t, err, application.ErrInvalidKey)
			}
		})
	}
	all.Wait()
}

// An expired key is answered as a revoked one, also by a keyring that read it just before it expired.
func TestKeyringRefusesExpiredKeys(t *testing.T) {
	t.Parallel()
	r := newKeyring(t)
	ends := r.clock.Now().Add(time.Second)
	r.table.change(func(t *keyTable) {
		k := t.keys["K1"]
		k.ExpiresAt = ends
		t.keys["K1"] = k
	})
	_, _, err := r.Authenticate(t.Context(), r.supplier)
	require.NoError(t, err)
	r.clock.advance(time.Second - time.Microsecond)
	_, _, err = r.Authenticate(t.Context(), r.supplier)
	require.NoError(t, err)
	r.clock.advance(time.Microsecond)
	r.refused(t, r.supplier)
	r.refused(t, r.supplier)
}

// What keys are used for is stored apart from the requests, each lead once.
func TestKeyringTellsWhatKeysAreUsedFor(t *testing.T) {
	t.Parallel()
	r := newKeyring(t)
	var stored []application.KeyUse
	store := func(err error) error {
		stored = nil
		return r.usage.Store(t.Context(), func(_ context.Context, used []application.KeyUse) error {
			stored = append(stored, used...)
			return err
		})
	}
	r.usage.LeadCame("K1") // of a key that nobody used
	r.usage.LeadCame("")
	require.NoError(t, store(nil))
	assert.Empty(t, stored)

	began := r.clock.Now()
	for range 3 {
		_, _, err := r.Authenticate(t.Context(), r.supplier)
		require.NoError(t, err)
		r.usage.LeadCame("K1")
	}
	_, _, err := r.Authenticate(t.Context(), adminToken)
	require.NoError(t, err)
	r.refused(t, seller.Token(seller.Supplier, "K1", "WRONG"))
	want := []application.KeyUse{{KeyID: "K1", SellerID: "seller_1", At: began, Leads: 3}}
	require.ErrorIs(t, store(application.ErrUnavailable), application.ErrUnavailable)
	require.NoError(t, store(nil))
	assert.Equal(t, want, stored, "what failed is said again")
	require.NoError(t, store(nil))
	assert.Empty(t, stored, "nothing is said twice")

	r.usage.LeadCame("K1")
	require.NoError(t, r.usage.Store(t.Context(), func(context.Context, []application.KeyUse) error {
		r.usage.LeadCame("K1") // meanwhile
		return nil
	}))
	require.NoError(t, store(&application.OutcomeUnknownError{Err: application.ErrUnavailable}))
	assert.Equal(t, []application.KeyUse{{KeyID: "K1", SellerID: "seller_1", At: began, Leads: 1}}, stored)
	require.NoError(t, store(nil))
	assert.Empty(t, stored, "what may be stored is not said again")

	r.clock.advance(11 * time.Second)
	_, _, err = r.Authenticate(t.Context(), r.supplier)
	require.NoError(t, err)
	require.NoError(t, store(nil))
	assert.Equal(t, []application.KeyUse{{KeyID: "K1", SellerID: "seller_1", At: began.Add(11 * time.Second)}}, stored)
}
