package consolehttp

import (
	"strconv"
	"strings"
	"time"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	marketquery "github.com/leadmill/leadmill/application/market/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

const keysPath = consolePath + "/keys"

type keysContent struct {
	*Visit

	Keys application.List[accountquery.APIKey]
}

// keys shows the keys that are in force, the newest first.
func keys(v *Visit) {
	content := keysContent{Visit: v}
	q := accountquery.APIKeys{Actor: v.Who()}
	var err error
	if q.Page, err = v.Paged(); err == nil {
		content.Keys, err = Ask[application.List[accountquery.APIKey]](v, q)
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("keys", content)
}

// Limit says how many requests a key may send.
func (v *Visit) Limit(k accountquery.APIKey) string {
	switch {
	case k.Limit.Requests == 0:
		return "none"
	case k.Limit.Window == time.Minute:
		return v.Count(k.Limit.Requests) + " a minute"
	case k.Limit.Window == time.Second:
		return v.Count(k.Limit.Requests) + " a second"
	}
	return v.Count(k.Limit.Requests) + " in " + Span(k.Limit.Window)
}

type keyFormContent struct {
	*Visit

	Scopes    []Option
	Campaigns []Option
}

// keyScopes are what a key may be for.
var keyScopes = []Option{
	{Value: "supplier", Label: "Supplier: sends leads in a partner's name"},
	{Value: "form", Label: "Form: a web page sends leads of one campaign"},
	{Value: "site", Label: "Site: the tracking snippet on your pages"},
	{Value: "program", Label: "Program: everything under /v1, for your own servers"},
}

func newKey(v *Visit) {
	v.Form.Fill("scope", v.Query("scope"), "partner", v.Query("partner"), "origins", v.Query("origins"))
	content, err := keyForm(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("key_form", content)
}

func keyForm(v *Visit) (keyFormContent, error) {
	content := keyFormContent{Visit: v, Scopes: keyScopes, Campaigns: []Option{{Label: "None"}}}
	all, err := v.campaigns()
	for _, c := range all {
		content.Campaigns = append(content.Campaigns, Option{Value: c.ID, Label: campaignName(c)})
	}
	return content, err
}

func campaignName(c marketquery.Campaign) string { return c.Name + " (" + c.Category + ")" }

type keyMadeContent struct {
	*Visit

	Made accountcommand.APIKeyCreated
}

// createKey makes a key and shows its text, which is kept nowhere.
func createKey(v *Visit) {
	f := v.Form
	c := accountcommand.CreateAPIKey{Actor: v.Who(), Request: accountcommand.APIKeyRequest{
		Scope: f.Text("scope"), Name: f.Text("name"), CampaignID: f.Text("campaign_id"), Origins: strings.Fields(f.Text("origins")),
	}}
	if handle := f.Text("partner"); handle != "" {
		c.Request.Partner = application.PartnerHandle{Any: handle}
	}
	if n, given := f.Number("requests", 0, 1_000_000_000); given {
		c.Request.Limit = &application.RateLimit{Requests: n, Window: time.Minute}
		if n == 0 {
			c.Request.Limit = &application.RateLimit{}
		}
	}
	if days, given := f.Number("days", 1, 3650); given {
		c.Request.ExpiresAt = v.Now().AddDate(0, 0, int(days))
	}
	var made accountcommand.APIKeyCreated
	c.Once = Result(v, &made)
	if _, err := Do[application.Done](v, c); err != nil {
		content, failed := keyForm(v)
		if failed != nil {
			v.Fail(failed)
			return
		}
		v.ShowAgain("key_form", content, err)
		return
	}
	v.showKey(made)
}

// showKey shows the text of a key that was just made. A form that was sent twice made one key, whose text was shown already.
func (v *Visit) showKey(made accountcommand.APIKeyCreated) {
	if made.Key == "" {
		v.Done(keysPath, "This form was sent before, and its key was shown then. Rotate the key if its text is lost.")
		return
	}
	v.call.Writer().Header().Set("Cache-Control", "no-store")
	v.Show("key_made", keyMadeContent{v, made})
}

// keyNamed is the key of the page's address.
func keyNamed(v *Visit) (accountquery.APIKey, error) {
	return Ask[accountquery.APIKey](v, accountquery.APIKeyByID{Actor: v.Who(), ID: v.Param("id")})
}

type keyContent struct {
	*Visit

	Key accountquery.APIKey
}

// showKeyOf shows what a key is for and who changed it.
func showKeyOf(v *Visit) {
	k, err := keyNamed(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("key", keyContent{v, k})
}

func rotateConfirm(v *Visit, k accountquery.APIKey) Confirm {
	v.Form.Fill("hours", "24")
	return Confirm{
		Visit: v, Title: "Make a new text for this key?", Button: "Make a new key", Action: keysPath + "/" + k.ID + "/rotate", Back: keysPath,
		Consequence: "Another key takes the place of " + quoted(k) + ". The old one works as long as you say here, so that whoever has it can change over; then it is over.",
		Inputs:      []Field{v.Field("hours", "Hours that the old key still works", "mode", "numeric", "help", "0 to 2160; with 0 it ends at once.")},
	}
}

func quoted(k accountquery.APIKey) string {
	if k.Name == "" {
		return "the " + k.Scope + " key"
	}
	return "“" + k.Name + "”"
}

func askRotateKey(v *Visit) {
	k, err := keyNamed(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("confirm", rotateConfirm(v, k))
}

func rotateKey(v *Visit) {
	k, err := keyNamed(v)
	if err != nil {
		v.Fail(err)
		return
	}
	hours, given := v.Form.Number("hours", 0, 2160)
	if !given {
		v.Form.Wrong("hours", "is required")
	}
	var made accountcommand.APIKeyCreated
	if _, err := Do[application.Done](v, accountcommand.RotateAPIKey{
		Actor: v.Who(), ID: k.ID, Overlap: time.Duration(hours) * time.Hour, ExpiresAt: k.ExpiresAt, Once: Result(v, &made),
	}); err != nil {
		v.showAgainConfirm(func() Confirm { return rotateConfirm(v, k) }, err)
		return
	}
	v.showKey(made)
}

// showAgainConfirm is ShowAgain for a page that asks: its fields are made when it is known what is wrong with them.
func (v *Visit) showAgainConfirm(c func() Confirm, err error) {
	v.Form.err = fault.As(err)
	v.ShowAgain("confirm", c(), err)
}

func askRevokeKey(v *Visit) {
	k, err := keyNamed(v)
	if err != nil {
		v.Fail(err)
		return
	}
	used := "It was never used."
	if !k.LastUsedAt.IsZero() {
		used = "It was last used " + Span(v.Now().Sub(k.LastUsedAt)) + " ago and brought " + strconv.FormatInt(k.Leads, 10) + " leads."
	}
	v.ShowConfirm(Confirm{
		Title: "Revoke " + quoted(k) + "?", Button: "Revoke the key", Danger: true, Action: keysPath + "/" + k.ID + "/revoke", Back: keysPath,
		Consequence: used + " Whoever uses it is refused at once, and it cannot be brought back.",
	})
}

func revokeKey(v *Visit) {
	_, err := Do[application.Done](v, accountcommand.RevokeAPIKey{Actor: v.Who(), ID: v.Param("id"), Once: Once[struct{}](v)})
	v.After(err, keysPath, "The key is revoked.")
}
