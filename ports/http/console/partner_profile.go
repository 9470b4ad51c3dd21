package consolehttp

import (
	programcommand "github.com/leadmill/leadmill/application/program/command"
)

const ownProfilePath = portalPath + "/profile"

type ownProfileContent struct{ *PartnerVisit }

// ownProfile shows a partner what it is called.
func ownProfile(v *PartnerVisit) {
	p := v.Partner.Partner
	v.Visit.Form.Fill(seenField, seenAt(p.UpdatedAt), "name", p.Name, "surname", p.Surname)
	v.Show("partner_profile", ownProfileContent{v})
}

func saveOwnProfile(v *PartnerVisit) {
	f := v.Visit.Form
	if _, err := Do[struct{}](v.Visit, programcommand.ChangeOwnName{Token: v.token, Name: f.Text("name"), Surname: f.Text("surname"), Seen: v.seen()}); err != nil {
		v.stale(err, seenAt(v.Partner.Partner.UpdatedAt))
		v.ShowAgain("partner_profile", ownProfileContent{v}, err)
		return
	}
	v.Done(ownProfilePath, v.locale.say("form.saved"))
}
