package command

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
)

// CreateSeller makes a seller with its first program key. Code and Details.Slug are generated when absent; Currency is USD
// when empty.
type CreateSeller struct {
	application.Actor

	Code     string
	Currency string
	Details  seller.Details
	Once     application.Once[SellerCreated]
}

// Needs implements application.Message.
func (CreateSeller) Needs() application.Scope { return application.Admin }

// SellerCreated is a new seller and the text of its program key, which is shown only once.
type SellerCreated struct {
	Seller accountquery.Seller
	KeyID  string
	Key    string
}

// CreateSellerHandler handles CreateSeller.
type CreateSellerHandler struct {
	account.Deps
	Secrets application.Secrets
}

// Handle implements bus.Handler. Errors: seller.ErrCodeTaken, seller.ErrSlugTaken, fault.ErrValidation.
func (h CreateSellerHandler) Handle(ctx context.Context, c CreateSeller) (application.Done, error) {
	for try := 1; ; try++ {
		done, err := h.create(ctx, c)
		// A generated code that is taken already is no mistake of the client: try another one.
		if c.Code == "" && try < codeTries && takenByChance(err, c.Details.Slug == nil) {
			continue
		}
		return done, err
	}
}

func (h CreateSellerHandler) create(ctx context.Context, c CreateSeller) (application.Done, error) {
	now := h.Clock.Now()
	code := c.Code
	if code == "" {
		code = sellerCode(h.Secrets.New())
	}
	id, keyID := sellerID(now, h.Secrets.New()), plainID(h.IDs)
	token := seller.Token(seller.Program, keyID, h.Secrets.New())
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx account.Tx) (SellerCreated, error) {
		currency, currencyErr := money.ParseCurrency(orUSD(c.Currency))
		s, err := seller.New(id, code, currency, c.Details, now)
		if err := fault.Together("currency", currencyErr, err); err != nil {
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
		return SellerCreated{Seller: accountquery.SellerOf(s.Snapshot()), KeyID: key.ID, Key: token}, nil
	})
}

const codeTries = 5

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

func orUSD(code string) string {
	if code == "" {
		return "USD"
	}
	return code
}

// sellerID makes a seller's id, which is short because it stands in every row and index entry of what belongs to the seller: the millisecond,
// so that ids sort by it, and 25 bits of a secret.
func sellerID(at time.Time, secret string) string {
	return "s_" + strings.ToUpper(strconv.FormatInt(at.UnixMilli(), 32)) + secret[:5]
}

// sellerCode makes a seller's code from a secret. It need not be evenly distributed, only collide seldom.
func sellerCode(secret string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	code := make([]byte, 8)
	sum := sha256.Sum256([]byte(secret))
	for i := range code {
		code[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(code)
}
