package httpport

import (
	"net/http"
	"net/url"
	"time"

	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// ---- sellers

func showSeller(s query.Seller) Seller {
	return Seller{Id: s.ID, Code: s.Code, Slug: s.Slug, Name: s.Name, Currency: s.Currency, TimeZone: s.TimeZone,
		Website: s.Website, CreatedAt: timestamp(s.CreatedAt), UpdatedAt: timestamp(s.UpdatedAt)}
}

func showSellerCreated(c command.SellerCreated) SellerCreated {
	s := c.Seller
	return SellerCreated{Id: s.ID, Code: s.Code, Slug: s.Slug, Name: s.Name, Currency: s.Currency, TimeZone: s.TimeZone,
		Website: s.Website, CreatedAt: timestamp(s.CreatedAt), UpdatedAt: timestamp(s.UpdatedAt),
		ApiKey: SellerKey{Id: c.KeyID, Key: c.Key, Scope: string(program)}}
}

func listSellers(k *call) {
	list(k, k.s.deps.Handlers.Sellers, func(p query.Page, _ url.Values, _ *fault.Violations) query.Sellers {
		return query.Sellers{Actor: k.actor, Page: p}
	}, showSeller)
}

func getSeller(k *call) {
	ask(k, k.s.deps.Handlers.Seller, query.SellerByCode{Actor: k.actor, Code: k.param("code")}, showSeller)
}

func createSeller(k *call) {
	c := command.CreateSeller{Actor: k.actor}
	w, ok := k.bind(false, func(w *write) {
		c.Code, c.Currency = w.string("code"), w.string("currency")
		text(w.object, "name", &c.Details.Name)
		text(w.object, "slug", &c.Details.Slug)
		text(w.object, "time_zone", &c.Details.TimeZone)
		text(w.object, "website", &c.Details.Website)
	})
	if ok {
		c.Once = once(w, http.StatusCreated, showSellerCreated)
		do(w, k.s.deps.Handlers.CreateSeller, c)
	}
}

func updateSeller(k *call) {
	c := command.UpdateSeller{Actor: k.actor, Code: k.param("code")}
	w, ok := k.bind(false, func(w *write) {
		w.fixed("code", "never changes")
		w.fixed("currency", "never changes")
		text(w.object, "name", &c.Details.Name)
		text(w.object, "slug", &c.Details.Slug)
		text(w.object, "time_zone", &c.Details.TimeZone)
		text(w.object, "website", &c.Details.Website)
	})
	if ok {
		c.Once = once(w, http.StatusOK, showSeller)
		do(w, k.s.deps.Handlers.UpdateSeller, c)
	}
}

// ---- keys

func showAPIKey(a query.APIKey) APIKey {
	d := APIKey{Id: a.ID, Scope: a.Scope, Name: a.Name, CreatedAt: timestamp(a.CreatedAt)}
	if a.PartnerID != "" {
		d.Partner = &PartnerReference{Id: a.PartnerID}
	}
	if a.Limit.Requests > 0 {
		d.RateLimit = &RateLimitValue{Requests: a.Limit.Requests, WindowSeconds: int64(a.Limit.Window / time.Second)}
	}
	return d
}

func listAPIKeys(k *call) {
	list(k, k.s.deps.Handlers.APIKeys, func(p query.Page, _ url.Values, _ *fault.Violations) query.APIKeys {
		return query.APIKeys{Actor: k.actor, Page: p}
	}, showAPIKey)
}

func createAPIKey(k *call) {
	c := command.CreateAPIKey{Actor: k.actor}
	w, ok := k.bind(false, func(w *write) {
		c.Scope, c.Name, c.Partner = w.string("scope"), w.string("name"), w.handle("partner")
		if c.Scope == "" {
			w.bad("scope", fault.Required, "must be program or supplier")
		}
		if w.null("rate_limit") {
			c.Limit = fresh(c.Limit)
		}
		limit := w.object.object("rate_limit")
		if limit == nil {
			return
		}
		var requests, seconds *int64
		integer(limit, "requests", &requests)
		integer(limit, "window_seconds", &seconds)
		limit.done()
		// Checked here, because zero means no limit further in.
		const maxRequests, maxSeconds = 1_000_000_000, 86_400
		if requests == nil && limit.given("requests") == nil {
			limit.bad("requests", fault.Required, "is required")
		} else if requests != nil && (*requests < 1 || *requests > maxRequests) {
			limit.bad("requests", fault.InvalidValue, "must be between 1 and 1000000000")
		}
		if seconds != nil && (*seconds < 1 || *seconds > maxSeconds) {
			limit.bad("window_seconds", fault.InvalidValue, "must be between 1 and 86400")
		}
		c.Limit = fresh(c.Limit)
		c.Limit.Window = time.Minute
		if requests != nil {
			c.Limit.Requests = *requests
		}
		if seconds != nil {
			c.Limit.Window = time.Duration(*seconds) * time.Second
		}
	})
	if ok {
		c.Once = once(w, http.StatusCreated, func(r command.APIKeyCreated) APIKeyCreated {
			a := showAPIKey(r.APIKey)
			return APIKeyCreated{Id: a.Id, Key: r.Key, Scope: a.Scope, Name: a.Name, Partner: a.Partner, RateLimit: a.RateLimit, CreatedAt: a.CreatedAt}
		})
		do(w, k.s.deps.Handlers.CreateAPIKey, c)
	}
}

func revokeAPIKey(k *call) {
	if w, ok := k.action(); ok {
		do(w, k.s.deps.Handlers.RevokeAPIKey, command.RevokeAPIKey{Actor: k.actor, ID: k.param("id"), Once: onceOK[struct{}](w)})
	}
}

// ---- buyers

func (k *call) showBuyer(b query.Buyer) Buyer {
	c := k.actor.Currency
	return Buyer{Id: b.ID, Name: b.Name, Email: b.Email, Status: b.Status, Balance: decimal(b.Balance, c), Held: decimal(b.Held, c),
		CreditLimit: decimal(b.CreditLimit, c), TimeZone: b.TimeZone, CreatedAt: timestamp(b.CreatedAt), UpdatedAt: timestamp(b.UpdatedAt)}
}

func (k *call) showEntry(e query.LedgerEntry) LedgerEntry {
	c := k.actor.Currency
	return LedgerEntry{Id: e.ID, Type: e.Type, Amount: decimal(e.Amount, c), BalanceAfter: decimal(e.BalanceAfter, c),
		SaleId: optional(e.SaleID), Note: optional(e.Note), CreatedAt: timestamp(e.CreatedAt)}
}

func listBuyers(k *call) {
	list(k, k.s.deps.Handlers.Buyers, func(p query.Page, _ url.Values, _ *fault.Violations) query.Buyers {
		return query.Buyers{Actor: k.actor, Page: p}
	}, k.showBuyer)
}

func getBuyer(k *call) {
	ask(k, k.s.deps.Handlers.Buyer, query.BuyerByID{Actor: k.actor, ID: k.param("id")}, k.showBuyer)
}

func createBuyer(k *call) {
	c := command.CreateBuyer{Actor: k.actor}
	w, ok := k.bind(false, func(w *write) {
		text(w.object, "name", &c.Details.Name)
		text(w.object, "email", &c.Details.Email)
		text(w.object, "time_zone", &c.Details.TimeZone)
		w.money("credit_limit", &c.Details.CreditLimit, money.ParseNonNegative)
	})
	if ok {
		c.Once = once(w, http.StatusCreated, k.showBuyer)
		do(w, k.s.deps.Handlers.CreateBuyer, c)
	}
}

func updateBuyer(k *call) {
	c := command.UpdateBuyer{Actor: k.actor, ID: k.param("id")}
	w, ok := k.bind(false, func(w *write) {
		text(w.object, "name", &c.Details.Name)
		text(w.object, "email", &c.Details.Email)
		text(w.object, "time_zone", &c.Details.TimeZone)
		w.money("credit_limit", &c.Details.CreditLimit, money.ParseNonNegative)
	})
	if ok {
		c.Once = once(w, http.StatusOK, k.showBuyer)
		do(w, k.s.deps.Handlers.UpdateBuyer, c)
	}
}

func pauseBuyer(k *call, resume bool) {
	if w, ok := k.action(); ok {
		do(w, k.s.deps.Handlers.PauseBuyer, command.PauseBuyer{Actor: k.actor, ID: k.param("id"), Resume: resume,
			Once: once(w, http.StatusOK, k.showBuyer)})
	}
}

func moveMoney(k *call, withdraw bool) {
	c := command.MoveMoney{Actor: k.actor, BuyerID: k.param("id"), Withdraw: withdraw}
	w, ok := k.bind(false, func(w *write) {
		var amount *money.Micros
		w.money("amount", &amount, money.ParsePositive)
		if w.given("amount") == nil {
			w.bad("amount", fault.Required, "is required")
		}
		if amount != nil {
			c.Amount = *amount
		}
		c.Note = w.string("note")
	})
	if ok {
		c.Once = once(w, http.StatusCreated, k.showEntry)
		do(w, k.s.deps.Handlers.MoveMoney, c)
	}
}

func listLedger(k *call) {
	list(k, k.s.deps.Handlers.Ledger, func(p query.Page, _ url.Values, _ *fault.Violations) query.Ledger {
		return query.Ledger{Actor: k.actor, BuyerID: k.param("id"), Page: p}
	}, k.showEntry)
}
