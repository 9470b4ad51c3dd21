package leadmill

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// What the demo seller is made of: the names of the supplier documentation (seeds/lead-ingestion.txt).
const (
	demoCode    = "ACME1234"
	demoPartner = "demo-supplier"
	major       = 1_000_000 // micro-units of one major unit
)

func (c *cli) demo() *cobra.Command {
	return &cobra.Command{Use: "demo", Short: "Serve with a demo seller, and print keys and a curl line that sells a lead", Args: cobra.NoArgs,
		RunE: c.run(func(ctx context.Context, k *core, _ []string) error {
			return k.serve(ctx, func(ctx context.Context, base string) error {
				d, err := k.makeDemo(ctx)
				if err != nil {
					return fmt.Errorf("make the demo seller: %w", err)
				}
				if err := c.tellAddress(k)(ctx, base); err != nil {
					return err
				}
				return c.tellDemo(d, base)
			})
		})}
}

type demo struct{ programKey, supplierKey, phone string }

func (c *cli) tellDemo(d demo, base string) error {
	_, err := fmt.Fprintf(c.stdout, `Demo seller:  %s (Acme Leads), category "Auto Insurance"
Program key:  %s
Supplier key: %s

Sell a lead:

curl -X POST %s/api/leads -H "Content-Type: application/json" -H "Authorization: Bearer %s" -d '{"seller":"%s","category":"Auto Insurance","firstName":"John","lastName":"Doe","phone":"%s","email":"john@email.com","state":"TX"}'
`, demoCode, d.programKey, d.supplierKey, base, d.supplierKey, demoCode, d.phone)
	return err
}

// makeDemo makes what is missing of the demo seller, with keys and a phone number of this start.
func (k *core) makeDemo(ctx context.Context) (demo, error) {
	var d demo
	actor, err := k.operator(ctx, demoCode)
	if errors.Is(err, seller.ErrNotFound) {
		actor, err = k.foundDemo(ctx)
	}
	if err != nil {
		return d, err
	}
	for _, key := range []struct {
		scope seller.Scope
		text  *string
	}{{seller.Program, &d.programKey}, {seller.Supplier, &d.supplierKey}} {
		var made command.APIKeyCreated
		request := command.CreateAPIKey{Actor: actor, Scope: string(key.scope), Name: "demo", Once: keep(&made)}
		if key.scope == seller.Supplier {
			request.Partner = application.PartnerHandle{ID: demoPartner}
		}
		if _, err := k.handlers.CreateAPIKey.Handle(ctx, request); err != nil {
			return d, err
		}
		*key.text = made.Key
	}
	if err := k.fundDemo(ctx, actor); err != nil {
		return d, err
	}
	d.phone, err = randomPhone()
	return d, err
}

// foundDemo makes the demo seller with a partner, two buyers and the two campaigns that the documentation speaks of.
func (k *core) foundDemo(ctx context.Context) (application.Actor, error) {
	name, slug, zone, website := "Acme Leads", "acme", "America/Chicago", "https://yourcompany.com"
	var founded command.SellerCreated
	if _, err := k.handlers.CreateSeller.Handle(ctx, command.CreateSeller{Actor: application.Actor{Scope: seller.Admin}, Code: demoCode, Currency: "USD",
		Details: seller.Details{Name: &name, Slug: &slug, TimeZone: &zone, Website: &website}, Once: keep(&founded)}); err != nil {
		return application.Actor{}, err
	}
	actor, err := actorOf(founded.Seller)
	if err != nil {
		return actor, err
	}
	if _, err := k.handlers.CreatePartner.Handle(ctx, command.CreatePartner{Actor: actor, ID: demoPartner, Key: "demo", Email: "supplier@example.com",
		Name: "Demo", Surname: "Supplier", Once: keep(new(query.Partner))}); err != nil && !errors.Is(err, partner.Taken("id")) {
		return actor, err
	}
	buyers := make([]query.Buyer, 2)
	for i, name := range []string{"Best Insurance", "Second Choice"} {
		if _, err := k.handlers.CreateBuyer.Handle(ctx, command.CreateBuyer{Actor: actor, Details: buyer.Details{Name: &name}, Once: keep(&buyers[i])}); err != nil {
			return actor, err
		}
	}
	for _, category := range []string{"Auto Insurance", "Solar"} {
		var made query.Campaign
		if _, err := k.handlers.CreateCampaign.Handle(ctx, command.CreateCampaign{Actor: actor, Once: keep(&made), Definition: campaign.Definition{
			Name: &category, Category: &category, Dedupe: &campaign.Dedupe{Fields: []string{"phone"}, Match: campaign.MatchAny, WindowDays: 30}}}); err != nil {
			return actor, err
		}
		for i, price := range []money.Micros{45 * major, 30 * major} {
			priority := int64(i + 1)
			if _, err := k.handlers.CreateContract.Handle(ctx, command.CreateContract{Actor: actor, CampaignID: made.ID, BuyerID: buyers[i].ID,
				Terms: campaign.Terms{Price: &price, Priority: &priority, Caps: &[]campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 1_000_000}}},
				Once:  keep(new(query.Contract))}); err != nil {
				return actor, err
			}
		}
	}
	return actor, nil
}

// fundDemo deposits on accounts of the demo seller that ran low.
func (k *core) fundDemo(ctx context.Context, actor application.Actor) error {
	found, err := k.handlers.Buyers.Handle(ctx, query.Buyers{Actor: actor, Page: query.Page{Limit: query.MaxLimit, Number: 1}})
	if err != nil {
		return err
	}
	for _, b := range found.Items {
		if b.Balance >= 10_000*major {
			continue
		}
		if _, err := k.handlers.MoveMoney.Handle(ctx, command.MoveMoney{Actor: actor, BuyerID: b.ID, Amount: 100_000 * major, Note: "demo",
			Once: keep(new(query.LedgerEntry))}); err != nil {
			return err
		}
	}
	return nil
}

// randomPhone makes a number of the form of the documentation's examples that was most likely never used before.
func randomPhone() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(800*10_000_000))
	if err != nil {
		return "", err
	}
	digits := fmt.Sprintf("%010d", n.Int64()+200*10_000_000)
	return digits[:3] + "-" + digits[3:6] + "-" + digits[6:], nil
}

// actorOf is who acts for a seller from the command line.
func actorOf(s query.Seller) (application.Actor, error) {
	currency, err := money.ParseCurrency(s.Currency)
	return application.Actor{Scope: seller.Program, KeyID: "cli", SellerID: s.ID, SellerCode: s.Code, SellerSlug: s.Slug, Website: s.Website,
		Currency: currency}, err
}
