package consolehttp

import (
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/fault"
)

type profileContent struct {
	*Visit

	Sessions []accountquery.SessionOfPerson
	Security accountquery.Security
}

const (
	profilePath = "/console/profile"
	switchPath  = profilePath + "/seller"
)

// profile shows what a person decides about the own account.
func profile(v *Visit) {
	content, err := profileOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("profile", content)
}

func profileOf(v *Visit) (profileContent, error) {
	sessions, err := Ask[[]accountquery.SessionOfPerson](v, accountquery.SessionsOfPerson{Actor: v.Who()})
	if err != nil {
		return profileContent{}, err
	}
	security, err := Ask[accountquery.Security](v, accountquery.SecurityOfPerson{Actor: v.Who()})
	return profileContent{Visit: v, Sessions: sessions, Security: security}, err
}

// changePassword sets a password; all other sessions end, and this one goes on in another.
func changePassword(v *Visit) {
	if v.Form.Value("password") != v.Form.Value("again_password") {
		v.Form.Wrong("again_password", "is not the same")
	}
	s, err := Do[accountcommand.SignedIn](v, accountcommand.ChangePassword{
		Actor: v.Who(), Cookie: v.cookie(), Current: v.Form.Value("current"), Password: v.Form.Value("password"),
	})
	if err != nil {
		content, broken := profileOf(v)
		if broken != nil {
			v.Fail(broken)
			return
		}
		v.ShowAgain("profile", content, err)
		return
	}
	v.keepSession(s)
	v.Done(profilePath, "The password is changed. All other sessions of yours have ended.")
}

// endSession ends one of the person's sessions, which may be the one that asks.
func endSession(v *Visit) {
	_, err := Do[struct{}](v, accountcommand.EndSession{Actor: v.Who(), ID: v.Form.Text("session")})
	if fault.KindOf(err) == fault.NotFound {
		err = nil // it ended by itself
	}
	v.After(err, profilePath, "The session has ended.")
}

func endOtherSessions(v *Visit) {
	_, err := Do[struct{}](v, accountcommand.EndAllSessions{Actor: v.Who(), Except: v.SessionID})
	v.After(err, profilePath, "All other sessions have ended.")
}

// switchSeller opens the pages of another seller, and goes on with a form that was made for it.
func switchSeller(v *Visit) {
	_, err := Do[struct{}](v, accountcommand.SwitchSeller{Actor: v.Who(), Cookie: v.cookie(), Code: v.Form.Text("seller")})
	if err == nil {
		v.Person, err = v.console.Sessions.PersonOf(v.Context(), v.cookie())
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.goOn(consolePath, v.Form.Value(keptField))
}
