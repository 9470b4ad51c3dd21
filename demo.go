package leadmill

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/ports/events"
)

// The names of the demo seller, which are those of docs/supplier-api.md.
const (
	demoCode    = "ACME1234"
	demoPartner = "demo-supplier"
	major       = 1_000_000 // micro-units of one major unit

	demoLook = 50 * time.Millisecond // between two looks at how far the projections are
)

func (c *cli) demo() *cobra.Command {
	var empty bool
	var adminKey string
	serve := c.runMaking(func(ctx context.Context, k *core, _ []string) error {
		k.Admin.made = cmp.Or(k.Admin.made, adminKey)
		return k.serve(ctx, func(ctx context.Context, base string) error {
			d, err := k.makeDemo(ctx)
			if err != nil {
				return fmt.Errorf("make the demo seller: %w", err)
			}
			if err := k.projectDemo(ctx); err != nil {
				return fmt.Errorf("count what the demo seller has: %w", err)
			}
			if err := c.tellAddress(k)(ctx, base); err != nil {
				return err
			}
			link, err := k.ownerLink(ctx, d.sellerID, "owner@example.com", "Demo Owner", base)
			if err != nil {
				return fmt.Errorf("make the link of the demo's owner: %w", err)
			}
			return c.tellDemo(d, base, link)
		})
	})
	cmd := &cobra.Command{
		Use: "demo", Short: "Serve with a demo seller and what happened to it in a month, and print keys and a curl line that sells a lead", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !empty {
				made, err := c.fillDemo(cmd.Context())
				if err != nil {
					return err
				}
				adminKey = made
			}
			return serve(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&empty, "empty", false, "without a history: an empty database gets the demo seller alone")
	return cmd
}

// fillDemo gives an empty database the demo's history, and returns the admin key if it made one.
func (c *cli) fillDemo(ctx context.Context) (adminKey string, err error) {
	config, err := LoadConfig()
	if err != nil {
		return "", &usageError{err}
	}
	now := newClock().Now()
	past := clock.NewManual(now.AddDate(0, 0, -demoDays))
	err = c.app.with(ctx, config, io.Discard, func(ctx context.Context, k *core) error {
		adminKey = k.Admin.made
		if err := k.makeHistory(ctx, past, now, c.stdout); err != nil {
			return fmt.Errorf("make the demo's history: %w", err)
		}
		return nil
	}, opened(opening{makes: true, tell: io.Discard}), at(past))
	return adminKey, err
}

type demo struct{ sellerID, programKey, supplierKey, phone string }

func (c *cli) tellDemo(d demo, base, link string) error {
	_, err := fmt.Fprintf(c.stdout, `
Look at it:   %s
              (signs you in once, as the owner; another start prints another)

Demo seller:  %s (Acme Leads), category "Auto Insurance"
Program key:  %s
Supplier key: %s

Sell a lead:

curl -X POST %s/api/leads -H "Content-Type: application/json" -H "Authorization: Bearer %s" -d '{"seller":"%s","category":"Auto Insurance","firstName":"John","lastName":"Doe","phone":"%s","email":"john@email.com","state":"TX"}'
`, link, demoCode, d.programKey, d.supplierKey, base, d.supplierKey, demoCode, d.phone)
	return err
}

// projectDemo waits until reports have all that happened, so that the first page has: for a minute at most, as a database that is no demo's may
// have more.
func (k *core) projectDemo(ctx context.Context) error {
	look, late := time.NewTicker(demoLook), time.After(time.Minute)
	defer look.Stop()
	for {
		all, err := k.Log.consumers.Status(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(c eventlog.Status) bool { return c.Lag > 0 && !k.isReaction(c.Consumer) }) {
			return nil
		}
		select {
		case <-look.C:
		case <-late:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (k *core) isReaction(consumer string) bool {
	return slices.ContainsFunc(k.Subscriptions, func(s events.Subscription) bool { return s.Reaction.Name == consumer })
}

// makeDemo makes those parts of the demo seller that are missing. Its keys and phone number are new at each start.
func (k *core) makeDemo(ctx context.Context) (d demo, err error) {
	actor, err := k.demoSeller(ctx)
	if err != nil {
		return d, err
	}
	d.sellerID = actor.SellerID
	if err := k.demoPartner(ctx, actor); err != nil {
		return d, err
	}
	buyers, err := k.demoBuyers(ctx, actor)
	if err != nil {
		return d, err
	}
	if err := k.demoCampaigns(ctx, actor, buyers); err != nil {
		return d, err
	}
	if err := k.fundDemo(ctx, actor, buyers); err != nil {
		return d, err
	}
	if d.programKey, err = k.demoKey(ctx, actor, seller.Program, ""); err != nil {
		return d, err
	}
	if d.supplierKey, err = k.demoKey(ctx, actor, seller.Supplier, demoPartner); err != nil {
		return d, err
	}
	d.phone, err = randomPhone()
	return d, err
}

func (k *core) demoSeller(ctx context.Context) (application.Actor, error) {
	actor, err := k.operator(ctx, demoCode)
	if !errors.Is(err, seller.ErrNotFound) {
		return actor, err
	}
	name, slug, zone, website := "Acme Leads", "acme", "America/Chicago", "https://yourcompany.com"
	var made accountcommand.SellerCreated
	if _, err := k.Account.CreateSeller.Handle(ctx, accountcommand.CreateSeller{
		Actor: application.Actor{Scope: seller.Admin}, Code: demoCode,
		Details: seller.Details{Name: &name, Slug: &slug, TimeZone: &zone, Website: &website}, Once: keep(&made),
	}); err != nil {
		return application.Actor{}, err
	}
	return actorOf(made.Seller)
}

func (k *core) demoPartner(ctx context.Context, actor application.Actor) error {
	_, err := k.Program.PartnerByHandle.Handle(ctx, programquery.PartnerByHandle{Actor: actor, Handle: application.PartnerHandle{ID: demoPartner}})
	if !errors.Is(err, partner.ErrNotFound) {
		return err
	}
	_, err = k.Program.CreatePartner.Handle(ctx, programcommand.CreatePartner{
		Actor: actor, ID: demoPartner, Key: "demo", Email: "supplier@example.com",
		Name: "Demo", Surname: "Supplier", Once: keep(new(programquery.Partner)),
	})
	return err
}

// demoBuyers returns the two buyers of the demo, first the one that is asked first.
func (k *core) demoBuyers(ctx context.Context, actor application.Actor) ([]marketquery.Buyer, error) {
	found, err := k.Market.Buyers.Handle(ctx, marketquery.Buyers{Actor: actor, Page: application.Page{Limit: application.MaxLimit, Number: 1}})
	if err != nil {
		return nil, err
	}
	buyers := make([]marketquery.Buyer, 0, 2)
	for _, name := range []string{"Best Insurance", "Second Choice"} {
		i := slices.IndexFunc(found.Items, func(b marketquery.Buyer) bool { return b.Name == name })
		if i >= 0 {
			buyers = append(buyers, found.Items[i])
			continue
		}
		var made marketquery.Buyer
		if _, err := k.Market.CreateBuyer.Handle(ctx, marketcommand.CreateBuyer{Actor: actor, Details: buyer.Details{Name: &name}, Once: keep(&made)}); err != nil {
			return nil, err
		}
		buyers = append(buyers, made)
	}
	return buyers, nil
}

// demoCampaigns makes the two campaigns of docs/supplier-api.md, each with a contract of each buyer.
func (k *core) demoCampaigns(ctx context.Context, actor application.Actor, buyers []marketquery.Buyer) error {
	found, err := k.Market.Campaigns.Handle(ctx, marketquery.Campaigns{Actor: actor, Page: application.Page{Limit: application.MaxLimit, Number: 1}})
	if err != nil {
		return err
	}
	for _, category := range []string{"Auto Insurance", "Solar"} {
		var c marketquery.Campaign
		if i := slices.IndexFunc(found.Items, func(c marketquery.Campaign) bool { return c.Name == category }); i >= 0 {
			c = found.Items[i]
		} else if _, err := k.Market.CreateCampaign.Handle(ctx, marketcommand.CreateCampaign{Actor: actor, Once: keep(&c), Definition: campaign.Definition{
			Name: &category, Category: &category, Dedupe: &campaign.Dedupe{Fields: []string{"phone"}, Match: campaign.MatchAny, WindowDays: 30},
		}}); err != nil {
			return err
		}
		contracts, err := k.Market.Contracts.Handle(ctx, marketquery.Contracts{Actor: actor, CampaignID: c.ID, Page: application.Page{Limit: application.MaxLimit, Number: 1}})
		if err != nil {
			return err
		}
		for i, price := range []money.Micros{45 * major, 30 * major} {
			if slices.ContainsFunc(contracts.Items, func(t marketquery.Contract) bool { return t.BuyerID == buyers[i].ID }) {
				continue
			}
			priority := int64(i + 1)
			if _, err := k.Market.CreateContract.Handle(ctx, marketcommand.CreateContract{
				Actor: actor, CampaignID: c.ID, BuyerID: buyers[i].ID,
				Terms: campaign.Terms{Price: &price, Priority: &priority}, Once: keep(new(marketquery.Contract)),
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *core) demoKey(ctx context.Context, actor application.Actor, scope seller.Scope, partnerID string) (string, error) {
	var made accountcommand.APIKeyCreated
	_, err := k.Account.CreateAPIKey.Handle(ctx, accountcommand.CreateAPIKey{
		Actor: actor, Once: keep(&made),
		Request: accountcommand.APIKeyRequest{Scope: string(scope), Name: "demo", Partner: application.PartnerHandle{ID: partnerID}},
	})
	return made.Key, err
}

// fundDemo deposits money for buyers of the demo whose balance is low.
func (k *core) fundDemo(ctx context.Context, actor application.Actor, buyers []marketquery.Buyer) error {
	for _, b := range buyers {
		if b.Balance >= 10_000*major {
			continue
		}
		if _, err := k.Market.Deposit.Handle(ctx, marketcommand.Deposit{
			Actor: actor, BuyerID: b.ID, Amount: 100_000 * major, Note: "demo",
			Once: keep(new(marketquery.LedgerEntry)),
		}); err != nil {
			return err
		}
	}
	return nil
}

// randomPhone makes a number like the examples of docs/supplier-api.md, which most likely was never used before.
func randomPhone() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(800*10_000_000))
	if err != nil {
		return "", err
	}
	digits := fmt.Sprintf("%010d", n.Int64()+200*10_000_000)
	return digits[:3] + "-" + digits[3:6] + "-" + digits[6:], nil
}

// actorOf returns the actor that acts for a seller from the command line.
func actorOf(s accountquery.Seller) (application.Actor, error) {
	currency, err := money.ParseCurrency(s.Currency)
	return application.Actor{
		Scope: seller.Program, KeyID: "cli", SellerID: s.ID, SellerCode: s.Code, SellerSlug: s.Slug, Website: s.Website,
		Currency: currency,
	}, err
}
