package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// MailSignInLink mails a sign-in link to the partner of a program that has an email. Whether there is one is not told.
type MailSignInLink struct{ SellerCode, Email string }

// Needs implements application.Message.
func (MailSignInLink) Needs() application.Scope { return application.Visitor }

// MailSignInLinkHandler handles MailSignInLink.
type MailSignInLinkHandler struct {
	program.Deps
	Queue program.MailQueue
	// Page answers programquery.SignUpPage.
	Page func(context.Context, programquery.SignUpPage) (programquery.SignUpView, error)
}

// Handle implements bus.Handler. Errors: programquery.ErrNoSuchPage, fault.ErrValidation of email.
func (h MailSignInLinkHandler) Handle(ctx context.Context, c MailSignInLink) (struct{}, error) {
	of, err := h.Page(ctx, programquery.SignUpPage{SellerCode: c.SellerCode})
	if err != nil {
		return struct{}{}, err
	}
	var v fault.Violations
	v.AddErr("", partner.Details{Email: &c.Email}.Check())
	if err := v.Err(); err != nil {
		return struct{}{}, err
	}
	var to string
	err = h.Work.Do(ctx, func(ctx context.Context, tx program.Tx) error {
		to = ""
		p, err := tx.Partners().Find(ctx, of.SellerID, application.PartnerHandle{Email: c.Email})
		if err == nil && p.Status() == partner.StatusActive {
			to = p.ID()
		}
		if errors.Is(err, partner.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil || to == "" {
		return struct{}{}, err
	}
	mail := program.OutgoingMail{EventID: program.SignInMail(h.IDs.New("mail")), SellerID: of.SellerID, PartnerID: to}
	return struct{}{}, h.Queue.AddMail(ctx, mail, h.Clock.Now())
}
