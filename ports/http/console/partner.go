package consolehttp

import (
	"time"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

type partnerContent struct {
	*Visit

	Partner   programquery.PartnerDetail
	Links     []PartnerLink
	Others    programquery.LinkSum // by links that were removed or renamed, or by none
	Days      []programquery.LinkDay
	Customers application.List[programquery.Customer]
	Back      string
	SignIn    string // the link by which the partner signs in, when it was just made
	Until     time.Time
}

// PartnerLink is a referral key with the address that the partner gives to others; it is empty as long as the seller names no website.
// Clicks and sign-ups are those of the days that the page shows.
type PartnerLink struct {
	Key, URL        string
	Default         bool
	Clicks, Signups int64
}

// fewRows is how many rows a page of one thing shows of others.
const fewRows = 10

func showPartner(v *Visit) {
	content, err := partnerOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("partner", content)
}

// partnerOf reads what the page of a partner shows.
func partnerOf(v *Visit) (partnerContent, error) {
	content := partnerContent{Visit: v, Back: partnerPath(v.Param("id"))}
	var err error
	if content.Partner, err = partnerNamed(v); err != nil {
		return content, err
	}
	settings, err := v.Settings()
	if err != nil {
		return content, err
	}
	activity, err := Ask[programquery.LinksView](v, programquery.LinkActivity{Actor: v.Who(), PartnerID: content.Partner.ID, Days: programDays})
	if err != nil {
		return content, err
	}
	content.Days = activity.Days
	sums := map[string]programquery.LinkSum{}
	for _, l := range activity.Links {
		sums[l.Key] = l
	}
	content.Others = sums[""]
	for i, key := range content.Partner.Keys {
		l := PartnerLink{Key: key, Default: i == 0, Clicks: sums[key].Clicks, Signups: sums[key].Signups}
		if settings.Website != "" {
			l.URL = program.ReferralURL(settings.Website, settings.Program.LinkParameter, key)
		}
		content.Links = append(content.Links, l)
	}
	content.Customers, err = Ask[application.List[programquery.Customer]](v, programquery.Customers{
		Actor: v.Who(), Partner: application.PartnerHandle{ID: content.Partner.ID}, Page: application.Page{Limit: fewRows, Number: 1},
	})
	return content, err
}

// partnerNamed is the partner of the page's address.
func partnerNamed(v *Visit) (programquery.PartnerDetail, error) {
	return Ask[programquery.PartnerDetail](v, programquery.PartnerByHandle{Actor: v.Who(), Handle: application.PartnerHandle{ID: v.Param("id")}})
}

func handleOf(v *Visit) application.PartnerHandle {
	return application.PartnerHandle{ID: v.Param("id")}
}

func approvePartner(v *Visit) {
	_, err := Do[application.Done](v, programcommand.ApprovePartner{Actor: v.Who(), Handle: handleOf(v), Once: Once[programquery.Partner](v)})
	v.After(err, partnerPath(v.Param("id")), "The partner is approved.")
}

func askRejectPartner(v *Visit) {
	askPartner(v, Confirm{
		Title: "Reject this partner?", Button: "Reject the partner", Danger: true,
		Consequence: "Its links open nothing, and no invitation, sign-in link or session of it works any more. You can approve it later; it is not told by mail.",
	}, "/reject")
}

// askPartner asks before something is done to a partner that is there.
func askPartner(v *Visit, c Confirm, action string) {
	p, err := partnerNamed(v)
	if err != nil {
		v.Fail(err)
		return
	}
	c.Back = partnerPath(p.ID)
	c.Action = c.Back + action
	v.ShowConfirm(c)
}

func rejectPartner(v *Visit) {
	_, err := Do[application.Done](v, programcommand.RejectPartner{Actor: v.Who(), Handle: handleOf(v), Once: Once[programquery.Partner](v)})
	v.After(err, partnerPath(v.Param("id")), "The partner is rejected.")
}

func askArchivePartner(v *Visit) {
	askPartner(v, Confirm{
		Title: "Archive this partner?", Button: "Archive the partner", Danger: true,
		Consequence: "It is signed out and brings no new customers. Its customers, leads and figures stay, and you can take it out of the archive again.",
	}, "/archive")
}

func archivePartner(v *Visit) {
	_, err := Do[application.Done](v, programcommand.ArchivePartner{Actor: v.Who(), Handle: handleOf(v), Once: Once[programquery.Partner](v)})
	v.After(err, partnerPath(v.Param("id")), "The partner is archived.")
}

func unarchivePartner(v *Visit) {
	_, err := Do[application.Done](v, programcommand.UnarchivePartner{Actor: v.Who(), Handle: handleOf(v), Once: Once[programquery.Partner](v)})
	v.After(err, partnerPath(v.Param("id")), "The partner is out of the archive.")
}

// signInPartner makes a link by which a partner signs in to the portal once. It is shown on the page that answers, and nowhere else.
func signInPartner(v *Visit) {
	content, err := partnerOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	var made programcommand.SignIn
	if _, err := Do[application.Done](v, programcommand.CreateSignInURL{
		Actor: v.Who(), Partner: application.PartnerHandle{ID: content.Partner.ID}, Lasts: programcommand.MaxSignIn, Once: Result(v, &made),
	}); err != nil {
		v.ShowAgain("partner", content, err)
		return
	}
	if made.Token == "" {
		v.Done(content.Back, "This form was sent before. Make another link if you need one.")
		return
	}
	content.SignIn, content.Until = v.call.Base()+"/portal/sign-in/"+made.Token, made.ExpiresAt
	v.call.Writer().Header().Set("Cache-Control", "no-store")
	v.Show("partner", content)
}

// addPartnerLink gives a partner another referral key.
func addPartnerLink(v *Visit) {
	content, err := partnerOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	if _, err := Do[application.Done](v, programcommand.AddReferralLink{
		Actor: v.Who(), Partner: application.PartnerHandle{ID: content.Partner.ID}, Key: v.Form.Text("key"), Once: Once[programquery.ReferralLink](v),
	}); err != nil {
		v.ShowAgain("partner", content, err)
		return
	}
	v.Done(content.Back, "The link is added.")
}
