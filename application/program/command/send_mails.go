package command

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/partner"
)

// SendMails sends the mails that are due. Every instance may run it: only one of them works on a mail at a time.
type SendMails struct{}

// Needs implements application.Message.
func (SendMails) Needs() application.Scope { return application.Internal }

// SendMailsHandler handles SendMails.
type SendMailsHandler struct {
	program.Deps
	Secrets application.Secrets
	Portal  program.PortalReader
	Queue   program.MailQueue
	Mailer  application.Mailer
	Text    program.InvitationText
	// Base returns the address under which partners reach this server, without a slash at its end.
	Base func() string
}

// Handle implements bus.Handler. The error is that of the queue; mails that could not be sent are in the result. The partner of one
// that is given up stays pending, and the operator can invite it again.
func (h SendMailsHandler) Handle(ctx context.Context, _ SendMails) (unsent []application.UnsentMail, err error) {
	now := h.Clock.Now()
	due, err := h.Queue.TakeMails(ctx, now, now.Add(application.MailClaim), application.MailsAtOnce)
	if err != nil {
		return nil, err
	}
	for _, m := range due {
		later, failed := h.send(ctx, m)
		switch {
		case failed == nil && !later.IsZero():
			waits := m
			waits.Attempts-- // waiting is no attempt
			err = h.Queue.PostponeMail(ctx, waits, later)
		case failed == nil:
			err = h.Queue.RemoveMail(ctx, m)
		default:
			pause, again := application.MailRetry(m.Attempts, failed)
			unsent = append(unsent, application.UnsentMail{EventID: m.EventID, GivenUp: !again, Err: failed})
			if again {
				err = h.Queue.PostponeMail(ctx, m, h.Clock.Now().Add(pause))
			} else if err = h.free(ctx, m); err == nil {
				err = h.Queue.RemoveMail(ctx, m)
			}
		}
		if err != nil {
			return unsent, err
		}
	}
	return unsent, nil
}

// letter is what a mail is about: how its link is made, and how long it lasts.
type letter struct {
	kind    program.TokenKind
	path    string
	lasts   time.Duration
	pause   time.Duration // between two such mails of a seller to one address
	address [sha256.Size]byte
	open    func(*partner.Partner) bool // whether the partner can still use it
}

func letterOf(m program.OutgoingMail, to program.PartnerContact) (l letter, wanted bool) {
	if m.SignsIn() {
		return letter{
			program.SignInToken, "/portal/sign-in/", signInMailLife, signInMailPause, program.SignInAddressHash(to.EmailKey),
			func(p *partner.Partner) bool { return p.Status() == partner.StatusActive },
		}, to.Active
	}
	return letter{program.InvitationToken, "/portal/invitations/", invitationLife, mailPause, program.AddressHash(to.EmailKey), (*partner.Partner).AcceptsInvitation}, to.Open
}

// send sends one mail with a new link, and no other of its kind to the same address for a while: what is too early and has a link that
// works is done with, what has none is to be sent later. Several mails to a partner hold different links; all of them work until one is
// used.
func (h SendMailsHandler) send(ctx context.Context, m program.OutgoingMail) (later time.Time, err error) {
	to, err := h.Portal.ContactOf(ctx, m.SellerID, m.PartnerID)
	if errors.Is(err, partner.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	l, wanted := letterOf(m, to)
	if !wanted {
		return time.Time{}, nil // the partner joined, or may not sign in any more
	}
	now := h.Clock.Now()
	taken, freeAt, err := h.Queue.TakeAddress(ctx, m, l.address, now, now.Add(l.pause))
	if err != nil {
		return time.Time{}, err
	}
	if !taken {
		holds, err := h.Portal.HoldsToken(ctx, m.SellerID, m.PartnerID, l.kind, now)
		if err != nil || holds {
			return time.Time{}, err
		}
		return freeAt, nil
	}
	token := h.Secrets.New()
	err = h.Work.Do(ctx, func(ctx context.Context, tx program.Tx) error {
		// With the partner locked, a change of its email, which revokes its tokens, either comes later and revokes this
		// token, or is seen below.
		p, err := program.FindPartner(ctx, tx.Partners().Lock, m.SellerID, application.PartnerHandle{ID: m.PartnerID}, application.ErrConcurrentChange)
		if err != nil {
			return err
		}
		if p.Snapshot().Email != to.Email || !l.open(p) {
			return application.ErrConcurrentChange // the mail is tried again with the new data
		}
		return tx.Tokens().Add(ctx, program.Token{
			Hash: program.TokenHash(token), Kind: l.kind,
			SellerID: m.SellerID, PartnerID: m.PartnerID, ExpiresAt: h.Clock.Now().Add(l.lasts),
		})
	})
	if err != nil {
		return time.Time{}, err
	}
	mail, err := h.Text.Write(program.Invitation{
		Name: to.Name, Surname: to.Surname, Program: to.SellerName,
		Link: h.Base() + l.path + token, Lasts: l.lasts, Joined: m.SignsIn(), SignedUp: to.SignedUp,
	})
	if err != nil {
		return time.Time{}, err
	}
	mail.ID, mail.To, mail.ToName = m.EventID, to.Email, contact.FullName(to.Name, to.Surname)
	return time.Time{}, h.Mailer.Send(ctx, mail)
}

// free lets the next mail go to the address of one that was given up.
func (h SendMailsHandler) free(ctx context.Context, m program.OutgoingMail) error {
	to, err := h.Portal.ContactOf(ctx, m.SellerID, m.PartnerID)
	if err == nil {
		now := h.Clock.Now()
		l, _ := letterOf(m, to)
		_, _, err = h.Queue.TakeAddress(ctx, m, l.address, now, now)
	}
	if errors.Is(err, partner.ErrNotFound) {
		return nil
	}
	return err
}

// mailPause lies between two invitations of a seller to one address, signInMailPause between two sign-in links.
const (
	mailPause       = time.Hour
	signInMailPause = 10 * time.Minute
)

// invitationLife is how long an invitation can be accepted, signInMailLife how long a mailed sign-in link works.
const (
	invitationLife = 7 * 24 * time.Hour
	signInMailLife = 24 * time.Hour
)
