package command

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
)

// CreateSeller founds a seller with its first program key. Code and Details.Slug are made when absent; Currency is USD
// when empty.
type CreateSeller struct {
	application.Actor

	Code     string
	Currency string
	Details  seller.Details
	Once     Once[SellerCreated]
}

// SellerCreated is a new seller and the text of its program key, which is shown this once.
type SellerCreated struct {
	Seller query.Seller
	KeyID  string
	Key    string
}

// CreateSellerHandler handles CreateSeller.
type CreateSellerHandler struct {
	Deps
	Secrets application.Secrets
}

const codeTries = 5

// Handle implements bus.Handler. Errors: seller.ErrCodeTaken, seller.ErrSlugTaken, validation.
func (h CreateSellerHandler) Handle(ctx context.Context, c CreateSeller) (Done, error) {
	for try := 1; ; try++ {
		done, err := h.create(ctx, c)
		// A code made by us that is taken already is bad luck, not the client's mistake.
		if c.Code == "" && try < codeTries && takenByChance(err, c.Details.Slug == nil) {
			continue
		}
		return done, err
	}
}

func takenByChance(err error, slugMade bool) bool {
	e := fault.As(err)
	if e == nil || !errors.Is(err, fault.ErrValidation) {
		return false
	}
	for _, v := range e.Violations {
		if v.Code == fault.Duplicate && (v.Field == "code" || v.Field == "slug" && slugMade) {
			return true
		}
	}
	return false
}

func (h CreateSellerHandler) create(ctx context.Context, c CreateSeller) (Done, error) {
	now := h.Clock.Now()
	code := c.Code
	if code == "" {
		code = sellerCode(h.Secrets.New())
	}
	id, keyID := h.IDs.New("seller"), plainID(h.IDs)
	token := seller.Token(seller.Program, keyID, h.Secrets.New())
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (SellerCreated, error) {
		currency, currencyErr := money.ParseCurrency(orUSD(c.Currency))
		s, err := seller.New(id, code, currency, c.Details, now)
		if err := together("currency", currencyErr, err); err != nil {
			return SellerCreated{}, err
		}
		if err := tx.Sellers().Add(ctx, s); err != nil {
			return SellerCreated{}, err
		}
		key, err := seller.NewKey(keyID, id, token, seller.KeyRequest{Scope: seller.Program, Name: "first", Limit: &seller.RateLimit{}}, now)
		if err != nil {
			return SellerCreated{}, err
		}
		if err := tx.Keys().Add(ctx, key); err != nil {
			return SellerCreated{}, err
		}
		return SellerCreated{Seller: query.SellerOf(s.Snapshot()), KeyID: key.ID, Key: token}, nil
	})
}

func orUSD(code string) string {
	if code == "" {
		return "USD"
	}
	return code
}

// together adds a value's error to the violations of an aggregate's, so that a client learns of all.
func together(name string, valueErr, err error) error {
	if valueErr == nil {
		return err
	}
	var v fault.Violations
	v.AddErr(name, valueErr)
	if err != nil {
		if e := fault.As(err); e == nil || len(e.Violations) == 0 {
			return err
		}
		v.AddErr("", err)
	}
	return v.Err()
}

// sellerCode makes a code of a secret. A name needs no even distribution, only few collisions.
func sellerCode(secret string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	code := make([]byte, 8)
	sum := sha256.Sum256([]byte(secret))
	for i := range code {
		code[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(code)
}

// UpdateSeller changes a seller's details. Its code and currency never change.
type UpdateSeller struct {
	application.Actor

	Code    string
	Details seller.Details
	Once    Once[query.Seller]
}

// UpdateSellerHandler handles UpdateSeller.
type UpdateSellerHandler struct{ Deps }

// Handle implements bus.Handler. Errors: seller.ErrNotFound, seller.ErrSlugTaken, validation.
func (h UpdateSellerHandler) Handle(ctx context.Context, c UpdateSeller) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Seller, error) {
		s, err := tx.Sellers().LockByCode(ctx, c.Code)
		if err != nil {
			return query.Seller{}, err
		}
		zoneChanged, err := s.Update(c.Details, now)
		if err != nil {
			return query.Seller{}, err
		}
		if err := tx.Sellers().Save(ctx, s); err != nil {
			return query.Seller{}, err
		}
		if zoneChanged {
			if err := rezone(ctx, tx, s, "", now); err != nil {
				return query.Seller{}, err
			}
		}
		return query.SellerOf(s.Snapshot()), nil
	})
}
