package mail

import (
	"bytes"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"text/template"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/money"
)

// BalanceText implements market.BalanceText in English.
type BalanceText struct{}

var _ market.BalanceText = BalanceText{}

var (
	balancePlain = template.Must(template.New("text").Parse(`Hello {{.Buyer}},

your balance with {{.Seller}} is {{.Balance}} {{.Currency}}, which is below {{.Low}} {{.Currency}}. When it is used up, you get no more leads.

This mail is sent once, and again only after the balance was higher.
`))
	balanceHTML = htmltemplate.Must(htmltemplate.New("html").Parse(`<!DOCTYPE html>
<html lang="en"><body style="font-family: sans-serif; line-height: 1.5">
<p>Hello {{.Buyer}},</p>
<p>your balance with {{.Seller}} is <strong>{{.Balance}} {{.Currency}}</strong>, which is below {{.Low}} {{.Currency}}. When it is used up, you get no more leads.</p>
<p style="color: #555">This mail is sent once, and again only after the balance was higher.</p>
</body></html>
`))
)

// Write implements market.BalanceText. Its error holds nothing of the mail.
func (BalanceText) Write(a market.Account) (application.Mail, error) {
	c, err := money.ParseCurrency(a.Currency)
	if err != nil {
		return application.Mail{}, fmt.Errorf("write the mail about a balance: %w", err)
	}
	in := struct{ Buyer, Seller, Balance, Low, Currency string }{a.Buyer, a.Seller, a.Balance.Format(c), a.LowBalance.Format(c), c.Code()}
	var text, html bytes.Buffer
	if err := errors.Join(balancePlain.Execute(&text, in), balanceHTML.Execute(&html, in)); err != nil {
		return application.Mail{}, fmt.Errorf("write the mail about a balance: %w", err)
	}
	return application.Mail{Subject: "Your balance with " + a.Seller + " is low", Text: text.String(), HTML: html.String()}, nil
}
