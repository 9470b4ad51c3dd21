package leadmill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	feedcommand "github.com/leadmill/leadmill/application/feed/command"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/returns"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/ports/events"
)

// The history of the demo seller: some 2,000 leads in demoDays days, made by the commands of the API on a clock that is set, so that
// nothing in it differs from what a seller has who worked so long.
const (
	demoDays  = 30
	demoLeads = 2_250 // without weekends, which bring fewer

	homeSolar   = "Home Solar"
	calisolar   = "Calisolar"
	demoWebhook = "https://crm.example.invalid/leads" // a name that nobody can have: what is sent there fails, and leaves the machine by no wire
)

// history makes what happened to the demo seller.
type history struct {
	*core

	clock  *clock.Manual
	random *rand.Rand
	actor  application.Actor

	suppliers []application.Actor // of the keys that send leads
	campaigns map[string]marketquery.Campaign
	buyers    map[string]marketquery.Buyer
	partners  []string // the keys of those who refer customers
	phones    []string // of leads that were sent
	customers int
	sold      []soldLead
	asked     []askedReturn
	forms     []int64 // numbers of form leads
}

type soldLead struct {
	id string
	at time.Time
}

type askedReturn struct {
	id string
	at time.Time
}

// makeHistory fills an empty database; one that has a seller stays as it is. The clock, on which everything happens, stands at the beginning
// of the history and is at now in the end. tell is told when it begins.
func (k *core) makeHistory(ctx context.Context, c *clock.Manual, now time.Time, tell io.Writer) error {
	sellers, err := k.Account.Sellers.Handle(ctx, accountquery.Sellers{Actor: application.Actor{Scope: seller.Admin}, Page: application.Page{Limit: 1, Number: 1}})
	if err != nil || len(sellers.Items) > 0 {
		return err
	}
	_, _ = fmt.Fprintf(tell, "Making a seller's last %d days, which takes some seconds; leadmill demo --empty makes none.\n", demoDays)
	if _, err := k.makeDemo(ctx); err != nil {
		return err
	}
	h := &history{core: k, clock: c, random: rand.New(rand.NewPCG(1, demoLeads)), campaigns: map[string]marketquery.Campaign{}, buyers: map[string]marketquery.Buyer{}} //nolint:gosec // the same story for everybody
	if h.actor, err = k.operator(ctx, demoCode); err != nil {
		return err
	}
	if err := h.found(ctx); err != nil {
		return err
	}
	zone, err := time.LoadLocation("America/Chicago")
	if err != nil {
		return err
	}
	for hour := 0; c.Now().Before(now); hour++ {
		next := c.Now().Add(time.Hour)
		if next.After(now) {
			next = now
		}
		if err := h.hour(ctx, hour, c.Now().In(zone), next.Sub(c.Now())); err != nil {
			return fmt.Errorf("hour %d: %w", hour, err)
		}
		c.Advance(next.Sub(c.Now()))
	}
	return nil
}

// found makes those who take part: buyers with their contracts, partners and suppliers.
func (h *history) found(ctx context.Context) error {
	if err := h.market(ctx); err != nil {
		return err
	}
	return h.program(ctx)
}

func (h *history) market(ctx context.Context) error {
	days, none := 7, false
	payout := campaign.Payout{Type: campaign.PayoutPercent}
	var err error
	if payout.Percent, err = money.ParsePercent("60"); err != nil {
		return err
	}
	all, err := h.Market.Campaigns.Handle(ctx, marketquery.Campaigns{Actor: h.actor, Page: application.Page{Limit: application.MaxLimit, Number: 1}})
	if err != nil {
		return err
	}
	for _, c := range all.Items {
		if _, err := h.Market.UpdateCampaign.Handle(ctx, marketcommand.UpdateCampaign{
			Actor: h.actor, ID: c.ID, Definition: campaign.Definition{ReturnWindowDays: &days, ResellReturned: &none}, Once: keep(new(marketquery.Campaign)),
		}); err != nil {
			return err
		}
		h.campaigns[c.Name] = c
	}
	buyers, err := h.Market.Buyers.Handle(ctx, marketquery.Buyers{Actor: h.actor, Page: application.Page{Limit: application.MaxLimit, Number: 1}})
	if err != nil {
		return err
	}
	for _, b := range buyers.Items {
		h.buyers[b.Name] = b
	}
	name, ttl := homeSolar, 14*24
	var solar marketquery.Campaign
	if _, err := h.Market.CreateCampaign.Handle(ctx, marketcommand.CreateCampaign{Actor: h.actor, Once: keep(&solar), Definition: campaign.Definition{
		Name: &name, Category: &name, Dedupe: &campaign.Dedupe{Fields: []string{"phone"}, Match: campaign.MatchAny, WindowDays: 30},
		PendingTTL: &ttl, Payout: &payout, ReturnWindowDays: &days, ResellReturned: &none,
	}}); err != nil {
		return err
	}
	h.campaigns[name] = solar
	for _, b := range []struct {
		name, zone, campaign, filter string
		price                        money.Micros
		priority, perDay             int64
	}{
		{calisolar, "America/Los_Angeles", homeSolar, `lead.state == "CA"`, 62 * major, 1, 0},
		{"TexasSun", "America/Chicago", homeSolar, `lead.state == "TX"`, 55 * major, 1, 10},
		{"Northlight Solar", "America/New_York", homeSolar, `lead.state != "CA"`, 38 * major, 2, 0},
		{"Harbor Mutual", "America/New_York", "Auto Insurance", `lead.state in ["NY", "NJ"]`, 28 * major, 3, 25},
	} {
		email := strings.ToLower(strings.ReplaceAll(b.name, " ", ".")) + "@example.com"
		low := buyer.Threshold{On: true, At: 500 * major}
		var made marketquery.Buyer
		if _, err := h.Market.CreateBuyer.Handle(ctx, marketcommand.CreateBuyer{
			Actor: h.actor, Details: buyer.Details{Name: &b.name, Email: &email, TimeZone: &b.zone, LowBalance: &low}, Once: keep(&made),
		}); err != nil {
			return err
		}
		h.buyers[b.name] = made
		terms := campaign.Terms{Price: &b.price, Priority: &b.priority, Filter: &b.filter}
		if b.perDay > 0 {
			terms.Caps = &[]campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: b.perDay}}
		}
		if _, err := h.Market.CreateContract.Handle(ctx, marketcommand.CreateContract{
			Actor: h.actor, CampaignID: h.campaigns[b.campaign].ID, BuyerID: made.ID, Terms: terms, Once: keep(new(marketquery.Contract)),
		}); err != nil {
			return err
		}
	}
	return nil
}

// demoPeople are the partners of the demo; the first ones send leads too.
var demoPeople = [][3]string{
	{"sunleads", "Ana", "Ortega"},
	{"quotehub", "Marcus", "Bell"},
	{"homefinders", "Priya", "Raman"},
	{"greenblog", "Lena", "Fischer"},
	{"solar-steve", "Steve", "Novak"},
	{"moneytips", "Grace", "Okafor"},
	{"rooftalk", "Diego", "Luna"},
	{"autoexpert", "Hannah", "Cole"},
	{"savewatt", "Tom", "Becker"},
}

const demoSuppliers = 3

func (h *history) program(ctx context.Context) error {
	for i, p := range demoPeople {
		var made programquery.Partner
		if _, err := h.Program.CreatePartner.Handle(ctx, programcommand.CreatePartner{
			Actor: h.actor, ID: p[0], Key: p[0], Email: p[0] + "@example.com", Name: p[1], Surname: p[2], Once: keep(&made),
		}); err != nil {
			return err
		}
		h.partners = append(h.partners, p[0])
		if i < demoSuppliers {
			if err := h.supplier(ctx, p[0]); err != nil {
				return err
			}
		}
	}
	return h.supplier(ctx, demoPartner)
}

// supplier makes a key of a partner that sends leads.
func (h *history) supplier(ctx context.Context, partnerID string) error {
	key, err := h.demoKey(ctx, h.actor, seller.Supplier, partnerID)
	if err != nil {
		return err
	}
	actor, _, err := h.Keyring.Authenticate(ctx, key)
	h.suppliers = append(h.suppliers, actor)
	return err
}

// busy is how much of a day's business comes in each hour, in permille.
var busy = [24]int{8, 5, 4, 3, 4, 8, 18, 32, 48, 60, 68, 70, 66, 64, 66, 68, 66, 62, 60, 62, 58, 46, 30, 24}

// hour lets something happen in an hour that begins at a local time and lasts so long.
func (h *history) hour(ctx context.Context, hour int, local time.Time, lasts time.Duration) error {
	day, begins := hour/24, hour%24 == 0
	if begins {
		if err := h.morning(ctx, day); err != nil {
			return err
		}
	}
	if err := h.answers(ctx, day); err != nil {
		return err
	}
	// What comes in a day grows a little over the month, and is less at weekends.
	leads := demoLeads * busy[local.Hour()] * (85 + day) / demoDays / 100
	if local.Weekday() == time.Saturday || local.Weekday() == time.Sunday {
		leads = leads * 6 / 10
	}
	n := h.about(leads * int(lasts/time.Second) / int(time.Hour/time.Second))
	for range n {
		h.clock.Advance(lasts / time.Duration(n+1))
		if err := h.lead(ctx); err != nil {
			return err
		}
	}
	return h.visits(ctx, h.about(busy[local.Hour()]*30))
}

// about returns permille of something as a whole number, by chance the one below or the one above.
func (h *history) about(permille int) int {
	n := permille / 1000
	if h.random.IntN(1000) < permille%1000 {
		n++
	}
	return n
}

// morning is what an operator does once a day.
func (h *history) morning(ctx context.Context, day int) error {
	if day%7 == 0 && day < demoDays-2 {
		for _, b := range []struct {
			name string
			has  money.Micros // after it paid, if it had less
		}{{calisolar, 7_500}, {"TexasSun", 4_500}, {"Northlight Solar", 14_000}, {"Harbor Mutual", 3_000}} {
			if b.name == calisolar && day > demoDays-14 { // it pays less the last time, and runs empty some days before now
				b.has = 3_900
			}
			if err := h.topUp(ctx, h.buyers[b.name].ID, b.has*major); err != nil {
				return err
			}
		}
	}
	switch day {
	case demoDays - 9:
		_, err := h.Program.InvitePartner.Handle(ctx, programcommand.InvitePartner{
			Actor: h.actor, Email: "nora.quist@example.com", Name: "Nora", Surname: "Quist", Once: keep(new(programquery.Partner)),
		})
		return err
	case demoDays - 2:
		return h.newcomers(ctx)
	case demoDays - 1:
		return h.webhook(ctx)
	}
	return nil
}

// topUp brings a buyer's balance to an amount.
func (h *history) topUp(ctx context.Context, buyerID string, has money.Micros) error {
	b, err := h.Market.BuyerByID.Handle(ctx, marketquery.BuyerByID{Actor: h.actor, ID: buyerID})
	if err != nil || b.Balance >= has {
		return err
	}
	_, err = h.Market.Deposit.Handle(ctx, marketcommand.Deposit{
		Actor: h.actor, BuyerID: buyerID, Amount: has - b.Balance, Note: "weekly top-up", Once: keep(new(marketquery.LedgerEntry)),
	})
	return err
}

// newcomers are partners that wait for somebody to approve them.
func (h *history) newcomers(ctx context.Context) error {
	approval := func(how string) error {
		_, err := h.Account.UpdateSettings.Handle(ctx, accountcommand.UpdateSettings{
			Actor: h.actor, Settings: seller.Settings{Approval: &how}, Once: keep(new(accountquery.Settings)),
		})
		return err
	}
	if err := approval("manual"); err != nil {
		return err
	}
	for _, p := range [][3]string{{"energy-emma", "Emma", "Sandoval"}, {"drivewise", "Owen", "Pratt"}} {
		if _, err := h.Program.CreatePartner.Handle(ctx, programcommand.CreatePartner{
			Actor: h.actor, ID: p[0], Key: p[0], Email: p[0] + "@example.com", Name: p[1], Surname: p[2], Once: keep(new(programquery.Partner)),
		}); err != nil {
			return err
		}
	}
	return approval("auto")
}

// webhook makes a webhook whose receiver does not exist. It hears of what happens from now on, also of what no instance has sent yet; where
// nothing can be sealed there is none.
func (h *history) webhook(ctx context.Context) error {
	if err := h.Runner.Prepare(ctx); err != nil {
		return err
	}
	if err := events.Prepare(ctx, h.Subscriptions); err != nil {
		return err
	}
	name, url, types := "CRM", demoWebhook, []string{"lead.sold.v1"}
	_, err := h.Feed.CreateWebhook.Handle(ctx, feedcommand.CreateWebhook{
		Actor: h.actor, Terms: feedcommand.WebhookTerms{Name: &name, URL: &url, Events: &types}, Once: keep(new(feedquery.Webhook)),
	})
	if errors.Is(err, application.ErrSecretKeyMissing) {
		return nil
	}
	return err
}

// answers decides returns and form leads some time after they came; those of the last days are left to whoever looks.
func (h *history) answers(ctx context.Context, day int) error {
	now := h.clock.Now()
	for len(h.asked) > 0 && day < demoDays-3 && now.Sub(h.asked[0].at) > 20*time.Hour {
		id := h.asked[0].id
		h.asked = h.asked[1:]
		var err error
		if h.random.IntN(10) < 7 {
			_, err = h.Market.ApproveReturn.Handle(ctx, marketcommand.ApproveReturn{Actor: h.actor, ID: id, Once: keep(new(marketquery.Return))})
		} else {
			_, err = h.Market.RejectReturn.Handle(ctx, marketcommand.RejectReturn{Actor: h.actor, ID: id, Note: "The number answers.", Once: keep(new(marketquery.Return))})
		}
		if err != nil {
			return err
		}
	}
	for len(h.sold) > 0 && now.Sub(h.sold[0].at) > 30*time.Hour {
		leadID := h.sold[0].id
		h.sold = h.sold[1:]
		if err := h.giveBack(ctx, leadID); err != nil {
			return err
		}
	}
	if len(h.forms) > 5 {
		number := h.forms[0]
		h.forms = h.forms[1:]
		var err error
		if h.random.IntN(10) < 6 {
			_, err = h.Program.ConvertLead.Handle(ctx, programcommand.ConvertLead{Actor: h.actor, Number: number, Once: keep(new(programquery.FormLead))})
		} else {
			_, err = h.Program.RejectLead.Handle(ctx, programcommand.RejectLead{Actor: h.actor, Number: number, Once: keep(new(programquery.FormLead))})
		}
		return err
	}
	return nil
}

// giveBack has the buyer of a lead ask for its money.
func (h *history) giveBack(ctx context.Context, leadID string) error {
	sales, err := h.Market.Sales.Handle(ctx, marketquery.Sales{Actor: h.actor, LeadID: leadID, Page: application.Page{Limit: 1, Number: 1}})
	if err != nil || len(sales.Items) == 0 {
		return err
	}
	reasons := []returns.Reason{returns.InvalidContact, returns.InvalidContact, returns.NotRequested, returns.OutOfArea}
	var made marketquery.Return
	if _, err := h.Market.RequestReturn.Handle(ctx, marketcommand.RequestReturn{
		Actor: h.actor, SaleID: sales.Items[0].ID, Reason: string(reasons[h.random.IntN(len(reasons))]), Once: keep(&made),
	}); err != nil {
		return err
	}
	h.asked = append(h.asked, askedReturn{made.ID, h.clock.Now()})
	return nil
}

// The names of people who do not exist, and the states that they live in, in the proportion in which leads come.
var (
	demoNames    = []string{"Olivia", "Liam", "Emma", "Noah", "Amelia", "Mateo", "Sofia", "Elijah", "Isabella", "Lucas", "Mia", "Ezra", "Camila", "Jack", "Aria", "Leo"}
	demoSurnames = []string{"Smith", "Garcia", "Johnson", "Nguyen", "Brown", "Martinez", "Davis", "Lopez", "Wilson", "Anderson", "Lee", "Walker", "Young", "Allen", "King", "Scott"}
	demoStates   = []string{"CA", "CA", "CA", "CA", "TX", "TX", "TX", "AZ", "NV", "FL", "NY", "NJ"}
)

// lead sends one.
func (h *history) lead(ctx context.Context) error {
	pick := func(of []string) string { return of[h.random.IntN(len(of))] }
	category := homeSolar
	switch n := h.random.IntN(10); {
	case n < 3:
		category = "Auto Insurance"
	case n < 4:
		category = "Solar"
	}
	name, surname := pick(demoNames), pick(demoSurnames)
	phone := fmt.Sprintf("%d%d%d%07d", 2+h.random.IntN(8), h.random.IntN(9), h.random.IntN(10), 2_000_000+h.random.IntN(7_999_999))
	if len(h.phones) > 0 && h.random.IntN(100) < 4 { // somebody asks twice
		phone = pick(h.phones)
	}
	h.phones = append(h.phones, phone)
	text := field.TextValue
	var result marketcommand.SubmitLeadResult
	_, err := h.Market.SubmitLead.Handle(ctx, marketcommand.SubmitLead{
		Actor: h.suppliers[h.random.IntN(len(h.suppliers))], Seller: demoCode, Category: category,
		Fields: field.Set{
			"firstName": text(name), "lastName": text(surname), "phone": text(phone), "state": text(pick(demoStates)),
			"email": text(strings.ToLower(fmt.Sprintf("%s.%s%d@example.com", name, surname, h.random.IntN(1000)))),
		},
		Render: func(r marketcommand.SubmitLeadResult) application.Response {
			result = r
			return application.Response{Status: http.StatusOK, Body: []byte("{}")}
		},
	})
	if err == nil && len(result.BuyerIDs) > 0 && h.random.IntN(100) < 3 {
		h.sold = append(h.sold, soldLead{result.LeadID, h.clock.Now()})
	}
	return err
}

// visits lets people follow partners' links. Some become customers, and some leave a partner their name.
func (h *history) visits(ctx context.Context, n int) error {
	for range n {
		key := h.partners[h.random.IntN(len(h.partners))]
		address := fmt.Sprintf("198.51.%d.%d", h.random.IntN(256), h.random.IntN(256))
		if _, err := h.Program.FollowLink.Handle(ctx, programcommand.FollowLink{SellerCode: demoCode, Key: key, Count: true, Address: address}); err != nil {
			return err
		}
		name, surname := demoNames[h.random.IntN(len(demoNames))], demoSurnames[h.random.IntN(len(demoSurnames))]
		email := strings.ToLower(fmt.Sprintf("%s.%s.%d@example.com", name, surname, h.customers))
		switch p := h.random.IntN(100); {
		case p < 9:
			h.customers++
			if _, err := h.Program.CreateCustomer.Handle(ctx, programcommand.CreateCustomer{
				Actor: h.actor, Key: fmt.Sprintf("cust-%04d", h.customers), Email: email, Name: name, Surname: surname,
				Referral: programcommand.Referral{Partner: application.PartnerHandle{Key: key}}, Once: keep(new(programquery.Customer)),
			}); err != nil {
				return err
			}
		case p < 12:
			h.customers++
			var made programquery.FormLead
			if _, err := h.Program.SubmitFormLead.Handle(ctx, programcommand.SubmitFormLead{
				Actor: h.actor, Name: name + " " + surname, Email: email, Partner: application.PartnerHandle{Key: key}, Once: keep(&made),
			}); err != nil {
				return err
			}
			h.forms = append(h.forms, made.Number)
		}
	}
	return nil
}
