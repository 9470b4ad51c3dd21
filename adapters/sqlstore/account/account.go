// Package account stores the installation and its sellers: sellers with their settings, API keys, the answers under
// Idempotency-Keys, and values of the whole installation.
//
// Stability: unsupported; it may change at any time.
package account

import (
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
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

// Expiring are the tables of this room whose rows are over at some time.
func Expiring() []engine.Expiring {
	return []engine.Expiring{{Table: "answers", Key: []string{"seller_id", "key_id", "key_hash"}, Time: "expires_at"}}
}
