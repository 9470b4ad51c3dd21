package consolehttp

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/png"

	"github.com/pquerna/otp"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/fault"
)

const secondFactorPath = profilePath + "/second-factor"

type secondFactorContent struct {
	*Visit

	Security accountquery.Security
	// URL, Secret and Picture are what an app takes over, while it is set up.
	URL, Secret string
	Picture     template.URL
	// Codes are recovery codes that were made just now: nobody is shown them again.
	Codes []string
}

// secondFactor shows whether a second factor is asked for, and sets one up or takes it away.
func secondFactor(v *Visit) { v.showSecondFactor(nil) }

// showSecondFactor shows the page as things are now, with what went wrong.
func (v *Visit) showSecondFactor(wrong error) {
	security, err := Ask[accountquery.Security](v, accountquery.SecurityOfPerson{Actor: v.Who()})
	if err != nil {
		v.Fail(err)
		return
	}
	v.showOrAgain("second_factor", secondFactorContent{Visit: v, Security: security}, wrong)
}

// showOrAgain shows a page, again when something was wrong; too many tries are told in it too.
func (v *Visit) showOrAgain(name string, content any, wrong error) {
	e := fault.As(wrong)
	switch {
	case wrong == nil:
		v.Show(name, content)
	case e != nil && e.Kind == fault.TooMany:
		v.Form.err = e
		v.show(statusOfTry[e.Kind], name, content)
	default:
		v.ShowAgain(name, content, wrong)
	}
}

// beginSecondFactor makes a secret and shows it, as a picture too.
func beginSecondFactor(v *Visit) {
	begun, err := Do[accountcommand.TOTPBegun](v, accountcommand.BeginTOTP{Actor: v.Who(), Password: v.Form.Value("current")})
	if err != nil {
		v.showSecondFactor(err)
		return
	}
	v.showAuthenticator(begun.URL, nil)
}

// showAuthenticator shows a secret that is not confirmed yet. After a wrong code it comes from the form: nothing that is stored tells it.
func (v *Visit) showAuthenticator(address string, wrong error) {
	key, err := otp.NewKeyFromURL(address)
	if err != nil || key.Type() != "totp" || key.Secret() == "" {
		v.showSecondFactor(wrong)
		return
	}
	picture, err := pictureOf(key)
	if err != nil {
		v.Fail(err)
		return
	}
	v.showOrAgain("second_factor", secondFactorContent{Visit: v, URL: address, Secret: key.Secret(), Picture: picture}, wrong)
}

// pictureSide is how wide and high the picture of a secret is, in pixels.
const pictureSide = 232

// pictureOf draws what an app scans, as an address that holds the picture.
func pictureOf(key *otp.Key) (template.URL, error) {
	picture, err := key.Image(pictureSide, pictureSide)
	if err != nil {
		return "", fmt.Errorf("draw the picture of a secret: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return "", fmt.Errorf("write the picture of a secret: %w", err)
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil //nolint:gosec // base64 of what was drawn here
}

// confirmSecondFactor has the secret count, by a code of it, and shows the recovery codes.
func confirmSecondFactor(v *Visit) {
	made, err := Do[accountcommand.RecoveryCodes](v, accountcommand.ConfirmTOTP{Actor: v.Who(), Code: v.Form.Text("code"), Except: v.SessionID})
	if err != nil {
		v.showAuthenticator(v.Form.Value("secret"), err)
		return
	}
	v.Show("second_factor", secondFactorContent{Visit: v, Codes: made.Codes})
}

// renewRecoveryCodes shows other recovery codes; the former ones count no more.
func renewRecoveryCodes(v *Visit) {
	made, err := Do[accountcommand.RecoveryCodes](v, accountcommand.RenewRecoveryCodes{Actor: v.Who(), Code: v.Form.Text("code")})
	if err != nil {
		v.showSecondFactor(err)
		return
	}
	v.Show("second_factor", secondFactorContent{Visit: v, Codes: made.Codes})
}

func disableSecondFactor(v *Visit) {
	_, err := Do[struct{}](v, accountcommand.DisableTOTP{Actor: v.Who(), Code: v.Form.Text("code")})
	if err != nil {
		v.showSecondFactor(err)
		return
	}
	v.Done(profilePath, "The second factor is switched off.")
}
