package seller

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

// PartnerProgram is how a seller runs its partner program. The zero value is not valid; DefaultProgram is the default.
type PartnerProgram struct {
	ManualApproval    bool
	LinkParameter     string // the query parameter of referral links, such as aff
	CookieDays        int    // how long a referral is remembered in the visitor's browser
	LastTouch         bool   // the latest touch gets a customer; otherwise the first touch does
	WindowDays        int    // how many days old a touch may be to attribute a customer; 0 is no limit
	AllowSelfReferral bool
	SharedEmails      bool // customers may have one email
	LeadCampaign      *LeadCampaign
	LeadRetentionDays int    // how many days leads keep what they hold of persons; 0 is for good
	SignUp            bool   // partners may sign up by themselves
	Terms, TermsURL   string // what they accept then: a text, a page with it, or both
	Color             string // the accent of partners' and buyers' pages, such as #0b6455; empty: Leadmill's
}

// LeadCampaign names the campaign in which form leads are offered to buyers. Fields maps the campaign's field names to where
// their values come from: SourceName, SourceFirstName, SourceLastName, SourceEmail or the id of a form field.
type LeadCampaign struct {
	CampaignID string
	Fields     map[string]string
}

// The sources of a campaign's fields besides the form's own fields. First and last name are the parts of the name before and
// after its first space.
const (
	SourceName      = "name"
	SourceFirstName = "first_name"
	SourceLastName  = "last_name"
	SourceEmail     = "email"
)

// DefaultProgram returns the program of a seller that has set nothing.
func DefaultProgram() PartnerProgram { return PartnerProgram{LinkParameter: "aff", CookieDays: 30} }

// Bounds of settings.
const (
	maxDays          = 3650
	maxLeadFields    = 100
	maxLeadFieldName = 64
	maxTerms         = 5000
)

var (
	parameterPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
	colorPattern     = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
	sourcePattern    = regexp.MustCompile(`^(name|first_name|last_name|email|[1-9][0-9]{0,17})$`)
)

// The words by which operators choose how partners are approved and which partner a customer is attributed to.
const (
	approvalAuto   = "auto"
	approvalManual = "manual"
	firstTouch     = "first_touch"
	lastTouch      = "last_touch"
)

// Approval returns the word for how partners are approved: "auto" or "manual".
func (p PartnerProgram) Approval() string {
	if p.ManualApproval {
		return approvalManual
	}
	return approvalAuto
}

// Attribution returns the word for which touch a customer is attributed to: "first_touch" or "last_touch".
func (p PartnerProgram) Attribution() string {
	if p.LastTouch {
		return lastTouch
	}
	return firstTouch
}

// Settings are what an operator says about the program. A nil member keeps the stored value. ClearLeadCampaign stops
// offering form leads to buyers.
type Settings struct {
	Name, Website     *string
	Approval          *string // "auto" or "manual"
	LinkParameter     *string
	CookieDays        *int
	Attribution       *string // "first_touch" or "last_touch"
	WindowDays        *int
	AllowSelfReferral *bool
	UniqueEmails      *bool // whether no two customers may have one email
	LeadCampaign      *LeadCampaign
	ClearLeadCampaign bool
	LeadRetentionDays *int
	SignUp            *bool
	Terms, TermsURL   *string
	Color             *string
}

// Check returns fault.ErrValidation with the members at fault, or nil.
func (d Settings) Check() error { return new(Seller).Configure(d, time.Time{}) }

// Configure changes the program's settings; without any it changes nothing. It returns fault.ErrValidation with the members at fault. The caller checks that
// the lead campaign exists.
func (s *Seller) Configure(d Settings, now time.Time) error {
	if d == (Settings{}) {
		return nil
	}
	next := *s
	next.program = s.program.clone()
	var v fault.Violations
	if d.Name != nil {
		name, err := contact.ParseRequiredText(strings.TrimSpace(*d.Name), 200)
		v.AddErr("program_name", err)
		next.name = name
	}
	next.apply(Details{Website: d.Website}, &v)
	p := &next.program
	choose(d.Approval, "approval", approvalAuto, approvalManual, &p.ManualApproval, &v)
	choose(d.Attribution, "attribution", firstTouch, lastTouch, &p.LastTouch, &v)
	if d.LinkParameter != nil {
		if !parameterPattern.MatchString(*d.LinkParameter) {
			v.Add("link_parameter", fault.InvalidValue, "must be 1 to 32 letters, digits, underscores or hyphens")
		}
		p.LinkParameter = *d.LinkParameter
	}
	if d.CookieDays != nil {
		if *d.CookieDays < 1 || *d.CookieDays > maxDays {
			v.Add("cookie_lifetime", fault.InvalidValue, "must be between 1 and 3650 days")
		}
		p.CookieDays = *d.CookieDays
	}
	if d.WindowDays != nil {
		if *d.WindowDays < 0 || *d.WindowDays > maxDays {
			v.Add("attribution_window", fault.InvalidValue, "must be between 0 and 3650 days")
		}
		p.WindowDays = *d.WindowDays
	}
	if d.LeadRetentionDays != nil {
		if *d.LeadRetentionDays < 0 || *d.LeadRetentionDays > maxDays {
			v.Add("lead_retention_days", fault.InvalidValue, "must be between 0 and 3650 days")
		}
		p.LeadRetentionDays = *d.LeadRetentionDays
	}
	if d.AllowSelfReferral != nil {
		p.AllowSelfReferral = *d.AllowSelfReferral
	}
	if d.UniqueEmails != nil {
		p.SharedEmails = !*d.UniqueEmails
	}
	if d.SignUp != nil {
		p.SignUp = *d.SignUp
	}
	if d.Terms != nil {
		terms, err := contact.ParseMultiline(strings.TrimSpace(*d.Terms), maxTerms)
		v.AddErr("terms", err)
		p.Terms = terms
	}
	if d.TermsURL != nil {
		if *d.TermsURL != "" {
			_, err := contact.ParseURL(*d.TermsURL)
			v.AddErr("terms_url", err)
		}
		p.TermsURL = *d.TermsURL
	}
	if d.Color != nil {
		if *d.Color != "" && !colorPattern.MatchString(*d.Color) {
			v.Add("brand_color", fault.InvalidValue, "must be # and six hexadecimal digits, such as #0b6455")
		}
		p.Color = strings.ToLower(*d.Color)
	}
	if d.ClearLeadCampaign {
		p.LeadCampaign = nil
	}
	if d.LeadCampaign != nil {
		p.LeadCampaign = d.LeadCampaign.check(&v)
	}
	if err := v.Err(); err != nil {
		return err
	}
	next.updatedAt = now
	next.Record(Updated{ID: s.id, Code: s.code, TimeZone: s.timeZone, Currency: s.currency.Code(), At: now})
	*s = next
	return nil
}

// choose sets into to whether the second of two words was given. A nil given keeps it; any other word is a violation.
func choose(given *string, field, first, second string, into *bool, v *fault.Violations) {
	switch {
	case given == nil:
	case *given == first:
		*into = false
	case *given == second:
		*into = true
	default:
		v.Add(field, fault.InvalidValue, "must be "+first+" or "+second)
	}
}

func (c *LeadCampaign) check(v *fault.Violations) *LeadCampaign {
	if c.CampaignID == "" {
		v.Add("lead_campaign.campaign_id", fault.Required, "is required")
	}
	if len(c.Fields) == 0 || len(c.Fields) > maxLeadFields {
		v.Add("lead_campaign.fields", fault.InvalidValue, "must map 1 to 100 fields of the campaign")
		return c.clone()
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if _, err := contact.ParseRequiredText(name, maxLeadFieldName); err != nil {
			v.Add("lead_campaign.fields", fault.InvalidValue, "must have names of 1 to 64 characters")
		} else if !sourcePattern.MatchString(c.Fields[name]) {
			v.Add("lead_campaign.fields."+name, fault.InvalidValue, "must be name, first_name, last_name, email or the id of a form field")
		}
	}
	return c.clone()
}

func (c *LeadCampaign) clone() *LeadCampaign {
	if c == nil {
		return nil
	}
	return &LeadCampaign{c.CampaignID, maps.Clone(c.Fields)}
}

func (p PartnerProgram) clone() PartnerProgram {
	p.LeadCampaign = p.LeadCampaign.clone()
	return p
}

// Window returns the program's attribution window; zero is no limit.
func (p PartnerProgram) Window() time.Duration { return time.Duration(p.WindowDays) * 24 * time.Hour }

// Program returns how the seller runs its partner program.
func (s *Seller) Program() PartnerProgram { return s.program.clone() }
