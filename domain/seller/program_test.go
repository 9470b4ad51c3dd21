package seller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/seller"
)

func toCampaign(fields map[string]string) *seller.LeadCampaign {
	return &seller.LeadCampaign{CampaignID: "campaign_1", Fields: fields}
}

func TestDefaultProgram(t *testing.T) {
	t.Parallel()
	want := seller.PartnerProgram{LinkParameter: "aff", CookieDays: 30}
	assert.Equal(t, want, seller.DefaultProgram())
	assert.Equal(t, want, acme(t).Program())
	assert.Zero(t, want.Window())
	assert.Equal(t, 72*time.Hour, seller.PartnerProgram{WindowDays: 3}.Window())
	assert.Equal(t, 87600*time.Hour, seller.PartnerProgram{WindowDays: 3650}.Window())
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	mapping := map[string]string{"email": "email", "first": "first_name", "last": "last_name", "full": "name", "company": "89"}
	many := map[string]string{}
	for i := range 100 {
		many[fmt.Sprint("f", i)] = "999999999999999999"
	}
	for _, tc := range []struct {
		name string
		d    seller.Settings
		want func(*seller.Snapshot)
	}{
		{"name and website", seller.Settings{Name: new(" Acme 😀 "), Website: new("https://acme.example/?a=b")}, func(s *seller.Snapshot) { s.Name, s.Website = "Acme 😀", "https://acme.example/?a=b" }},
		{"no website", seller.Settings{Website: new("")}, func(s *seller.Snapshot) { s.Website = "" }},
		{"by hand", seller.Settings{Approval: new("manual")}, func(s *seller.Snapshot) { s.Program.ManualApproval = true }},
		{"parameter", seller.Settings{LinkParameter: new("Via-_9")}, func(s *seller.Snapshot) { s.Program.LinkParameter = "Via-_9" }},
		{"the longest parameter", seller.Settings{LinkParameter: new(strings.Repeat("a", 32))}, func(s *seller.Snapshot) { s.Program.LinkParameter = strings.Repeat("a", 32) }},
		{"shortest times", seller.Settings{CookieDays: new(1), WindowDays: new(0)}, func(s *seller.Snapshot) { s.Program.CookieDays = 1 }},
		{"longest times", seller.Settings{CookieDays: new(3650), WindowDays: new(3650)}, func(s *seller.Snapshot) { s.Program.CookieDays, s.Program.WindowDays = 3650, 3650 }},
		{"leads for good", seller.Settings{LeadRetentionDays: new(0)}, func(*seller.Snapshot) {}},
		{"leads for a time", seller.Settings{LeadRetentionDays: new(3650)}, func(s *seller.Snapshot) { s.Program.LeadRetentionDays = 3650 }},
		{"last touch", seller.Settings{Attribution: new("last_touch")}, func(s *seller.Snapshot) { s.Program.LastTouch = true }},
		{"self referral", seller.Settings{AllowSelfReferral: new(true)}, func(s *seller.Snapshot) { s.Program.AllowSelfReferral = true }},
		{"shared emails", seller.Settings{UniqueEmails: new(false)}, func(s *seller.Snapshot) { s.Program.SharedEmails = true }},
		{"emails of one", seller.Settings{UniqueEmails: new(true)}, func(*seller.Snapshot) {}},
		{"sign-up", seller.Settings{SignUp: new(true), Terms: new(" Be fair.\n"), TermsURL: new("https://acme.example/terms")}, func(s *seller.Snapshot) {
			s.Program.SignUp, s.Program.Terms, s.Program.TermsURL = true, "Be fair.", "https://acme.example/terms"
		}},
		{"no sign-up", seller.Settings{SignUp: new(false), Terms: new(""), TermsURL: new(""), Color: new("")}, func(*seller.Snapshot) {}},
		{"color", seller.Settings{Color: new("#0B64Ff")}, func(s *seller.Snapshot) { s.Program.Color = "#0b64ff" }},
		{"campaign", seller.Settings{LeadCampaign: toCampaign(mapping)}, func(s *seller.Snapshot) { s.Program.LeadCampaign = toCampaign(mapping) }},
		{"the largest campaign", seller.Settings{LeadCampaign: toCampaign(many)}, func(s *seller.Snapshot) { s.Program.LeadCampaign = toCampaign(many) }},
		{"no campaign", seller.Settings{ClearLeadCampaign: true}, func(*seller.Snapshot) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := acme(t)
			want := s.Snapshot()
			require.NoError(t, s.Configure(tc.d, later))
			want.UpdatedAt, want.Version = later, 2
			tc.want(&want)
			assert.Equal(t, want, s.Snapshot(), "what is not named stays")
			assert.Equal(t, want.Program, s.Program())
			assert.Equal(t, event.Event(seller.Updated{ID: "seller_1", Code: "ACME1234", TimeZone: "America/Chicago", Currency: "USD", At: later}), s.Pending()[1])
		})
	}
}

func TestConfigureNothing(t *testing.T) {
	t.Parallel()
	s := acme(t)
	want := s.Snapshot()
	require.NoError(t, s.Configure(seller.Settings{}, later))
	assert.Equal(t, want, s.Snapshot())
	assert.Len(t, s.Pending(), 1, "only that it was made")
}

func TestConfigureBack(t *testing.T) {
	t.Parallel()
	s := acme(t)
	require.NoError(t, s.Configure(seller.Settings{
		Approval: new("manual"), Attribution: new("last_touch"), AllowSelfReferral: new(true), WindowDays: new(5),
		LeadCampaign: toCampaign(map[string]string{"a": "name"}),
	}, later))
	zone, err := s.Update(seller.Details{Name: new("Other")}, later)
	require.NoError(t, err)
	assert.False(t, zone)
	assert.Equal(t, seller.PartnerProgram{
		ManualApproval: true, LinkParameter: "aff", CookieDays: 30, LastTouch: true, WindowDays: 5, AllowSelfReferral: true,
		LeadCampaign: toCampaign(map[string]string{"a": "name"}),
	}, s.Program(), "the installation's update leaves the program")
	require.NoError(t, s.Configure(seller.Settings{Approval: new("auto"), Attribution: new("first_touch"), AllowSelfReferral: new(false), WindowDays: new(0), ClearLeadCampaign: true}, later))
	assert.Equal(t, seller.DefaultProgram(), s.Program())
}

func TestConfigureRules(t *testing.T) {
	t.Parallel()
	const source = "must be name, first_name, last_name, email or the id of a form field"
	parameter := "must be 1 to 32 letters, digits, underscores or hyphens"
	bad := func(field, message string) []fault.Violation {
		return []fault.Violation{{Field: field, Code: fault.InvalidValue, Message: message}}
	}
	many := map[string]string{}
	for i := range 101 {
		many[fmt.Sprint("f", i)] = "name"
	}
	for _, tc := range []struct {
		name string
		d    seller.Settings
		want []fault.Violation
	}{
		{"blank name", seller.Settings{Name: new(" ")}, []fault.Violation{{Field: "program_name", Code: fault.Required, Message: "is required"}}},
		{"long name", seller.Settings{Name: new(strings.Repeat("x", 201))}, bad("program_name", "must have at most 200 characters")},
		{"website", seller.Settings{Website: new("javascript:alert(1)")}, bad("website", "must be an absolute http or https URL")},
		{"approval", seller.Settings{Approval: new("Manual")}, bad("approval", "must be auto or manual")},
		{"no approval", seller.Settings{Approval: new("")}, bad("approval", "must be auto or manual")},
		{"attribution", seller.Settings{Attribution: new("linear")}, bad("attribution", "must be first_touch or last_touch")},
		{"no parameter", seller.Settings{LinkParameter: new("")}, bad("link_parameter", parameter)},
		{"long parameter", seller.Settings{LinkParameter: new(strings.Repeat("a", 33))}, bad("link_parameter", parameter)},
		{"parameter with a line end", seller.Settings{LinkParameter: new("aff\n")}, bad("link_parameter", parameter)},
		{"parameter that is a query", seller.Settings{LinkParameter: new("a=b&c")}, bad("link_parameter", parameter)},
		{"no cookie", seller.Settings{CookieDays: new(0)}, bad("cookie_lifetime", "must be between 1 and 3650 days")},
		{"long cookie", seller.Settings{CookieDays: new(3651)}, bad("cookie_lifetime", "must be between 1 and 3650 days")},
		{"negative window", seller.Settings{WindowDays: new(-1)}, bad("attribution_window", "must be between 0 and 3650 days")},
		{"long window", seller.Settings{WindowDays: new(3651)}, bad("attribution_window", "must be between 0 and 3650 days")},
		{"negative retention", seller.Settings{LeadRetentionDays: new(-1)}, bad("lead_retention_days", "must be between 0 and 3650 days")},
		{"long retention", seller.Settings{LeadRetentionDays: new(3651)}, bad("lead_retention_days", "must be between 0 and 3650 days")},
		{"long terms", seller.Settings{Terms: new(strings.Repeat("x", 5001))}, bad("terms", "must have at most 5000 characters")},
		{"address of terms", seller.Settings{TermsURL: new("javascript:alert(1)")}, bad("terms_url", "must be an absolute http or https URL")},
		{"color by name", seller.Settings{Color: new("red")}, bad("brand_color", "must be # and six hexadecimal digits, such as #0b6455")},
		{"short color", seller.Settings{Color: new("#fff")}, bad("brand_color", "must be # and six hexadecimal digits, such as #0b6455")},
		{"color with a line end", seller.Settings{Color: new("#0b6455\n")}, bad("brand_color", "must be # and six hexadecimal digits, such as #0b6455")},
		{"no campaign", seller.Settings{LeadCampaign: &seller.LeadCampaign{Fields: map[string]string{"a": "name"}}}, []fault.Violation{{Field: "lead_campaign.campaign_id", Code: fault.Required, Message: "is required"}}},
		{"no fields", seller.Settings{LeadCampaign: toCampaign(nil)}, bad("lead_campaign.fields", "must map 1 to 100 fields of the campaign")},
		{"101 fields", seller.Settings{LeadCampaign: toCampaign(many)}, bad("lead_campaign.fields", "must map 1 to 100 fields of the campaign")},
		{"odd fields", seller.Settings{LeadCampaign: toCampaign(map[string]string{"": "name", "a": "", "b": "phone", "c": "0", "d": "-1", "e": "1000000000000000000", "f": "01", "g": "email\n", "h": "7"})}, []fault.Violation{
			{Field: "lead_campaign.fields", Code: fault.InvalidValue, Message: "must have names of 1 to 64 characters"},
			{Field: "lead_campaign.fields.a", Code: fault.InvalidValue, Message: source},
			{Field: "lead_campaign.fields.b", Code: fault.InvalidValue, Message: source},
			{Field: "lead_campaign.fields.c", Code: fault.InvalidValue, Message: source},
			{Field: "lead_campaign.fields.d", Code: fault.InvalidValue, Message: source},
			{Field: "lead_campaign.fields.e", Code: fault.InvalidValue, Message: source},
			{Field: "lead_campaign.fields.f", Code: fault.InvalidValue, Message: source},
			{Field: "lead_campaign.fields.g", Code: fault.InvalidValue, Message: source},
		}},
		{"long field name", seller.Settings{LeadCampaign: toCampaign(map[string]string{strings.Repeat("x", 65): "name"})}, bad("lead_campaign.fields", "must have names of 1 to 64 characters")},
		{"all at once", seller.Settings{Name: new(""), Website: new("x"), Approval: new("x"), Attribution: new("x"), LinkParameter: new("ü"), CookieDays: new(-1), WindowDays: new(-1), LeadCampaign: &seller.LeadCampaign{}}, []fault.Violation{
			{Field: "program_name", Code: fault.Required, Message: "is required"},
			{Field: "website", Code: fault.InvalidValue, Message: "must be an absolute http or https URL"},
			{Field: "approval", Code: fault.InvalidValue, Message: "must be auto or manual"},
			{Field: "attribution", Code: fault.InvalidValue, Message: "must be first_touch or last_touch"},
			{Field: "link_parameter", Code: fault.InvalidValue, Message: parameter},
			{Field: "cookie_lifetime", Code: fault.InvalidValue, Message: "must be between 1 and 3650 days"},
			{Field: "attribution_window", Code: fault.InvalidValue, Message: "must be between 0 and 3650 days"},
			{Field: "lead_campaign.campaign_id", Code: fault.Required, Message: "is required"},
			{Field: "lead_campaign.fields", Code: fault.InvalidValue, Message: "must map 1 to 100 fields of the campaign"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := acme(t)
			before := s.Snapshot()
			err := s.Configure(tc.d, later)
			require.ErrorIs(t, err, fault.ErrValidation)
			assert.Equal(t, tc.want, fault.As(err).Violations)
			assert.Equal(t, before, s.Snapshot(), "nothing changes when something is wrong")
			assert.Len(t, s.Pending(), 1)
		})
	}
}

func TestProgramsShareNothing(t *testing.T) {
	t.Parallel()
	s := acme(t)
	given := toCampaign(map[string]string{"a": "name"})
	require.NoError(t, s.Configure(seller.Settings{LeadCampaign: given}, later))
	want := toCampaign(map[string]string{"a": "name"})
	scribble := func(c *seller.LeadCampaign) { c.CampaignID, c.Fields["a"], c.Fields["b"] = "x", "x", "x" }
	scribble(given)
	scribble(s.Program().LeadCampaign)
	n := s.Snapshot()
	restored, err := seller.FromSnapshot(n)
	require.NoError(t, err)
	scribble(n.Program.LeadCampaign)
	assert.Equal(t, want, s.Program().LeadCampaign)
	assert.Equal(t, want, restored.Program().LeadCampaign)
}

func TestProgramIsRestoredAsItIs(t *testing.T) {
	t.Parallel()
	n := acme(t).Snapshot()
	n.Program = seller.PartnerProgram{LinkParameter: "a b", CookieDays: -1, WindowDays: 99999, LeadCampaign: &seller.LeadCampaign{}}
	s, err := seller.FromSnapshot(n)
	require.NoError(t, err)
	assert.Equal(t, n.Program, s.Program())
}
