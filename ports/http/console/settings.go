package consolehttp

import (
	"strconv"
	"strings"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"

	"github.com/leadmill/leadmill/application"
)

const settingsPath = consolePath + "/settings"

type settingsContent struct {
	*Visit

	Settings accountquery.Settings
	SignUp   string // where partners sign up
	Approval []Option
	Touch    []Option
}

func settingsOf(v *Visit) (settingsContent, error) {
	s, err := v.Settings()
	return settingsContent{
		Visit: v, Settings: s, SignUp: v.call.Base() + signUpPath + "/" + s.Code,
		Approval: []Option{{Value: "auto", Label: "at once"}, {Value: "manual", Label: "when somebody approved them"}},
		Touch:    []Option{{Value: "first_touch", Label: "the first partner whose link was followed"}, {Value: "last_touch", Label: "the last partner whose link was followed"}},
	}, err
}

// settings shows how the seller runs its program.
func settings(v *Visit) {
	content, err := settingsOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	s, p := content.Settings, content.Settings.Program
	v.Form.Fill(seenField, seenAt(content.Settings.UpdatedAt), "program_name", s.Name, "website", s.Website, "approval", p.Approval(), "link_parameter", p.LinkParameter, "cookie_lifetime", strconv.Itoa(p.CookieDays),
		"attribution", p.Attribution(), "attribution_window", number(p.WindowDays), "lead_retention_days", number(p.LeadRetentionDays),
		"allow_self_referral", tick(p.AllowSelfReferral), "unique_emails", tick(!p.SharedEmails),
		"partner_sign_up", tick(p.SignUp), "terms", p.Terms, "terms_url", p.TermsURL)
	v.Show("settings", content)
}

// number writes a number of which 0 means none.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func tick(on bool) string {
	if on {
		return "1"
	}
	return ""
}

// saveSettings changes how the seller runs its program.
func saveSettings(v *Visit) {
	content, err := settingsOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	f := v.Form
	c := accountcommand.UpdateSettings{Actor: v.Who(), Seen: v.seen(), Once: Once[accountquery.Settings](v)}
	s := &c.Settings
	s.Name, s.Website, s.Approval, s.Attribution, s.LinkParameter = new(f.Text("program_name")), new(f.Text("website")), new(f.Text("approval")), new(f.Text("attribution")), new(f.Text("link_parameter"))
	s.AllowSelfReferral, s.UniqueEmails = new(f.Ticked("allow_self_referral")), new(f.Ticked("unique_emails"))
	s.SignUp, s.Terms, s.TermsURL = new(f.Ticked("partner_sign_up")), new(strings.ReplaceAll(f.Text("terms"), "\r\n", "\n")), new(f.Text("terms_url"))
	for name, into := range map[string]**int{"cookie_lifetime": &s.CookieDays, "attribution_window": &s.WindowDays, "lead_retention_days": &s.LeadRetentionDays} {
		n, _ := f.Number(name, 0, 3650)
		*into = new(int(n))
	}
	if _, err := Do[application.Done](v, c); err != nil {
		v.stale(err, seenAt(content.Settings.UpdatedAt))
		v.ShowAgain("settings", content, err)
		return
	}
	v.Done(settingsPath, "The settings are saved.")
}
