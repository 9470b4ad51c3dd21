package application

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
)

// ErrInvalidKey says that an API key is missing, unknown, revoked or expired, without telling which.
var ErrInvalidKey = fault.New(fault.Unauthenticated, "invalid_api_key", "Invalid API Key")

// Authenticator turns the text of an API key into the actor it stands for and the key's rate limit: ErrInvalidKey.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (Actor, seller.RateLimit, error)
}

// RateState is what a key has left in its window. A Limit of zero is no limit.
type RateState struct {
	Limit, Remaining int64
	Window           time.Duration
	ResetAt          time.Time
	Allowed          bool
}

// RateLimiter counts requests in fixed windows that start with a key's first request. Refused requests are not counted.
type RateLimiter interface {
	// Take counts one request under a name and returns the state after it.
	Take(name string, limit seller.RateLimit) RateState
	// Peek returns the state without counting a request.
	Peek(name string, limit seller.RateLimit) RateState
}

// ManyRateLimiter is a RateLimiter that counts many requests at once.
type ManyRateLimiter interface {
	RateLimiter
	// TakeMany counts n requests under a name, or none when fewer are left, and returns the state after it.
	TakeMany(name string, limit seller.RateLimit, n int64) RateState
}

// TakeMany counts n requests under a name, or none when fewer are left. By a limiter that is no ManyRateLimiter they are counted one by one:
// then others may have taken some of what is left meanwhile, and those that were counted before stay so.
func TakeMany(l RateLimiter, name string, limit seller.RateLimit, n int64) RateState {
	if many, ok := l.(ManyRateLimiter); ok {
		return many.TakeMany(name, limit, n)
	}
	state := l.Peek(name, limit)
	if state.Limit > 0 && state.Remaining < n {
		state.Allowed = false
		return state
	}
	for ; n > 0 && state.Allowed; n-- {
		state = l.Take(name, limit)
	}
	return state
}

// KeyReader reads API keys with their seller, uncached.
type KeyReader interface {
	// KeyByID returns a key and its seller: seller.ErrKeyNotFound.
	KeyByID(ctx context.Context, id string) (seller.Key, seller.Snapshot, error)
}

// A key that was read is trusted for keyTTL, and for keyGrace while one request reads it again. So revoking a key works on
// every instance well within the 5 seconds that docs/marketplace.md promises.
const (
	keyTTL   = 3 * time.Second
	keyGrace = 4 * time.Second
)

// maxCachedKeys bounds the cache; a full cache is emptied.
const maxCachedKeys = 100_000

// Keyring authenticates API keys. It remembers keys by the hash of their text for 3 seconds.
type Keyring struct {
	reader KeyReader
	clock  Clock
	admin  [sha256.Size]byte
	usage  *KeyUsage

	mu    sync.RWMutex
	known map[[sha256.Size]byte]knownKey
}

type knownKey struct {
	actor      Actor
	limit      seller.RateLimit
	readAt     time.Duration // by Elapsed
	expiresAt  time.Time     // zero: never
	used       *keyCount
	refreshing *atomic.Bool // set while one request reads the key again; the others use the known key until keyGrace ends
}

// NewKeyring makes a Keyring, which tells usage of the keys that are used. adminHash is the SHA-256 of the installation's admin key.
func NewKeyring(reader KeyReader, clock Clock, adminHash [sha256.Size]byte, usage *KeyUsage) *Keyring {
	return &Keyring{reader: reader, clock: clock, admin: adminHash, usage: usage, known: map[[sha256.Size]byte]knownKey{}}
}

// Authenticate implements Authenticator.
func (k *Keyring) Authenticate(ctx context.Context, token string) (Actor, seller.RateLimit, error) {
	if token == "" || len(token) > 255 {
		return Actor{}, seller.RateLimit{}, ErrInvalidKey
	}
	hash, now := seller.HashToken(token), Elapsed(k.clock)
	if subtle.ConstantTimeCompare(hash[:], k.admin[:]) == 1 {
		return Actor{Scope: seller.Admin, KeyID: "admin"}, seller.RateLimit{}, nil
	}
	k.mu.RLock()
	known, ok := k.known[hash]
	k.mu.RUnlock()
	at := k.clock.Now()
	expired := ok && !known.expiresAt.IsZero() && !at.Before(known.expiresAt)
	if age := now - known.readAt; ok && !expired && (age < keyTTL || age < keyGrace && !known.refreshing.CompareAndSwap(false, true)) {
		known.used.usedAt(at)
		return known.actor, known.limit, nil
	}
	if ok {
		defer known.refreshing.Store(false)
	}
	id, ok := seller.TokenID(token)
	if !ok {
		return Actor{}, seller.RateLimit{}, ErrInvalidKey
	}
	key, owner, err := k.reader.KeyByID(ctx, id)
	if errors.Is(err, seller.ErrKeyNotFound) || err == nil && (!key.Matches(token) || !key.InForce(at)) {
		k.forget(hash)
		return Actor{}, seller.RateLimit{}, ErrInvalidKey
	}
	if err != nil {
		return Actor{}, seller.RateLimit{}, err
	}
	actor, err := actorOf(key, owner)
	if err != nil {
		return Actor{}, seller.RateLimit{}, err
	}
	used := k.usage.of(key.ID, key.SellerID)
	used.usedAt(at)
	fresh := knownKey{limit: key.Limit, readAt: now, expiresAt: key.ExpiresAt, used: used, refreshing: new(atomic.Bool), actor: actor}
	k.mu.Lock()
	if len(k.known) >= maxCachedKeys {
		clear(k.known)
	}
	k.known[hash] = fresh
	k.mu.Unlock()
	return fresh.actor, fresh.limit, nil
}

// KeysAtOnce is an Authenticator that can be asked about many keys by one question.
type KeysAtOnce interface {
	// Ended returns those of some keys that are known to be no longer valid.
	Ended(ctx context.Context, tokens []string) (ended []string, err error)
}

// KeysReader is a KeyReader that reads many keys at once, without their sellers.
type KeysReader interface {
	// KeysByID returns keys by id. Unknown ones are left out.
	KeysByID(ctx context.Context, ids []string) (map[string]seller.Key, error)
}

// Ended implements KeysAtOnce: what a KeysReader reads, it reads uncached.
func (k *Keyring) Ended(ctx context.Context, tokens []string) (ended []string, err error) {
	reader, ok := k.reader.(KeysReader)
	if !ok {
		for _, token := range tokens {
			if _, _, err := k.Authenticate(ctx, token); errors.Is(err, ErrInvalidKey) {
				ended = append(ended, token)
			}
		}
		return ended, nil
	}
	of := make(map[string]string, len(tokens)) // the ids
	for _, token := range tokens {
		hash := seller.HashToken(token)
		if subtle.ConstantTimeCompare(hash[:], k.admin[:]) == 1 {
			continue
		}
		if id, ok := seller.TokenID(token); ok {
			of[token] = id
		} else {
			ended = append(ended, token)
		}
	}
	if len(of) == 0 {
		return ended, nil
	}
	known, err := reader.KeysByID(ctx, slices.Sorted(maps.Values(of)))
	if err != nil {
		return ended, err
	}
	at := k.clock.Now()
	for token, id := range of {
		if key, there := known[id]; !there || !key.Matches(token) || !key.InForce(at) {
			k.forget(seller.HashToken(token))
			ended = append(ended, token)
		}
	}
	return ended, nil
}

func actorOf(key seller.Key, owner seller.Snapshot) (Actor, error) {
	currency, err := money.ParseCurrency(owner.Currency)
	return Actor{
		Scope: key.Scope, KeyID: key.ID, SellerID: key.SellerID,
		SellerCode: owner.Code, SellerSlug: owner.Slug, Website: owner.Website, LinkParameter: owner.Program.LinkParameter, Currency: currency, PartnerID: key.PartnerID,
		CookieDays: owner.Program.CookieDays, CampaignID: key.CampaignID, Origins: strings.Join(key.Origins, " "),
	}, err
}

// ActorOf returns who a key of a seller stands for now, for what was asked for with it and is done later: ErrInvalidKey.
func (k *Keyring) ActorOf(ctx context.Context, sellerID, keyID string) (Actor, error) {
	key, owner, err := k.reader.KeyByID(ctx, keyID)
	at := k.clock.Now()
	if errors.Is(err, seller.ErrKeyNotFound) || err == nil && (key.SellerID != sellerID || !key.InForce(at)) {
		return Actor{}, ErrInvalidKey
	}
	if err != nil {
		return Actor{}, err
	}
	k.usage.of(key.ID, key.SellerID).usedAt(at)
	return actorOf(key, owner)
}

func (k *Keyring) forget(hash [sha256.Size]byte) {
	k.mu.Lock()
	delete(k.known, hash)
	k.mu.Unlock()
}

// Forget drops all remembered keys, so that a change made by this process takes effect at once.
func (k *Keyring) Forget() {
	k.mu.Lock()
	clear(k.known)
	k.mu.Unlock()
}
