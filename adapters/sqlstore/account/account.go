// Package account stores the installation and its sellers: sellers with their settings, API keys, the answers under
// Idempotency-Keys, and values of the whole installation.
//
// Stability: unsupported; it may change at any time.
package account

import (
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
)

// Repositories are the repositories of this room in one transaction.
type Repositories struct{ t *engine.Tx }

// NewRepositories binds the repositories to a transaction.
func NewRepositories(t *engine.Tx) Repositories { return Repositories{t} }

// Sellers returns the repository of sellers.
func (r Repositories) Sellers() application.SellerRepository { return sellers(r) }

// Keys returns the repository of API keys.
func (r Repositories) Keys() application.KeyRepository { return keys(r) }

// Idempotency returns the repository of the answers under Idempotency-Keys.
func (r Repositories) Idempotency() application.IdempotencyRepository { return answers(r) }

// AnswerErasures returns the same repository for what is erased.
func (r Repositories) AnswerErasures() application.AnswerErasureRepository { return answers(r) }

// People returns the repository of people who sign in to the pages.
func (r Repositories) People() account.PersonRepository { return people(r) }

// Staff returns the repository of which people a seller has.
func (r Repositories) Staff() account.StaffRepository { return staff(r) }

// PersonSessions returns the repository of people's sessions.
func (r Repositories) PersonSessions() account.PersonSessionRepository { return personSessions(r) }

// PersonLinks returns the repository of links that people were sent.
func (r Repositories) PersonLinks() account.PersonLinkRepository { return personLinks(r) }

// Logos returns the repository of sellers' pictures.
func (r Repositories) Logos() account.LogoRepository { return logos(r) }

// PersonMails returns the repository of mails to people.
func (r Repositories) PersonMails() account.PersonMailRepository { return personMails(r) }

// Trail returns the audit trail.
func (r Repositories) Trail() application.AuditWriter { return trail(r) }

// auditLives is how long the audit trail is kept.
const auditLives = 2 * 365 * 24 * time.Hour

// Expiring are the tables of this room whose rows are over at some time.
func Expiring() []engine.Expiring {
	return []engine.Expiring{
		{Table: "answers", Key: []string{"seller_id", "key_id", "key_hash"}, Time: "expires_at"},
		{Table: "person_sessions", Key: []string{"token_hash"}, Time: "expires_at"},
		{Table: "person_links", Key: []string{"token_hash"}, Time: "expires_at"},
		{Table: "audit_trail", Key: []string{"seller_id", "id"}, Text: true, Time: "at", Lives: auditLives},
		{Table: "audit_objects", Key: []string{"seller_id", "object_id", "entry_id"}, Text: true, Time: "at", Lives: auditLives},
	}
}
