package account

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/outbox"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

type (
	people         struct{ t *engine.Tx }
	staff          struct{ t *engine.Tx }
	personSessions struct{ t *engine.Tx }
	personLinks    struct{ t *engine.Tx }
	personMails    struct{ t *engine.Tx }
)

const personColumns = "id, email, email_key, name, status, password_hash, subject, totp_secret, totp_pending, totp_step, recovery_codes, created_at, updated_at, proven_at"

type personRow struct {
	ID            string  `db:"id"`
	Email         string  `db:"email"`
	EmailKey      string  `db:"email_key"`
	Name          string  `db:"name"`
	Status        string  `db:"status"`
	PasswordHash  string  `db:"password_hash"`
	Subject       *string `db:"subject"`
	TOTPSecret    []byte  `db:"totp_secret"`
	TOTPPending   []byte  `db:"totp_pending"`
	TOTPStep      int64   `db:"totp_step"`
	RecoveryCodes []byte  `db:"recovery_codes"`
	CreatedAt     int64   `db:"created_at"`
	UpdatedAt     int64   `db:"updated_at"`
	ProvenAt      int64   `db:"proven_at"`
}

func (r personRow) snapshot() operator.Snapshot {
	s := operator.Snapshot{
		ID: r.ID, Email: r.Email, EmailKey: r.EmailKey, Name: r.Name, Status: operator.Status(r.Status), PasswordHash: r.PasswordHash,
		SecondFactor: operator.SecondFactor{Secret: given(r.TOTPSecret), Pending: given(r.TOTPPending), LastStep: r.TOTPStep},
		CreatedAt:    engine.Time(r.CreatedAt), UpdatedAt: engine.Time(r.UpdatedAt), ProvenAt: engine.Time(r.ProvenAt),
	}
	if r.Subject != nil {
		s.Subject = *r.Subject
	}
	for codes := r.RecoveryCodes; len(codes) >= sha256.Size; codes = codes[sha256.Size:] {
		s.SecondFactor.Recovery = append(s.SecondFactor.Recovery, [sha256.Size]byte(codes))
	}
	return s
}

// given returns nil for an empty blob.
func given(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// values are those of personColumns.
func personValues(s operator.Snapshot) []any {
	var subject *string
	if s.Subject != "" {
		subject = &s.Subject
	}
	codes := make([]byte, 0, len(s.SecondFactor.Recovery)*sha256.Size)
	for _, c := range s.SecondFactor.Recovery {
		codes = append(codes, c[:]...)
	}
	return []any{
		s.ID, s.Email, s.EmailKey, s.Name, string(s.Status), s.PasswordHash, subject, engine.Blob(s.SecondFactor.Secret), engine.Blob(s.SecondFactor.Pending),
		s.SecondFactor.LastStep, codes, engine.Micros(s.CreatedAt), engine.Micros(s.UpdatedAt), engine.Micros(s.ProvenAt),
	}
}

// Add implements account.PersonRepository.
func (r people) Add(ctx context.Context, p *operator.Person) error {
	taken, err := r.t.Insert(ctx, "people", "INSERT INTO people ("+personColumns+") VALUES ("+engine.Marks(14)+")", personValues(p.Snapshot())...)
	switch {
	case err != nil:
		return err
	case taken == "people_email":
		return r.t.LostRace()
	case taken != "":
		return r.t.Unexpected("people", taken)
	}
	return nil
}

// Lock implements account.PersonRepository.
func (r people) Lock(ctx context.Context, id string) (*operator.Person, error) {
	if !engine.IsID(id) {
		return nil, operator.ErrNotFound
	}
	return r.lock(ctx, "id", id)
}

// LockByEmail implements account.PersonRepository.
func (r people) LockByEmail(ctx context.Context, emailKey string) (*operator.Person, error) {
	return r.lock(ctx, "email_key", emailKey)
}

func (r people) lock(ctx context.Context, column, value string) (*operator.Person, error) {
	var row personRow
	found, err := r.t.Get(ctx, &row, "SELECT "+personColumns+" FROM people WHERE "+column+" = ?"+r.t.ForUpdate(), value)
	if err == nil && !found {
		err = operator.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return operator.FromSnapshot(row.snapshot()), nil
}

// Save implements account.PersonRepository.
func (r people) Save(ctx context.Context, p *operator.Person) error {
	v := personValues(p.Snapshot())
	taken, matched, err := r.t.Update(ctx, "people", "UPDATE people SET email = ?, email_key = ?, name = ?, status = ?, password_hash = ?, subject = ?, totp_secret = ?, totp_pending = ?, "+
		"totp_step = ?, recovery_codes = ?, created_at = ?, updated_at = ?, proven_at = ? WHERE id = ?", append(v[1:], v[0])...)
	switch {
	case err != nil:
		return err
	case taken == "people_subject":
		return operator.ErrSubject
	case taken != "":
		return r.t.Unexpected("people", taken)
	case matched != 1:
		return operator.ErrNotFound
	}
	return nil
}

// Remove implements account.PersonRepository.
func (r people) Remove(ctx context.Context, id string) error {
	for _, statement := range []string{
		r.t.DeleteByKey("person_sessions", "person_sessions_person") + " WHERE person_id = ?",
		r.t.DeleteByKey("person_links", "person_links_person") + " WHERE person_id = ?",
		"DELETE FROM people WHERE id = ?",
	} {
		if _, err := r.t.Exec(ctx, statement, id); err != nil {
			return err
		}
	}
	return nil
}

const memberColumns = "seller_id, person_id, role, buyer_id, invited_at, accepted_at"

type memberRow struct {
	SellerID   string `db:"seller_id"`
	PersonID   string `db:"person_id"`
	Role       string `db:"role"`
	BuyerID    string `db:"buyer_id"`
	InvitedAt  int64  `db:"invited_at"`
	AcceptedAt int64  `db:"accepted_at"`
}

func (r memberRow) member() operator.Member {
	return operator.Member{PersonID: r.PersonID, Role: operator.Role(r.Role), BuyerID: r.BuyerID, InvitedAt: engine.Time(r.InvitedAt), AcceptedAt: engine.Time(r.AcceptedAt)}
}

// Lock implements account.StaffRepository. The seller's row stands for all its people, so that nothing is changed about them at once.
func (r staff) Lock(ctx context.Context, sellerID string) (*operator.Staff, error) {
	if !engine.IsID(sellerID) {
		return nil, seller.ErrNotFound
	}
	var id string
	found, err := r.t.Get(ctx, &id, "SELECT id FROM sellers WHERE id = ?"+r.t.ForUpdate(), sellerID)
	if err == nil && (!found || id != sellerID) {
		err = seller.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	var rows []memberRow
	if err := r.t.All(ctx, &rows, "SELECT "+memberColumns+" FROM memberships WHERE seller_id = ? ORDER BY person_id", sellerID); err != nil {
		return nil, err
	}
	members := make([]operator.Member, len(rows))
	for i, row := range rows {
		members[i] = row.member()
	}
	return operator.StaffOf(sellerID, members), nil
}

// Save implements account.StaffRepository.
func (r staff) Save(ctx context.Context, s *operator.Staff) error {
	r.t.NoteSeller(s.SellerID())
	stored := map[string]operator.Member{}
	for _, m := range s.Stored() {
		stored[m.PersonID] = m
	}
	for _, m := range s.Members() {
		before, there := stored[m.PersonID]
		delete(stored, m.PersonID)
		var err error
		switch {
		case !there:
			_, err = r.t.Exec(ctx, "INSERT INTO memberships ("+memberColumns+") VALUES ("+engine.Marks(6)+")", s.SellerID(), m.PersonID, string(m.Role), m.BuyerID,
				engine.Micros(m.InvitedAt), engine.Micros(m.AcceptedAt))
		case before != m:
			_, err = r.t.Exec(ctx, "UPDATE memberships SET role = ?, buyer_id = ?, invited_at = ?, accepted_at = ? WHERE seller_id = ? AND person_id = ?", string(m.Role), m.BuyerID,
				engine.Micros(m.InvitedAt), engine.Micros(m.AcceptedAt), s.SellerID(), m.PersonID)
		}
		if err != nil {
			return err
		}
		if !there || before != m {
			r.t.Note(m.PersonID)
		}
	}
	for _, m := range s.Stored() {
		if _, gone := stored[m.PersonID]; !gone {
			continue
		}
		r.t.Note(m.PersonID)
		if _, err := r.t.Exec(ctx, "DELETE FROM memberships WHERE seller_id = ? AND person_id = ?", s.SellerID(), m.PersonID); err != nil {
			return err
		}
	}
	return nil
}

// SellersOf implements account.StaffRepository.
func (r staff) SellersOf(ctx context.Context, personID string) ([]account.Membership, error) {
	var rows []memberRow
	if err := r.t.All(ctx, &rows, "SELECT "+memberColumns+" FROM memberships"+r.t.UseKey("memberships_person")+" WHERE person_id = ? ORDER BY seller_id", personID); err != nil {
		return nil, err
	}
	out := make([]account.Membership, len(rows))
	for i, row := range rows {
		out[i] = account.Membership{Member: row.member(), SellerID: row.SellerID}
	}
	return out, nil
}

// FindBuyer implements account.StaffRepository.
func (r staff) FindBuyer(ctx context.Context, sellerID, buyerID string) error {
	if !engine.IsID(buyerID) {
		return buyer.ErrNotFound
	}
	var id string
	found, err := r.t.Get(ctx, &id, "SELECT id FROM buyers WHERE seller_id = ? AND id = ?", sellerID, buyerID)
	if err == nil && (!found || id != buyerID) {
		err = buyer.ErrNotFound
	}
	return err
}

const sessionColumns = "token_hash, id, person_id, seller_id, half, address, agent, created_at, seen_at, expires_at"

type sessionRow struct {
	Hash      []byte `db:"token_hash"`
	ID        string `db:"id"`
	PersonID  string `db:"person_id"`
	SellerID  string `db:"seller_id"`
	Half      bool   `db:"half"`
	Address   string `db:"address"`
	Agent     string `db:"agent"`
	CreatedAt int64  `db:"created_at"`
	SeenAt    int64  `db:"seen_at"`
	ExpiresAt int64  `db:"expires_at"`
}

func (r sessionRow) session() operator.Session {
	s := operator.Session{
		ID: r.ID, PersonID: r.PersonID, SellerID: r.SellerID, Half: r.Half, Address: r.Address, Agent: r.Agent,
		CreatedAt: engine.Time(r.CreatedAt), SeenAt: engine.Time(r.SeenAt), ExpiresAt: engine.Time(r.ExpiresAt),
	}
	copy(s.Hash[:], r.Hash)
	return s
}

// Add implements account.PersonSessionRepository.
func (r personSessions) Add(ctx context.Context, s operator.Session) error {
	_, err := r.t.Exec(ctx, "INSERT INTO person_sessions ("+sessionColumns+") VALUES ("+engine.Marks(10)+")", s.Hash[:], s.ID, s.PersonID, s.SellerID, engine.Flag(s.Half),
		s.Address, s.Agent, engine.Micros(s.CreatedAt), engine.Micros(s.SeenAt), engine.Micros(s.ExpiresAt))
	return err
}

// Get implements account.PersonSessionRepository.
func (r personSessions) Get(ctx context.Context, hash [sha256.Size]byte) (operator.Session, bool, error) {
	var row sessionRow
	found, err := r.t.Get(ctx, &row, "SELECT "+sessionColumns+" FROM person_sessions WHERE token_hash = ?", hash[:])
	return row.session(), found, err
}

// Use implements account.PersonSessionRepository. Of two uses at once the later one stays.
func (r personSessions) Use(ctx context.Context, s operator.Session) (ended bool, err error) {
	matched, err := r.t.Exec(ctx, "UPDATE person_sessions SET seen_at = CASE WHEN seen_at < ? THEN ? ELSE seen_at END, "+
		"expires_at = CASE WHEN expires_at < ? THEN ? ELSE expires_at END WHERE token_hash = ?",
		engine.Micros(s.SeenAt), engine.Micros(s.SeenAt), engine.Micros(s.ExpiresAt), engine.Micros(s.ExpiresAt), s.Hash[:])
	return matched == 0, err
}

// Open implements account.PersonSessionRepository.
func (r personSessions) Open(ctx context.Context, hash [sha256.Size]byte, sellerID string) (ended bool, err error) {
	matched, err := r.t.Exec(ctx, "UPDATE person_sessions SET seller_id = ? WHERE token_hash = ?", sellerID, hash[:])
	return matched == 0, err
}

// End implements account.PersonSessionRepository.
func (r personSessions) End(ctx context.Context, hash [sha256.Size]byte) (bool, error) {
	matched, err := r.t.Exec(ctx, "DELETE FROM person_sessions WHERE token_hash = ?", hash[:])
	return matched > 0, err
}

// EndByID implements account.PersonSessionRepository.
func (r personSessions) EndByID(ctx context.Context, personID, id string) (bool, error) {
	if !engine.IsID(id) {
		return false, nil
	}
	matched, err := r.t.Exec(ctx, r.t.DeleteByKey("person_sessions", "person_sessions_person")+" WHERE person_id = ? AND id = ?", personID, id)
	return matched > 0, err
}

// EndOf implements account.PersonSessionRepository.
func (r personSessions) EndOf(ctx context.Context, personID, except string) error {
	_, err := r.t.Exec(ctx, r.t.DeleteByKey("person_sessions", "person_sessions_person")+" WHERE person_id = ? AND id <> ?", personID, except)
	return err
}

const linkColumns = "token_hash, kind, person_id, seller_id, expires_at, mailed"

type linkRow struct {
	Hash      []byte `db:"token_hash"`
	Kind      string `db:"kind"`
	PersonID  string `db:"person_id"`
	SellerID  string `db:"seller_id"`
	ExpiresAt int64  `db:"expires_at"`
	Mailed    bool   `db:"mailed"`
}

func (r linkRow) link() operator.Link {
	l := operator.Link{Kind: operator.LinkKind(r.Kind), PersonID: r.PersonID, SellerID: r.SellerID, ExpiresAt: engine.Time(r.ExpiresAt), Mailed: r.Mailed}
	copy(l.Hash[:], r.Hash)
	return l
}

// Add implements account.PersonLinkRepository.
func (r personLinks) Add(ctx context.Context, l operator.Link) error {
	_, err := r.t.Exec(ctx, "INSERT INTO person_links ("+linkColumns+") VALUES ("+engine.Marks(6)+")", l.Hash[:], string(l.Kind), l.PersonID, l.SellerID, engine.Micros(l.ExpiresAt),
		engine.Flag(l.Mailed))
	return err
}

// Consume implements account.PersonLinkRepository. Of several at once the DELETE of one finds the row.
func (r personLinks) Consume(ctx context.Context, hash [sha256.Size]byte, kind operator.LinkKind, now time.Time) (operator.Link, error) {
	var row linkRow
	found, err := r.t.Get(ctx, &row, "SELECT "+linkColumns+" FROM person_links WHERE token_hash = ?", hash[:])
	if err != nil {
		return operator.Link{}, err
	}
	if !found || !row.link().Works(kind, now) {
		return operator.Link{}, operator.ErrLink
	}
	matched, err := r.t.Exec(ctx, "DELETE FROM person_links WHERE token_hash = ?", hash[:])
	if err == nil && matched != 1 {
		err = operator.ErrLink
	}
	return row.link(), err
}

// RevokeInvitations implements account.PersonLinkRepository.
func (r personLinks) RevokeInvitations(ctx context.Context, personID, sellerID string) error {
	_, err := r.t.Exec(ctx, r.t.DeleteByKey("person_links", "person_links_person")+" WHERE person_id = ? AND seller_id = ? AND kind = ?", personID, sellerID, string(operator.InvitationLink))
	return err
}

// RevokeOf implements account.PersonLinkRepository.
func (r personLinks) RevokeOf(ctx context.Context, personID string, kinds ...operator.LinkKind) error {
	args := []any{personID}
	for _, k := range kinds {
		args = append(args, string(k))
	}
	_, err := r.t.Exec(ctx, r.t.DeleteByKey("person_links", "person_links_person")+" WHERE person_id = ? AND kind IN ("+engine.Marks(len(kinds))+")", args...)
	return err
}

// Add implements account.PersonMailRepository.
func (r personMails) Add(ctx context.Context, m account.PersonMail, due time.Time) error {
	taken, err := r.t.Insert(ctx, "person_mails", "INSERT INTO person_mails (seller_id, event_id, person_id, attempts, next_at) VALUES (?,?,?,?,?)",
		m.SellerID, m.ID, m.PersonID, int64(m.Attempts), engine.Micros(due))
	if err == nil && taken != "" {
		return r.t.Refuse(fmt.Errorf("the mail %s is queued already", m.ID))
	}
	return err
}

// PersonMails queues mails to people.
type PersonMails struct{ queue outbox.Queue }

var _ account.PersonMailQueue = PersonMails{}

// NewPersonMails returns the table person_mails.
func NewPersonMails(work *engine.Work) PersonMails {
	return PersonMails{outbox.Queue{Work: work, Table: "person_mails", To: "person_id"}}
}

func personMailRow(m account.PersonMail) outbox.Mail {
	return outbox.Mail{EventID: m.ID, SellerID: m.SellerID, To: m.PersonID, Attempts: m.Attempts}
}

// TakePersonMails implements account.PersonMailQueue.
func (q PersonMails) TakePersonMails(ctx context.Context, now, until time.Time, limit int) (taken []account.PersonMail, err error) {
	rows, err := q.queue.Take(ctx, now, until, limit)
	for _, m := range rows {
		taken = append(taken, account.PersonMail{ID: m.EventID, SellerID: m.SellerID, PersonID: m.To, Attempts: m.Attempts})
	}
	return taken, err
}

// PostponePersonMail implements account.PersonMailQueue.
func (q PersonMails) PostponePersonMail(ctx context.Context, m account.PersonMail, due time.Time) error {
	return q.queue.Postpone(ctx, personMailRow(m), due)
}

// RemovePersonMail implements account.PersonMailQueue.
func (q PersonMails) RemovePersonMail(ctx context.Context, m account.PersonMail) error {
	return q.queue.Remove(ctx, personMailRow(m))
}
