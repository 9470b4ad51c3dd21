package command

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// SendPersonMails sends the mails to people that are due. Every instance may run it: only one of them works on a mail at a time.
type SendPersonMails struct{}

// Needs implements application.Message.
func (SendPersonMails) Needs() application.Scope { return application.Internal }

// SendPersonMailsHandler handles SendPersonMails.
type SendPersonMailsHandler struct {
	account.Deps
	Secrets application.Secrets
	Reader  account.PersonReader
	Queue   account.PersonMailQueue
	Mailer  application.Mailer
	Text    account.PersonMailText
	// Base returns the address under which people reach this server, without a slash at its end.
	Base func() string
}

// Handle implements bus.Handler. The error is that of the queue; mails that could not be sent are in the result.
func (h SendPersonMailsHandler) Handle(ctx context.Context, _ SendPersonMails) (unsent []application.UnsentMail, err error) {
	now := h.Clock.Now()
	due, err := h.Queue.TakePersonMails(ctx, now, now.Add(application.MailClaim), application.MailsAtOnce)
	if err != nil {
		return nil, err
	}
	for _, m := range due {
		failed := h.send(ctx, m)
		pause, again := time.Duration(0), false
		if failed != nil {
			pause, again = application.MailRetry(m.Attempts, failed)
			unsent = append(unsent, application.UnsentMail{EventID: m.ID, GivenUp: !again, Err: failed})
		}
		if again {
			err = h.Queue.PostponePersonMail(ctx, m, h.Clock.Now().Add(pause))
		} else {
			err = h.Queue.RemovePersonMail(ctx, m)
		}
		if err != nil {
			return unsent, err
		}
	}
	return unsent, nil
}

// send sends one mail with a new link, in place of the one that was sent before. Who joined or was removed meanwhile gets none.
func (h SendPersonMailsHandler) send(ctx context.Context, m account.PersonMail) error {
	p, err := h.Reader.PersonByID(ctx, m.PersonID)
	if errors.Is(err, operator.ErrNotFound) { // nobody: see AskForReset
		return nil
	}
	if err != nil {
		return err
	}
	var mail application.Mail
	if m.SellerID == "" {
		mail, err = h.reset(ctx, p)
	} else {
		mail, err = h.invitation(ctx, p, m.SellerID)
	}
	if err != nil || mail == (application.Mail{}) {
		return err
	}
	mail.ID, mail.To, mail.ToName = m.ID, p.Email, p.Name
	return h.Mailer.Send(ctx, mail)
}

// reset writes the mail with which a person chooses a new password; none for who never had one.
func (h SendPersonMailsHandler) reset(ctx context.Context, p operator.Snapshot) (application.Mail, error) {
	if p.Status != operator.StatusActive {
		return application.Mail{}, nil
	}
	token, now := h.Secrets.New(), h.Clock.Now()
	err := h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		if _, err := tx.People().Lock(ctx, p.ID); err != nil {
			return err
		}
		if err := tx.PersonLinks().RevokeOf(ctx, p.ID, operator.ResetLink); err != nil {
			return err
		}
		return tx.PersonLinks().Add(ctx, operator.NewLink(operator.ResetLink, account.PersonTokenHash(token), p.ID, "", now).ByMail())
	})
	if errors.Is(err, operator.ErrNotFound) {
		return application.Mail{}, nil
	}
	if err != nil {
		return application.Mail{}, err
	}
	return h.Text.WriteReset(account.PersonReset{Name: p.Name, Link: h.Base() + "/reset/" + token, Lasts: operator.ResetLife})
}

// invitation writes the mail that invites a person; none for who accepted already.
func (h SendPersonMailsHandler) invitation(ctx context.Context, p operator.Snapshot, sellerID string) (application.Mail, error) {
	m, of, err := h.Reader.MemberOf(ctx, sellerID, p.ID)
	if errors.Is(err, operator.ErrNotFound) || err == nil && m.Accepted() {
		return application.Mail{}, nil
	}
	if err != nil {
		return application.Mail{}, err
	}
	token, now, open := h.Secrets.New(), h.Clock.Now(), false
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		staff, err := tx.Staff().Lock(ctx, sellerID)
		if err != nil {
			return err
		}
		m, err := staff.Member(p.ID)
		if open = err == nil && !m.Accepted(); !open {
			return nil
		}
		if err := tx.PersonLinks().RevokeInvitations(ctx, p.ID, sellerID); err != nil {
			return err
		}
		return tx.PersonLinks().Add(ctx, operator.NewLink(operator.InvitationLink, account.PersonTokenHash(token), p.ID, sellerID, now).ByMail())
	})
	if err != nil || !open {
		return application.Mail{}, err
	}
	return h.Text.WriteInvitation(account.PersonInvitation{Name: p.Name, Seller: of.Name, Link: h.Base() + "/join/" + token, Lasts: operator.InvitationLife})
}
