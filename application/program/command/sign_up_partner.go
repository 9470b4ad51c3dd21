package command

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// SignUpPartner signs somebody up for the program of a seller that is open for it. Whoever it is, the answer is the same; the mail tells: a new partner gets an
// invitation, one that did not accept its own yet another, and one that takes part already a sign-in link.
type SignUpPartner struct {
	SellerCode           string
	Name, Email, Company string
	TermsAccepted        bool
}

// Needs implements application.Message.
func (SignUpPartner) Needs() application.Scope { return application.Visitor }

const maxCompany = 200

func (c SignUpPartner) registration(open programquery.SignUpView) (partner.Registration, error) {
	r := partner.Registration{Email: strings.TrimSpace(c.Email), Name: strings.TrimSpace(c.Name), TermsAccepted: c.TermsAccepted}
	var v fault.Violations
	if company := strings.TrimSpace(c.Company); company != "" {
		r.CustomFields = []partner.CustomField{{Name: "Company", Value: company}}
		if len([]rune(company)) > maxCompany {
			v.Add("company", fault.InvalidValue, "must have at most 200 characters")
		}
	}
	if (open.Terms != "" || open.TermsURL != "") && !c.TermsAccepted {
		v.Add("terms", fault.Required, "must be accepted")
	}
	return r, fault.Together("", r.CheckInvitation(), v.Err())
}

// SignUpPartnerHandler handles SignUpPartner.
type SignUpPartnerHandler struct {
	program.Deps
	Secrets application.Secrets
	Limiter application.RateLimiter
	Queue   program.MailQueue
	// Page answers programquery.SignUpPage.
	Page func(context.Context, programquery.SignUpPage) (programquery.SignUpView, error)
}

// signUpsOfSeller is how many may sign up for a program: each is a row and a mail.
var signUpsOfSeller = application.RateLimit{Requests: 500, Window: time.Hour}

// ErrTooManySignUps says that more signed up for a program lately than it takes.
var ErrTooManySignUps = fault.New(fault.TooMany, "too_many_tries", "Too many have signed up lately. Please try again later.")

// Handle implements bus.Handler. Errors: programquery.ErrNoSuchPage, also when the program is not open for it; ErrTooManySignUps; fault.ErrValidation of name,
// email, company and terms.
func (h SignUpPartnerHandler) Handle(ctx context.Context, c SignUpPartner) (struct{}, error) {
	open, err := h.Page(ctx, programquery.SignUpPage{SellerCode: c.SellerCode})
	if err == nil && !open.Open {
		err = programquery.ErrNoSuchPage
	}
	if err != nil {
		return struct{}{}, err
	}
	r, err := c.registration(open)
	if err != nil {
		return struct{}{}, err
	}
	if !h.Limiter.Take("partner-sign-up-of:"+open.SellerID, signUpsOfSeller).Allowed {
		return struct{}{}, ErrTooManySignUps
	}
	handles(&r, h.IDs, h.Secrets)
	now, mail := h.Clock.Now(), h.IDs.New("mail")
	var joined string // the id of a partner that takes part already
	err = h.Work.Do(ctx, func(ctx context.Context, tx program.Tx) error {
		var err error
		joined, err = h.signUp(ctx, tx, open.SellerID, r, now)
		return err
	})
	if err == nil && joined != "" {
		err = h.Queue.AddMail(ctx, program.OutgoingMail{EventID: program.SignInMail(mail), SellerID: open.SellerID, PartnerID: joined}, now)
	}
	return struct{}{}, err
}

// signUp stores a new partner, or invites one again that did not accept its invitation yet. It returns the id of one that takes part already.
func (h SignUpPartnerHandler) signUp(ctx context.Context, tx program.Tx, sellerID string, r partner.Registration, now time.Time) (joined string, err error) {
	known := func() (string, error) {
		p, err := tx.Partners().Lock(ctx, sellerID, application.PartnerHandle{Email: r.Email})
		if err != nil {
			return "", err
		}
		if p.Status() == partner.StatusActive {
			return p.ID(), nil
		}
		if refused := p.InviteAgain(now); refused != nil {
			return "", nil //nolint:nilerr // it waits for approval, or was rejected or archived: the answer is the same
		}
		return "", tx.Partners().Save(ctx, p)
	}
	if joined, err := known(); !errors.Is(err, partner.ErrNotFound) {
		return joined, err
	}
	p, err := partner.SignUp(sellerID, r, now)
	if err != nil {
		return "", err
	}
	err = tx.Partners().Add(ctx, p)
	if refused := fault.As(err); refused != nil && slices.Contains(refused.Fields(), "email") {
		return known() // another request signed the same email up since the first look
	}
	return "", err
}
