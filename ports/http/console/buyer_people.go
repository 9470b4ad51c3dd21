package consolehttp

import (
	"slices"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
)

const buyerPeoplePath = "/console/buyers/:id/people"

// buyerPeople shows who signs in for a buyer, and who was invited to.
func buyerPeople(v *Visit) {
	content, err := peopleOfBuyer(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("buyer", content)
}

func peopleOfBuyer(v *Visit) (buyerContent, error) {
	content, err := buyerOf(v, "people")
	if err == nil {
		content.People, err = Ask[[]accountquery.PersonOfSeller](v, accountquery.PeopleOfBuyer{Actor: v.Who(), Buyer: content.Buyer.ID})
	}
	return content, err
}

// invitePersonOfBuyer invites somebody by mail, or makes a link that is shown on the page that answers and nowhere else.
func invitePersonOfBuyer(v *Visit) {
	content, err := peopleOfBuyer(v)
	if err != nil {
		v.Fail(err)
		return
	}
	f := v.Form
	invited, err := Do[accountcommand.PersonInvited](v, accountcommand.InvitePersonOfBuyer{
		Actor: v.Who(), Buyer: content.Buyer.ID, Email: f.Text("email"), Name: f.Text("name"), Link: f.Ticked("link"),
	})
	switch {
	case err != nil:
		v.ShowAgain("buyer", content, err)
	case invited.Token != "":
		if content, err = peopleOfBuyer(v); err != nil {
			v.Fail(err)
			return
		}
		content.Link, content.Until = v.call.Base()+"/join/"+invited.Token, invited.ExpiresAt
		v.call.Writer().Header().Set("Cache-Control", "no-store")
		v.Show("buyer", content)
	default:
		v.Done("/console/buyers/"+content.Buyer.ID+"/people", "The invitation is on its way by mail.")
	}
}

// personOfBuyerNamed is the person of the page's address.
func personOfBuyerNamed(v *Visit) (accountquery.PersonOfSeller, error) {
	content, err := peopleOfBuyer(v)
	if err != nil {
		return accountquery.PersonOfSeller{}, err
	}
	i := slices.IndexFunc(content.People, func(p accountquery.PersonOfSeller) bool { return p.ID == v.Param("person") })
	if i < 0 {
		return accountquery.PersonOfSeller{}, errNoPerson
	}
	return content.People[i], nil
}

func askRemovePersonOfBuyer(v *Visit) {
	p, err := personOfBuyerNamed(v)
	if err != nil {
		v.Fail(err)
		return
	}
	back := "/console/buyers/" + v.Param("id") + "/people"
	v.ShowConfirm(Confirm{
		Title: "Take this person away?", Button: "Take away", Danger: true, Action: back + "/" + p.ID + "/remove", Back: back,
		Consequence: p.Email + " cannot open the buyer's pages any more, from now on. What the person did stays in the record of changes.",
	})
}

func removePersonOfBuyer(v *Visit) {
	_, err := Do[struct{}](v, accountcommand.RemovePersonOfBuyer{Actor: v.Who(), Buyer: v.Param("id"), ID: v.Param("person")})
	v.After(err, "/console/buyers/"+v.Param("id")+"/people", "The person is taken away.")
}
