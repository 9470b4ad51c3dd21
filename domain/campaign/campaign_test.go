package campaign_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

var (
	now   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	later = now.Add(time.Hour)
	zones = campaign.Zones{Buyer: "America/New_York", Seller: "UTC"}
)

type strategies []string

func (s strategies) Has(code string) bool { return slices.Contains(s, code) }

var known = strategies{"priority", "highest_price"}

func fields(err error) []string {
	if e := fault.As(err); e != nil {
		return e.Fields()
	}
	return nil
}

func auto(t testing.TB) *campaign.Campaign {
	t.Helper()
	c, err := campaign.New("campaign_1", "seller_1", campaign.StatusActive, campaign.Definition{
		Name: new("Auto"), Category: new(" Auto Insurance "),
		Fields: new([]field.Rule{{Name: "roof", Type: field.TypeEnum, Options: []string{"flat"}}}),
		Dedupe: &campaign.Dedupe{Fields: []string{"phone", "email", "phone"}, WindowDays: 30},
		Payout: &campaign.Payout{Type: campaign.PayoutPercent, Percent: 700_000},

		FieldMap: &map[string]string{"first_name": "firstName", "kind": "roof"}, RedirectURL: new("https://a.example/thanks"),
	}, known, now)
	require.NoError(t, err)
	return c
}

func TestHowManyBuyersShareALead(t *testing.T) {
	t.Parallel()
	c := auto(t)
	assert.Equal(t, 1, c.MaxSales())
	change := func(mode *string, most *int) error {
		return c.Update(campaign.Definition{Mode: mode, MaxSales: most}, known, later)
	}
	require.Error(t, change(nil, new(2)), "an exclusive one")
	require.NoError(t, change(new("shared"), new(4)))
	assert.Equal(t, 4, c.MaxSales())
	require.NoError(t, change(nil, new(3)))
	require.NoError(t, change(new("exclusive"), nil))
	assert.Equal(t, 1, c.MaxSales())
	assert.Equal(t, 1, c.Snapshot().MaxSales)
}

func TestCapsOfACampaign(t *testing.T) {
	t.Parallel()
	c := auto(t)
	assert.Empty(t, c.Spans(now))
	assert.False(t, c.CountIn("America/Chicago", later), "without caps there is nothing to count")
	require.NoError(t, c.Update(campaign.Definition{Caps: &[]campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 7}}}, known, later))
	assert.True(t, c.CountIn("America/Chicago", later))
	assert.False(t, c.CountIn("America/Chicago", later))
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	assert.Equal(t, []calendar.Span{calendar.SpanAt(calendar.Day, now, chicago)}, c.Spans(now))
	limit, ok := c.Cap(calendar.Day)
	assert.Equal(t, []any{int64(7), true}, []any{limit.Leads, ok})
	events := len(c.Pending())
	assert.True(t, c.RezoneCaps("Europe/Berlin", later))
	assert.Equal(t, campaign.Updated{CampaignID: "campaign_1", Category: "Auto Insurance", At: later}, c.Pending()[events])
	require.NoError(t, c.Update(campaign.Definition{Caps: &[]campaign.Cap{}}, known, later))
	assert.Empty(t, c.Spans(now))
	assert.Empty(t, c.Snapshot().CapZone)
}

func withContract(t testing.TB) *campaign.Campaign {
	t.Helper()
	c := auto(t)
	require.NoError(t, c.AddContract("contract_1", "buyer_1", campaign.StatusActive, campaign.Terms{
		Price: new(money.Micros(45)),
		Caps:  new([]campaign.Cap{{Window: calendar.Month, HasBudget: true, Budget: 900}, {Window: calendar.Day, HasLeads: true, Leads: 10}}),
	}, zones, now))
	return c
}

func TestNew(t *testing.T) {
	t.Parallel()
	c := auto(t)
	assert.Equal(t, campaign.Snapshot{
		ID: "campaign_1", SellerID: "seller_1", Name: "Auto", Category: "Auto Insurance", Status: campaign.StatusActive,
		Fields: []field.Rule{{Name: "roof", Type: field.TypeEnum, Options: []string{"flat"}}}, Mode: "exclusive", MaxSales: 1, Strategy: "priority",
		Dedupe:          campaign.Dedupe{Fields: []string{"phone", "email"}, Match: campaign.MatchAny, WindowDays: 30},
		PendingTTLHours: 72, PriceShown: campaign.ShowPayout, Payout: campaign.Payout{Type: campaign.PayoutPercent, Percent: 700_000},
		FieldMap: map[string]string{"first_name": "firstName", "kind": "roof"}, RedirectURL: "https://a.example/thanks", Returns: campaign.DefaultReturns(),
		CreatedAt: now, UpdatedAt: now, Version: 1,
	}, c.Snapshot())
	assert.Equal(t, []event.Event{campaign.Created{CampaignID: "campaign_1", Category: "Auto Insurance", Status: campaign.StatusActive, At: now}}, c.Pending())
	assert.Len(t, c.Pending(), 1, "reading does not clear")
	assert.Equal(t, 72*time.Hour, c.PendingTTL())
	assert.Equal(t, 30*24*time.Hour, c.DedupeWindow())

	c, err := campaign.New("campaign_2", "seller_1", campaign.StatusPaused, campaign.Definition{Name: new("A"), Category: new("B")}, known, now)
	require.NoError(t, err)
	assert.Equal(t, campaign.StatusPaused, c.Status())
	assert.Equal(t, campaign.Payout{}, c.Payout())
	assert.Empty(t, c.DedupeKeys(field.Set{"phone": field.TextValue("+15551234567")}), "no duplicate rule")
}

func TestRules(t *testing.T) {
	t.Parallel()
	d := func(change func(*campaign.Definition)) campaign.Definition {
		d := campaign.Definition{Name: new("A"), Category: new("B")}
		change(&d)
		return d
	}
	type c = campaign.Definition
	for _, tc := range []struct {
		name string
		d    campaign.Definition
		want map[string]fault.Code
	}{
		{"nothing", c{}, map[string]fault.Code{"name": fault.Required, "category": fault.Required}},
		{"blank", d(func(d *c) { d.Name, d.Category = new(" "), new("") }), map[string]fault.Code{"name": fault.Required, "category": fault.Required}},
		{"long", d(func(d *c) { d.Name, d.Category = new(strings.Repeat("x", 201)), new("a\nb") }), map[string]fault.Code{"name": fault.InvalidValue, "category": fault.InvalidValue}},
		{"fields", d(func(d *c) { d.Fields = new([]field.Rule{{}}) }), map[string]fault.Code{"fields.0.name": fault.Required}},
		{"exclusive", d(func(d *c) { d.Mode, d.MaxSales, d.Strategy = new("exclusive"), new(1), new("highest_price") }), nil},
		{"shared", d(func(d *c) { d.Mode, d.MaxSales = new("shared"), new(10) }), nil},
		{"shared between one", d(func(d *c) { d.Mode = new("shared") }), nil},
		{"shared between nobody", d(func(d *c) { d.Mode, d.MaxSales = new("shared"), new(0) }), map[string]fault.Code{"distribution.max_sales": fault.InvalidValue}},
		{"shared between too many", d(func(d *c) { d.Mode, d.MaxSales = new("shared"), new(11) }), map[string]fault.Code{"distribution.max_sales": fault.InvalidValue}},
		{"exclusive to two", d(func(d *c) { d.MaxSales = new(2) }), map[string]fault.Code{"distribution.max_sales": fault.InvalidValue}},
		{"caps", d(func(d *c) {
			d.Caps = &[]campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 1}, {Window: "year", HasLeads: true}}
		}), map[string]fault.Code{"caps.1.window": fault.InvalidValue}},
		{"unknown mode", d(func(d *c) { d.Mode = new("auction") }), map[string]fault.Code{"distribution.mode": fault.InvalidValue}},
		{"unknown strategy", d(func(d *c) { d.Strategy = new("luck") }), map[string]fault.Code{"distribution.strategy": fault.InvalidValue}},
		{"no dedupe", d(func(d *c) { d.Dedupe = &campaign.Dedupe{Match: campaign.MatchAll, WindowDays: 30} }), nil},
		{"no dedupe with what no rule has", d(func(d *c) {
			d.Dedupe = &campaign.Dedupe{Fields: []string{}, Match: "zzz", WindowDays: 99999}
		}), map[string]fault.Code{"dedupe.match": fault.InvalidValue, "dedupe.window_days": fault.InvalidValue}},
		{"longest dedupe", d(func(d *c) {
			d.Dedupe = &campaign.Dedupe{Fields: []string{"email"}, Match: campaign.MatchAll, WindowDays: 3650}
		}), nil},
		{"dedupe", d(func(d *c) {
			d.Dedupe = &campaign.Dedupe{Fields: []string{"name"}, Match: "some"}
		}), map[string]fault.Code{"dedupe.fields": fault.InvalidValue, "dedupe.match": fault.InvalidValue, "dedupe.window_days": fault.InvalidValue}},
		{"dedupe for too long", d(func(d *c) {
			d.Dedupe = &campaign.Dedupe{Fields: []string{"phone"}, WindowDays: 3651}
		}), map[string]fault.Code{"dedupe.window_days": fault.InvalidValue}},
		{"shortest wait", d(func(d *c) { d.PendingTTL = new(1) }), nil},
		{"longest wait", d(func(d *c) { d.PendingTTL = new(8760) }), nil},
		{"no wait", d(func(d *c) { d.PendingTTL = new(0) }), map[string]fault.Code{"pending_ttl_hours": fault.InvalidValue}},
		{"too long a wait", d(func(d *c) { d.PendingTTL = new(8761) }), map[string]fault.Code{"pending_ttl_hours": fault.InvalidValue}},
		{"prices shown", d(func(d *c) { d.PriceShown = new(campaign.PriceShown("both")) }), map[string]fault.Code{"price_shown": fault.InvalidValue}},
		{"no map, no page", d(func(d *c) { d.FieldMap, d.RedirectURL = &map[string]string{}, new("") }), nil},
		{"a map to a field of its own", d(func(d *c) {
			d.Fields, d.FieldMap = new([]field.Rule{{Name: "age"}}), &map[string]string{"/a/age": "age", "id": "external_id"}
		}), nil},
		{"a map to nothing", d(func(d *c) { d.FieldMap = &map[string]string{"a": "age"} }), map[string]fault.Code{"field_map.a": fault.InvalidValue}},
		{"a map of wrong fields", d(func(d *c) {
			d.Fields, d.FieldMap = new([]field.Rule{{Name: "age"}, {}}), &map[string]string{"a": "age"}
		}), map[string]fault.Code{"fields.1.name": fault.Required}},
		{"a page of no address", d(func(d *c) { d.RedirectURL = new("/thanks") }), map[string]fault.Code{"redirect_url": fault.InvalidValue}},
		{"a page that is a script", d(func(d *c) { d.RedirectURL = new("javascript:alert(1)") }), map[string]fault.Code{"redirect_url": fault.InvalidValue}},
		{"payout type", d(func(d *c) { d.Payout = &campaign.Payout{Type: "share"} }), map[string]fault.Code{"supplier_payout.type": fault.InvalidValue}},
		{"negative fixed payout", d(func(d *c) { d.Payout = &campaign.Payout{Type: campaign.PayoutFixed, Fixed: -1} }), map[string]fault.Code{"supplier_payout.value": fault.InvalidValue}},
		{"negative percent", d(func(d *c) { d.Payout = &campaign.Payout{Type: campaign.PayoutPercent, Percent: -1} }), map[string]fault.Code{"supplier_payout.value": fault.InvalidValue}},
		{"over a hundred percent", d(func(d *c) { d.Payout = &campaign.Payout{Type: campaign.PayoutPercent, Percent: money.Hundred + 1} }), map[string]fault.Code{"supplier_payout.value": fault.InvalidValue}},
		{"a hundred percent", d(func(d *c) { d.Payout = &campaign.Payout{Type: campaign.PayoutPercent, Percent: money.Hundred} }), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := campaign.New("campaign_1", "seller_1", campaign.StatusActive, tc.d, known, now)
			updated := auto(t)
			before := updated.Snapshot()
			updateErr := updated.Update(tc.d, known, later)
			if tc.want == nil {
				require.NoError(t, err)
				require.NoError(t, updateErr)
				assert.Equal(t, int64(2), updated.Version())
				return
			}
			require.ErrorIs(t, err, fault.ErrValidation)
			assert.Nil(t, c)
			got := map[string]fault.Code{}
			for _, v := range fault.As(err).Violations {
				got[v.Field] = v.Code
			}
			assert.Equal(t, tc.want, got)
			if tc.name != "nothing" {
				assert.Equal(t, fields(err), fields(updateErr))
				assert.Equal(t, before, updated.Snapshot(), "a failed update changes nothing")
				assert.Len(t, updated.Pending(), 1)
				_, err := updated.CheckFields(field.Set{})
				require.ErrorIs(t, err, field.ErrMissing, "its field rules hold still")
			}
		})
	}
	_, err := campaign.New("c", "s", campaign.StatusArchived, campaign.Definition{Name: new("A"), Category: new("B")}, known, now)
	assert.Equal(t, []string{"status"}, fields(err))
}

func TestUpdateKeepsWhatIsNotNamed(t *testing.T) {
	t.Parallel()
	c := withContract(t)
	want := c.Snapshot()
	require.NoError(t, c.Update(campaign.Definition{PriceShown: new(campaign.ShowHidden)}, known, later))
	want.PriceShown, want.UpdatedAt, want.Version = campaign.ShowHidden, later, 3
	assert.Equal(t, want, c.Snapshot())
	assert.Equal(t, campaign.Updated{CampaignID: "campaign_1", Category: "Auto Insurance", At: later}, c.Pending()[2])
}

func TestStates(t *testing.T) {
	t.Parallel()
	type step struct {
		do  func(*campaign.Campaign) error
		err error
	}
	pause := func(c *campaign.Campaign) error { return c.Pause(later) }
	resume := func(c *campaign.Campaign) error { return c.Resume(later) }
	archive := func(c *campaign.Campaign) error { return c.Archive(later) }
	update := func(c *campaign.Campaign) error { return c.Update(campaign.Definition{}, known, later) }
	for status, steps := range map[campaign.Status][]step{
		campaign.StatusActive:   {{pause, nil}, {resume, campaign.ErrNotPaused}, {archive, nil}, {update, nil}},
		campaign.StatusPaused:   {{pause, campaign.ErrAlreadyPaused}, {resume, nil}, {archive, nil}, {update, nil}},
		campaign.StatusArchived: {{pause, campaign.ErrArchived}, {resume, campaign.ErrArchived}, {archive, campaign.ErrArchived}, {update, campaign.ErrArchived}},
	} {
		for i, s := range steps {
			c := campaign.FromSnapshot(campaign.Snapshot{ID: "c", Category: "Solar", Status: status})
			before := c.Snapshot()
			err := s.do(c)
			if s.err != nil {
				require.ErrorIs(t, err, s.err, "%s %d", status, i)
				assert.Equal(t, before, c.Snapshot())
				assert.Empty(t, c.Pending())
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, later, c.Snapshot().UpdatedAt)
			assert.Equal(t, []campaign.Status{campaign.StatusPaused, campaign.StatusActive, campaign.StatusArchived, status}[i], c.Status())
			assert.Equal(t, []event.Event{
				campaign.Paused{CampaignID: "c", Category: "Solar", At: later},
				campaign.Resumed{CampaignID: "c", Category: "Solar", At: later},
				campaign.Archived{CampaignID: "c", Category: "Solar", At: later},
				campaign.Updated{CampaignID: "c", Category: "Solar", At: later},
			}[i:i+1], c.Pending())
		}
	}
	archived := campaign.FromSnapshot(campaign.Snapshot{Status: campaign.StatusArchived, Contracts: []campaign.ContractSnapshot{{ID: "k", Status: campaign.StatusActive}}})
	require.ErrorIs(t, archived.AddContract("k2", "b", campaign.StatusActive, campaign.Terms{Price: new(money.Micros(1))}, zones, now), campaign.ErrArchived)
	_, err := archived.UpdateContract("k", campaign.Terms{}, zones, now)
	require.ErrorIs(t, err, campaign.ErrArchived)
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]event.Event{
		"campaign.created": campaign.Created{}, "campaign.updated": campaign.Updated{}, "campaign.paused": campaign.Paused{},
		"campaign.resumed": campaign.Resumed{}, "campaign.archived": campaign.Archived{}, "contract.created": campaign.ContractCreated{},
		"contract.updated": campaign.ContractUpdated{}, "contract.paused": campaign.ContractPaused{}, "contract.resumed": campaign.ContractResumed{},
		"contract.deleted": campaign.ContractDeleted{},
	} {
		assert.Equal(t, want, e.EventType())
	}
}

func TestPayout(t *testing.T) {
	t.Parallel()
	usd := money.MustCurrency("USD")
	got, ok := campaign.Payout{Type: campaign.PayoutPercent, Percent: 700_000}.Of(45_000_000, usd)
	assert.True(t, ok)
	assert.Equal(t, money.Micros(31_500_000), got)
	got, _ = campaign.Payout{Type: campaign.PayoutPercent, Percent: 500_000}.Of(10_000, usd)
	assert.Equal(t, money.Micros(10_000), got, "half a cent rounds up")
	got, ok = campaign.Payout{Type: campaign.PayoutFixed, Fixed: 7}.Of(45, usd)
	assert.True(t, ok)
	assert.Equal(t, money.Micros(7), got)
	got, ok = campaign.Payout{}.Of(45, usd)
	assert.False(t, ok)
	assert.Zero(t, got)
}

func TestDedupeKeys(t *testing.T) {
	t.Parallel()
	with := func(match campaign.Match, fields ...string) *campaign.Campaign {
		return campaign.FromSnapshot(campaign.Snapshot{Dedupe: campaign.Dedupe{Fields: fields, Match: match, WindowDays: 1}})
	}
	both := field.Set{"phone": field.TextValue("+15551234567"), "email": field.TextValue("John@Example.com")}
	noEmail := field.Set{"phone": field.TextValue("+15551234567")}
	assert.Equal(t, map[string]string{"phone": "15551234567", "email": "john@example.com"}, with(campaign.MatchAny, "phone", "email").DedupeKeys(both))
	assert.Equal(t, map[string]string{"phone": "15551234567"}, with(campaign.MatchAny, "phone", "email").DedupeKeys(noEmail), "an empty value never matches")
	assert.Empty(t, with(campaign.MatchAny, "email").DedupeKeys(noEmail))
	assert.Equal(t, map[string]string{"all": "email=john@example.com\nphone=15551234567"}, with(campaign.MatchAll, "phone", "email").DedupeKeys(both))
	assert.Equal(t, with(campaign.MatchAll, "phone", "email").DedupeKeys(both), with(campaign.MatchAll, "email", "phone").DedupeKeys(both), "the order of the rule does not count")
	assert.Empty(t, with(campaign.MatchAll, "phone", "email").DedupeKeys(noEmail), "all means all")
	assert.Empty(t, with(campaign.MatchAll).DedupeKeys(both))

	// One person, however the phone is written (docs/supplier-api.md).
	c := auto(t)
	for _, phone := range []string{"+1 555 123 4567", "15551234567", "(555) 123 4567"} {
		out, err := c.CheckFields(field.Set{"firstName": field.TextValue("J"), "lastName": field.TextValue("D"), "phone": field.TextValue(phone), "state": field.TextValue("tx")})
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"phone": "15551234567"}, c.DedupeKeys(out))
	}
}

func TestCategoryKey(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "auto insurance", campaign.CategoryKey("  Auto INSURANCE\t"))
	assert.NotEqual(t, campaign.CategoryKey("auto"), campaign.CategoryKey("auto insurance"))
}

func TestAddContract(t *testing.T) {
	t.Parallel()
	c := withContract(t)
	assert.Equal(t, []campaign.ContractSnapshot{{
		ID: "contract_1", BuyerID: "buyer_1", Status: campaign.StatusActive, Price: 45, Priority: 1, Weight: 1, EffectiveZone: "America/New_York",
		Caps:      []campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 10}, {Window: calendar.Month, HasBudget: true, Budget: 900}},
		CreatedAt: now, UpdatedAt: now,
	}}, c.Snapshot().Contracts)
	assert.Equal(t, campaign.ContractCreated{CampaignID: "campaign_1", ContractID: "contract_1", BuyerID: "buyer_1", Status: campaign.StatusActive, Price: 45, At: now}, c.Pending()[1])
	k, err := c.Contract("contract_1")
	require.NoError(t, err)
	assert.Equal(t, "contract_1", k.ID())
	assert.Equal(t, "buyer_1", k.BuyerID())
	assert.Equal(t, money.Micros(45), k.Price())
	assert.Equal(t, int64(1), k.Priority())
	limit, ok := k.Cap(calendar.Day)
	assert.True(t, ok)
	assert.Equal(t, int64(10), limit.Leads)
	_, ok = k.Cap(calendar.Total)
	assert.False(t, ok)
	_, err = c.Contract("contract_2")
	require.ErrorIs(t, err, campaign.ErrContractNotFound)

	many := auto(t)
	for i := range 10_000 {
		require.NoError(t, many.AddContract("k"+strconv.Itoa(i), "b", campaign.StatusActive, campaign.Terms{Price: new(money.Micros(1))}, zones, now))
	}
	require.ErrorIs(t, many.AddContract("one more", "b", campaign.StatusActive, campaign.Terms{Price: new(money.Micros(1))}, zones, now), campaign.ErrTooManyContracts)
	require.NoError(t, many.DeleteContract("k7", now))
	require.NoError(t, many.AddContract("one more", "b", campaign.StatusActive, campaign.Terms{Price: new(money.Micros(1))}, zones, now), "deleted ones do not count")
}

func TestTerms(t *testing.T) {
	t.Parallel()
	type c = campaign.Cap
	price := new(money.Micros(1))
	caps := func(list ...c) campaign.Terms { return campaign.Terms{Price: price, Caps: &list} }
	leads := func(w calendar.Window, n int64) c { return c{Window: w, HasLeads: true, Leads: n} }
	budget := func(w calendar.Window, n money.Micros) c { return c{Window: w, HasBudget: true, Budget: n} }
	var all []c
	for _, w := range calendar.Windows() {
		all = append(all, leads(w, 1), budget(w, 1))
	}
	for _, tc := range []struct {
		name string
		t    campaign.Terms
		want map[string]fault.Code
	}{
		{"no price", campaign.Terms{}, map[string]fault.Code{"price": fault.Required}},
		{"free", campaign.Terms{Price: new(money.Micros(0))}, nil},
		{"a million", campaign.Terms{Price: new(money.Micros(1_000_000_000_000)), Priority: new(int64(1_000_000))}, nil},
		{"too much", campaign.Terms{Price: new(money.Micros(1_000_000_000_001)), Priority: new(int64(1_000_001))}, map[string]fault.Code{"price": fault.InvalidValue, "priority": fault.InvalidValue}},
		{"too little", campaign.Terms{Price: new(money.Micros(-1)), Priority: new(int64(0)), TimeZone: new("Local")}, map[string]fault.Code{"price": fault.InvalidValue, "priority": fault.InvalidValue, "time_zone": fault.InvalidValue}},
		{"a cap of nothing takes nothing", caps(leads(calendar.Day, 0), budget(calendar.Week, 0)), nil},
		{"every cap there is", caps(all...), nil},
		{"one too many", caps(append(all, leads(calendar.Day, 2))...), map[string]fault.Code{"caps": fault.InvalidValue}},
		{"a window nobody knows", caps(leads("year", 1)), map[string]fault.Code{"caps.0.window": fault.InvalidValue}},
		{"a cap without limit", caps(leads(calendar.Day, 1), c{Window: calendar.Week}), map[string]fault.Code{"caps.1.leads": fault.Required}},
		{"negative", caps(leads(calendar.Day, -1), budget(calendar.Week, -1)), map[string]fault.Code{"caps.0.leads": fault.InvalidValue, "caps.1.budget": fault.InvalidValue}},
		{"huge", caps(leads(calendar.Day, 1_000_000_000_001)), map[string]fault.Code{"caps.0.leads": fault.InvalidValue}},
		{"twice", caps(leads(calendar.Day, 1), leads(calendar.Day, 2)), map[string]fault.Code{"caps.1.window": fault.Duplicate}},
		{"budget twice", caps(c{Window: calendar.Day, HasLeads: true, HasBudget: true}, budget(calendar.Day, 2)), map[string]fault.Code{"caps.1.window": fault.Duplicate}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := auto(t)
			before := c.Snapshot()
			err := c.AddContract("k", "b", campaign.StatusActive, tc.t, zones, later)
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fault.ErrValidation)
			got := map[string]fault.Code{}
			for _, v := range fault.As(err).Violations {
				got[v.Field] = v.Code
			}
			assert.Equal(t, tc.want, got)
			assert.Equal(t, before, c.Snapshot())
			if tc.t.Price != nil {
				c := withContract(t)
				before := c.Snapshot()
				_, err := c.UpdateContract("contract_1", tc.t, zones, later)
				require.ErrorIs(t, err, fault.ErrValidation)
				assert.Equal(t, before, c.Snapshot(), "a failed update changes nothing")
			}
		})
	}
	require.Error(t, auto(t).AddContract("k", "b", campaign.StatusDeleted, campaign.Terms{Price: price}, zones, now))

	c1 := auto(t)
	require.NoError(t, c1.AddContract("k", "b", campaign.StatusPaused, caps(budget(calendar.Total, 5), leads(calendar.Hour, 3), leads(calendar.Total, 9)), zones, now))
	assert.Equal(t, []c{leads(calendar.Hour, 3), {Window: calendar.Total, HasLeads: true, Leads: 9, HasBudget: true, Budget: 5}}, c1.Snapshot().Contracts[0].Caps, "one a window, the shortest first")
}

func TestUpdateContract(t *testing.T) {
	t.Parallel()
	c := withContract(t)
	_, err := c.UpdateContract("nobody", campaign.Terms{}, zones, later)
	require.ErrorIs(t, err, campaign.ErrContractNotFound)
	for i, tc := range []struct {
		t       campaign.Terms
		recount bool
	}{
		{campaign.Terms{Price: new(money.Micros(50)), Priority: new(int64(3))}, false},
		{campaign.Terms{TimeZone: new("America/New_York")}, false}, // its caps were counted in this zone before
		{campaign.Terms{TimeZone: new("America/Chicago")}, true},
		{campaign.Terms{TimeZone: new("")}, true},
		{campaign.Terms{Caps: new([]campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 99}, {Window: calendar.Month, HasLeads: true, Leads: 1}})}, false}, // a raised cap keeps its count
		{campaign.Terms{Caps: new([]campaign.Cap{{Window: calendar.Week, HasLeads: true, Leads: 99}})}, true},
		{campaign.Terms{Caps: new([]campaign.Cap{})}, true},
	} {
		recount, err := c.UpdateContract("contract_1", tc.t, zones, later)
		require.NoError(t, err)
		assert.Equal(t, tc.recount, recount, i)
		assert.Equal(t, campaign.ContractUpdated{CampaignID: "campaign_1", ContractID: "contract_1", BuyerID: "buyer_1", Price: 50, At: later}, c.Pending()[i+2])
	}
	assert.Equal(t, []campaign.ContractSnapshot{{
		ID: "contract_1", BuyerID: "buyer_1", Status: campaign.StatusActive, Price: 50, Priority: 3, Weight: 1, EffectiveZone: "America/New_York",
		Caps: []campaign.Cap{}, CreatedAt: now, UpdatedAt: later,
	}}, c.Snapshot().Contracts)
}

func TestContractStates(t *testing.T) {
	t.Parallel()
	c := withContract(t)
	for _, missing := range []error{c.PauseContract("x", later), c.ResumeContract("x", later), c.DeleteContract("x", later)} {
		require.ErrorIs(t, missing, campaign.ErrContractNotFound)
	}
	require.ErrorIs(t, c.ResumeContract("contract_1", later), campaign.ErrContractNotPaused)
	require.NoError(t, c.PauseContract("contract_1", later))
	require.ErrorIs(t, c.PauseContract("contract_1", later), campaign.ErrContractAlreadyPaused)
	assert.Equal(t, campaign.StatusPaused, c.Contracts()[0].Status())
	require.NoError(t, c.ResumeContract("contract_1", later))
	assert.Equal(t, campaign.StatusActive, c.Contracts()[0].Status())
	require.NoError(t, c.DeleteContract("contract_1", later))
	assert.Empty(t, c.Contracts())
	_, err := c.Contract("contract_1")
	require.ErrorIs(t, err, campaign.ErrContractNotFound)
	require.ErrorIs(t, c.DeleteContract("contract_1", later), campaign.ErrContractNotFound)
	assert.Equal(t, campaign.StatusDeleted, c.Snapshot().Contracts[0].Status, "it is kept for its sales")
	types := make([]string, 0, 5)
	for _, e := range c.Pending() {
		types = append(types, e.EventType())
	}
	assert.Equal(t, []string{"campaign.created", "contract.created", "contract.paused", "contract.resumed", "contract.deleted"}, types)
	assert.Equal(t, int64(5), c.Version())
}

func TestSpans(t *testing.T) {
	t.Parallel()
	c := withContract(t)
	keys := func(c *campaign.Campaign) []string {
		out := make([]string, 0, 3)
		for _, s := range c.Contracts()[0].Spans(now) {
			out = append(out, s.Key)
		}
		return out
	}
	assert.Equal(t, []string{"day:2026-01-01", "month:2026-01", "total"}, keys(c), "in the buyer's zone; always the total, last")
	_, err := c.UpdateContract("contract_1", campaign.Terms{TimeZone: new("UTC"), Caps: new([]campaign.Cap{{Window: calendar.Total, HasLeads: true}, {Window: calendar.Day, HasLeads: true}})}, zones, now)
	require.NoError(t, err)
	assert.Equal(t, []string{"day:2026-01-02", "total"}, keys(c))
	gone := campaign.FromSnapshot(campaign.Snapshot{Contracts: []campaign.ContractSnapshot{{EffectiveZone: "Gone/Zone", Caps: []campaign.Cap{{Window: calendar.Day}}}}})
	assert.Equal(t, []string{"day:2026-01-02", "total"}, keys(gone), "a zone that is no longer known counts as UTC")
}

func TestRezone(t *testing.T) {
	t.Parallel()
	add := func(c *campaign.Campaign, id, buyer, own, effective string) {
		require.NoError(t, c.AddContract(id, buyer, campaign.StatusActive, campaign.Terms{Price: new(money.Micros(1)), TimeZone: &own}, campaign.Zones{Seller: effective}, now))
	}
	c := auto(t)
	add(c, "own", "buyer_1", "Asia/Tokyo", "UTC")
	add(c, "buyer's", "buyer_1", "", "UTC")
	add(c, "other's", "buyer_2", "", "UTC")
	add(c, "deleted", "buyer_1", "", "UTC")
	require.NoError(t, c.DeleteContract("deleted", now))
	events := len(c.Pending())
	lookup := func(id string) campaign.Zones {
		if id == "buyer_1" {
			return campaign.Zones{Buyer: "America/Chicago", Seller: "Europe/Berlin"}
		}
		return campaign.Zones{Seller: "Europe/Berlin"}
	}
	assert.Equal(t, []string{"buyer's"}, c.Rezone("buyer_1", lookup, later))
	assert.Equal(t, []string{"other's"}, c.Rezone("", lookup, later))
	assert.Empty(t, c.Rezone("", lookup, later), "settled")
	effective := map[string]string{}
	for _, k := range c.Snapshot().Contracts {
		effective[k.ID] = k.EffectiveZone
	}
	assert.Equal(t, map[string]string{"own": "Asia/Tokyo", "buyer's": "America/Chicago", "other's": "Europe/Berlin", "deleted": "UTC"}, effective)
	assert.Len(t, c.Pending(), events+2)
	assert.Equal(t, "buyer's", c.Pending()[events].(campaign.ContractUpdated).ContractID)
}

// Changing a copy of a campaign does not change the campaign that a reader, such as the cache of SubmitLead, holds.
func TestCopiesNeverAlias(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*campaign.Campaign) error{
		"rezone": func(c *campaign.Campaign) error {
			c.Rezone("", func(string) campaign.Zones { return campaign.Zones{Seller: "Asia/Tokyo"} }, later)
			return nil
		},
		"update contract": func(c *campaign.Campaign) error {
			_, err := c.UpdateContract("contract_1", campaign.Terms{Price: new(money.Micros(1)), Caps: new([]campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 1}})}, zones, later)
			return err
		},
		"add contract": func(c *campaign.Campaign) error {
			return c.AddContract("contract_2", "buyer_2", campaign.StatusActive, campaign.Terms{Price: new(money.Micros(1))}, zones, later)
		},
		"pause contract":  func(c *campaign.Campaign) error { return c.PauseContract("contract_1", later) },
		"delete contract": func(c *campaign.Campaign) error { return c.DeleteContract("contract_1", later) },
		"update": func(c *campaign.Campaign) error {
			return c.Update(campaign.Definition{Name: new("New"), Fields: &[]field.Rule{}, FieldMap: &map[string]string{"fn": "city"}, Dedupe: &campaign.Dedupe{Fields: []string{"email"}, WindowDays: 1}}, known, later)
		},
		"pause": func(c *campaign.Campaign) error { return c.Pause(later) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := withContract(t).Snapshot()
			held := campaign.FromSnapshot(source)
			sibling := campaign.FromSnapshot(source)
			value := *held
			before := held.Snapshot()
			contract, err := held.Contract("contract_1")
			require.NoError(t, err)
			price := contract.Price()

			require.NoError(t, change(sibling))
			assert.Equal(t, before, held.Snapshot(), "made of the same snapshot")
			require.NoError(t, change(&value))
			assert.Equal(t, before, held.Snapshot(), "a copied value")
			assert.Empty(t, held.Pending())
			assert.Equal(t, price, contract.Price())
			assert.NotEqual(t, before, sibling.Snapshot(), "the change is real")
		})
	}
	c := withContract(t)
	before := c.Snapshot()
	scribble := func(s campaign.Snapshot) {
		s.Fields[0].Options[0], s.Fields[0].Name = "x", "x"
		s.Dedupe.Fields[0] = "x"
		s.FieldMap["kind"] = "x"
		s.Contracts[0].Price, s.Contracts[0].Caps[0].Leads = 0, 0
	}
	scribble(c.Snapshot())
	assert.Equal(t, before, c.Snapshot(), "a snapshot shares nothing")
	source := c.Snapshot()
	restored := campaign.FromSnapshot(source)
	scribble(source)
	assert.Equal(t, before, restored.Snapshot())
	caps := []campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 5}}
	_, err := c.UpdateContract("contract_1", campaign.Terms{Caps: &caps}, zones, later)
	require.NoError(t, err)
	caps[0].Leads = 6
	assert.Equal(t, int64(5), c.Snapshot().Contracts[0].Caps[0].Leads)
}

func TestAMapFollowsTheFields(t *testing.T) {
	t.Parallel()
	c := auto(t)
	err := c.Update(campaign.Definition{Fields: &[]field.Rule{}}, known, later)
	require.ErrorIs(t, err, fault.ErrValidation, "a field that is mapped cannot go")
	assert.Equal(t, []string{"field_map.kind"}, fields(err))
	require.NoError(t, c.Update(campaign.Definition{Fields: &[]field.Rule{}, FieldMap: &map[string]string{"fn": "firstName", "id": "external_id"}}, known, later))
	require.NoError(t, c.Update(campaign.Definition{Name: new("other")}, known, later))
	for _, c := range []*campaign.Campaign{c, campaign.FromSnapshot(c.Snapshot())} {
		mapped, id, err := c.MapFields(field.Set{"fn": field.TextValue("John"), "id": {Kind: field.Number, Text: "4711"}})
		require.NoError(t, err)
		assert.Equal(t, "4711", id)
		assert.Equal(t, "John", mapped.Text("firstName"))
		for _, bad := range []field.Value{field.TextValue(strings.Repeat("x", 256)), field.TextValue("a\nb"), {Kind: field.Other, Text: "[1]"}} {
			_, _, err = c.MapFields(field.Set{"id": bad})
			require.ErrorIs(t, err, field.ErrInvalid)
			assert.Equal(t, []string{"external_id"}, fields(err))
		}
	}
	require.NoError(t, c.Update(campaign.Definition{FieldMap: &map[string]string{}}, known, later))
	assert.Nil(t, c.Snapshot().FieldMap)
}

func TestFromSnapshotNeverValidates(t *testing.T) {
	t.Parallel()
	s := campaign.Snapshot{
		ID: "c", SellerID: "s", Status: "gone", Fields: []field.Rule{{Name: "bad name!", Type: "gone", Required: true}}, Mode: "auction", MaxSales: -1,
		Strategy: "luck", Dedupe: campaign.Dedupe{Fields: []string{"shoe size"}, Match: "some", WindowDays: -1}, PendingTTLHours: -1, PriceShown: "x",
		Payout: campaign.Payout{Type: "x", Percent: -1, Fixed: -1}, CreatedAt: now, UpdatedAt: later, Version: 7,
		Contracts: []campaign.ContractSnapshot{{ID: "k", Status: "x", Price: -1, Priority: -1, TimeZone: "x", EffectiveZone: "y", Caps: []campaign.Cap{{Window: "eon", Leads: -1}}}},
	}
	c := campaign.FromSnapshot(s)
	assert.Equal(t, s, c.Snapshot())
	assert.Empty(t, c.Pending())
	_, err := c.CheckFields(field.Set{})
	assert.Contains(t, fields(err), "bad name!", "the stored rules hold")
}
