// Package program stores the partner program: partners with their referral links, customers, lead forms and the leads they
// brought, gapless numbers, tokens, mails, clicks, and the read model of what came by partners.
//
// Stability: unsupported; it may change at any time.
package program

import (
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

// Repositories are the repositories of this room in one transaction.
type Repositories struct{ t *engine.Tx }

// NewRepositories binds the repositories to a transaction.
func NewRepositories(t *engine.Tx) Repositories { return Repositories{t} }

// Partners returns the repository of partners and their referral keys.
func (r Repositories) Partners() application.PartnerRepository { return partners(r) }

// Customers returns the repository of customers.
func (r Repositories) Customers() application.CustomerRepository { return customers(r) }

// Forms returns the repository of lead forms.
func (r Repositories) Forms() program.FormRepository { return forms(r) }

// FormLeads returns the repository of the leads that partners register by the form.
func (r Repositories) FormLeads() program.FormLeadRepository { return formLeads(r) }

// Numbers returns the repository of gapless numbers.
func (r Repositories) Numbers() program.NumberRepository { return numbers(r) }

// Tokens returns the repository of what partners hold to sign in.
func (r Repositories) Tokens() program.TokenRepository { return tokens(r) }

// MailErasures returns the repository of mails that are taken back.
func (r Repositories) MailErasures() application.MailErasureRepository { return mailErasures(r) }

// Expiring are the tables of this room whose rows are over at some time.
func Expiring() []engine.Expiring {
	return []engine.Expiring{
		{Table: "partner_tokens", Key: []string{"token_hash"}, Time: "expires_at"},
		{Table: "mailed_addresses", Key: []string{"seller_id", "address"}, Time: "expires_at"},
	}
}
