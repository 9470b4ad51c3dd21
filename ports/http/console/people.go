package consolehttp

import (
	"slices"
	"time"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"

	"github.com/leadmill/leadmill/domain/fault"
)

const peoplePath = consolePath + "/people"

type peopleContent struct {
	*Visit

	People []accountquery.PersonOfSeller
	Roles  []Option
}

// personRoles are what a person may be for a seller.
var personRoles = []Option{
	{Value: "viewer", Label: "Viewer: looks at everything"},
	{Value: "operator", Label: "Operator: runs campaigns, buyers, partners and leads"},
	{Value: "owner", Label: "Owner: everything, people and keys too"},
}

// listPeople shows who works for the seller, and who was invited.
func listPeople(v *Visit) {
	content, err := peopleOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("people", content)
}

func peopleOf(v *Visit) (peopleContent, error) {
	all, err := Ask[[]accountquery.PersonOfSeller](v, accountquery.PeopleOfSeller{Actor: v.Who()})
	return peopleContent{v, all, personRoles}, err
}

// IsMe reports whether a person is the one who looks.
func (c peopleContent) IsMe(p accountquery.PersonOfSeller) bool { return p.ID == c.Visit.Person.ID }

type personInviteContent struct {
	*Visit

	Roles []Option
	Link  string // by which whoever was invited signs in, when it is not sent by mail
	Until time.Time
}

func askInvitePerson(v *Visit) {
	v.Form.Fill("role", "operator")
	v.Show("person_invite", personInviteContent{Visit: v, Roles: personRoles})
}

// invitePerson invites somebody by mail, or makes a link that is shown on the page that answers and nowhere else.
func invitePerson(v *Visit) {
	f := v.Form
	content := personInviteContent{Visit: v, Roles: personRoles}
	invited, err := Do[accountcommand.PersonInvited](v, accountcommand.InvitePerson{
		Actor: v.Who(), Email: f.Text("email"), Name: f.Text("name"), Role: f.Text("role"), Link: f.Ticked("link"),
	})
	switch {
	case err != nil:
		v.ShowAgain("person_invite", content, err)
	case invited.Token != "":
		content.Link, content.Until = v.call.Base()+"/join/"+invited.Token, invited.ExpiresAt
		v.call.Writer().Header().Set("Cache-Control", "no-store")
		v.Show("person_invite", content)
	default:
		v.Done(peoplePath, "The invitation is on its way by mail.")
	}
}

var errNoPerson = fault.New(fault.NotFound, "person_not_found", "Nobody of this seller has this id.")

// personNamed is the person of the page's address.
func personNamed(v *Visit) (peopleContent, accountquery.PersonOfSeller, error) {
	content, err := peopleOf(v)
	if err != nil {
		return content, accountquery.PersonOfSeller{}, err
	}
	i := slices.IndexFunc(content.People, func(p accountquery.PersonOfSeller) bool { return p.ID == v.Param("id") })
	if i < 0 {
		return content, accountquery.PersonOfSeller{}, errNoPerson
	}
	return content, content.People[i], nil
}

func changeRole(v *Visit) {
	content, p, err := personNamed(v)
	if err != nil {
		v.Fail(err)
		return
	}
	if _, err := Do[struct{}](v, accountcommand.ChangeRole{Actor: v.Who(), ID: p.ID, Role: v.Form.Text("role")}); err != nil {
		v.ShowAgain("people", content, err)
		return
	}
	v.Done(peoplePath, "The role is changed. It holds at once.")
}

func askRemovePerson(v *Visit) {
	_, p, err := personNamed(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.ShowConfirm(Confirm{
		Title: "Take this person away?", Button: "Take away", Danger: true, Action: peoplePath + "/" + p.ID + "/remove", Back: peoplePath,
		Consequence: p.Email + " cannot open these pages any more, from now on. What the person did stays in the record of changes.",
	})
}

func removePerson(v *Visit) {
	content, p, err := personNamed(v)
	if err != nil {
		v.Fail(err)
		return
	}
	if _, err := Do[struct{}](v, accountcommand.RemovePerson{Actor: v.Who(), ID: p.ID}); err != nil {
		v.ShowAgain("people", content, err)
		return
	}
	v.Done(peoplePath, "The person is taken away.")
}
