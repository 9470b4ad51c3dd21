package command

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
)

// SendBuyerMails sends the mails to buyers that are due. Every instance may run it: only one of them works on a mail at a time.
type SendBuyerMails struct{}

// Needs implements application.Message.
func (SendBuyerMails) Needs() application.Scope { return application.Internal }

// SendBuyerMailsHandler handles SendBuyerMails.
type SendBuyerMailsHandler struct {
	Clock    application.Clock
	Queue    market.BuyerMailQueue
	Accounts market.AccountReader
	Mailer   application.Mailer
	Text     market.BalanceText
}

// Handle implements bus.Handler. The error is that of the queue; mails that could not be sent are in the result.
func (h SendBuyerMailsHandler) Handle(ctx context.Context, _ SendBuyerMails) (unsent []application.UnsentMail, err error) {
	now := h.Clock.Now()
	due, err := h.Queue.TakeBuyerMails(ctx, now, now.Add(application.MailClaim), application.MailsAtOnce)
	if err != nil {
		return nil, err
	}
	for _, m := range due {
		failed := h.send(ctx, m)
		pause, again := time.Duration(0), false
		if failed != nil {
			pause, again = application.MailRetry(m.Attempts, failed)
			unsent = append(unsent, application.UnsentMail{EventID: m.EventID, GivenUp: !again, Err: failed})
		}
		if again {
			err = h.Queue.PostponeBuyerMail(ctx, m, h.Clock.Now().Add(pause))
		} else {
			err = h.Queue.RemoveBuyerMail(ctx, m)
		}
		if err != nil {
			return unsent, err
		}
	}
	return unsent, nil
}

// send sends one mail. A buyer without an address gets none, and neither does one whose balance is not low any more.
func (h SendBuyerMailsHandler) send(ctx context.Context, m market.BuyerMail) error {
	a, err := h.Accounts.Account(ctx, m.SellerID, m.BuyerID)
	if errors.Is(err, buyer.ErrNotFound) || err == nil && (!a.Low || a.Email == "") {
		return nil
	}
	if err != nil {
		return err
	}
	mail, err := h.Text.Write(a)
	if err != nil {
		return err
	}
	mail.ID, mail.To, mail.ToName = m.EventID, a.Email, a.Buyer
	return h.Mailer.Send(ctx, mail)
}
