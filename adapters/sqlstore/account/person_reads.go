package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/sellerrow"
	"github.com/leadmill/leadmill/application/account"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

var _ account.PersonReader = (*Reader)(nil)

// SessionByHash implements account.PersonReader.
func (r *Reader) SessionByHash(ctx context.Context, hash [sha256.Size]byte) (account.SignedSession, error) {
	var row sessionRow
	if err := r.db.One(ctx, operator.ErrNotFound, &row, "SELECT "+sessionColumns+" FROM person_sessions WHERE token_hash = ?", hash[:]); err != nil {
		return account.SignedSession{}, err
	}
	person, err := r.PersonByID(ctx, row.PersonID)
	if err != nil {
		return account.SignedSession{}, err
	}
	sellers, err := r.sellersOf(ctx, row.PersonID)
	return account.SignedSession{Session: row.session(), Person: person, Sellers: sellers}, err
}

// sellersOf returns the sellers whose invitation a person accepted, by name. Who is of a buyer that is not there opens nothing.
func (r *Reader) sellersOf(ctx context.Context, personID string) ([]account.SellerOfPerson, error) {
	var rows []struct {
		sellerrow.Row

		Role    string `db:"role"`
		BuyerID string `db:"buyer_id"`
	}
	columns := "s." + strings.ReplaceAll(sellerrow.Columns, ", ", ", s.")
	if err := r.db.All(ctx, &rows, "SELECT "+columns+", m.role, m.buyer_id FROM memberships m"+r.db.UseKey("memberships_person")+" JOIN sellers s ON s.id = m.seller_id WHERE m.person_id = ? AND m.accepted_at > 0 "+
		"AND (m.buyer_id = '' OR EXISTS (SELECT 1 FROM buyers b WHERE b.seller_id = m.seller_id AND b.id = m.buyer_id))",
		personID); err != nil {
		return nil, err
	}
	out := make([]account.SellerOfPerson, len(rows))
	for i, row := range rows {
		of, err := row.Snapshot()
		if err != nil {
			return nil, err
		}
		out[i] = account.SellerOfPerson{Seller: of, Role: operator.Role(row.Role), BuyerID: row.BuyerID}
	}
	slices.SortFunc(out, func(a, b account.SellerOfPerson) int {
		return strings.Compare(a.Seller.Name+"\x00"+a.Seller.Code, b.Seller.Name+"\x00"+b.Seller.Code)
	})
	return out, nil
}

// PersonByEmail implements account.PersonReader.
func (r *Reader) PersonByEmail(ctx context.Context, emailKey string) (operator.Snapshot, error) {
	return r.person(ctx, "email_key", emailKey)
}

// PersonBySubject implements account.PersonReader. Servers compare texts without the spaces at their ends.
func (r *Reader) PersonBySubject(ctx context.Context, subject string) (operator.Snapshot, error) {
	found, err := r.person(ctx, "subject", subject)
	if err == nil && found.Subject != subject {
		return operator.Snapshot{}, operator.ErrNotFound
	}
	return found, err
}

// PersonByID implements account.PersonReader.
func (r *Reader) PersonByID(ctx context.Context, id string) (operator.Snapshot, error) {
	if !engine.IsID(id) {
		return operator.Snapshot{}, operator.ErrNotFound
	}
	return r.person(ctx, "id", id)
}

func (r *Reader) person(ctx context.Context, column, value string) (operator.Snapshot, error) {
	var row personRow
	err := r.db.One(ctx, operator.ErrNotFound, &row, "SELECT "+personColumns+" FROM people WHERE "+column+" = ?", value)
	return row.snapshot(), err
}

// LinkByHash implements account.PersonReader.
func (r *Reader) LinkByHash(ctx context.Context, hash [sha256.Size]byte) (operator.Link, error) {
	var row linkRow
	err := r.db.One(ctx, operator.ErrLink, &row, "SELECT "+linkColumns+" FROM person_links WHERE token_hash = ?", hash[:])
	return row.link(), err
}

// MemberOf implements account.PersonReader.
func (r *Reader) MemberOf(ctx context.Context, sellerID, personID string) (operator.Member, seller.Snapshot, error) {
	if !engine.IsID(personID) {
		return operator.Member{}, seller.Snapshot{}, operator.ErrNotFound
	}
	var row memberRow
	if err := r.db.One(ctx, operator.ErrNotFound, &row, "SELECT "+memberColumns+" FROM memberships WHERE seller_id = ? AND person_id = ?", sellerID, personID); err != nil {
		return operator.Member{}, seller.Snapshot{}, err
	}
	of, found, err := sellerrow.ByID(ctx, r.db, sellerID, "")
	if err == nil && !found {
		err = operator.ErrNotFound
	}
	if err != nil {
		return operator.Member{}, seller.Snapshot{}, err
	}
	n, err := of.Snapshot()
	return row.member(), n, err
}

// PeopleOfSeller answers accountquery.PeopleOfSeller. They are few, so all are in one answer.
func (r *Reader) PeopleOfSeller(ctx context.Context, q accountquery.PeopleOfSeller) ([]accountquery.PersonOfSeller, error) {
	return r.peopleOf(ctx, q.SellerID, "")
}

// PeopleOfBuyer answers accountquery.PeopleOfBuyer.
func (r *Reader) PeopleOfBuyer(ctx context.Context, q accountquery.PeopleOfBuyer) ([]accountquery.PersonOfSeller, error) {
	if !engine.IsID(q.Buyer) {
		return nil, nil
	}
	return r.peopleOf(ctx, q.SellerID, q.Buyer)
}

// peopleOf returns the people of a seller's buyer, or without one the seller's own.
func (r *Reader) peopleOf(ctx context.Context, sellerID, buyerID string) ([]accountquery.PersonOfSeller, error) {
	var rows []struct {
		memberRow

		Email      string `db:"email"`
		Name       string `db:"name"`
		TOTPSecret []byte `db:"totp_secret"`
		SeenAt     *int64 `db:"seen_at"`
	}
	if err := r.db.All(ctx, &rows, `SELECT m.seller_id, m.person_id, m.role, m.buyer_id, m.invited_at, m.accepted_at, p.email, p.name, p.totp_secret,
		(SELECT MAX(s.seen_at) FROM person_sessions s WHERE s.person_id = m.person_id AND s.seller_id = m.seller_id AND s.half = 0) AS seen_at
		FROM memberships m JOIN people p ON p.id = m.person_id WHERE m.seller_id = ? AND m.buyer_id = ? ORDER BY m.person_id`, sellerID, buyerID); err != nil {
		return nil, err
	}
	out := make([]accountquery.PersonOfSeller, len(rows))
	for i, row := range rows {
		m := row.member()
		out[i] = accountquery.PersonOfSeller{
			ID: row.PersonID, Email: row.Email, Role: string(m.Role), Invited: !m.Accepted(), InvitedAt: m.InvitedAt, AcceptedAt: m.AcceptedAt,
		}
		if m.Accepted() { // of who works for others too, nothing is told before
			out[i].Name, out[i].SecondFactor = row.Name, len(row.TOTPSecret) > 0
		}
		if row.SeenAt != nil {
			out[i].LastSeenAt = engine.Time(*row.SeenAt)
		}
	}
	return out, nil
}

// SessionsOfPerson answers accountquery.SessionsOfPerson, the one that was used last first.
func (r *Reader) SessionsOfPerson(ctx context.Context, q accountquery.SessionsOfPerson) ([]accountquery.SessionOfPerson, error) {
	var rows []struct {
		sessionRow

		Code *string `db:"code"`
	}
	columns := "p." + strings.ReplaceAll(sessionColumns, ", ", ", p.")
	if err := r.db.All(ctx, &rows, "SELECT "+columns+", s.code FROM person_sessions p"+r.db.UseKey("person_sessions_person")+" LEFT JOIN sellers s ON s.id = p.seller_id "+
		"WHERE p.person_id = ? AND p.half = 0 AND p.expires_at > ? ORDER BY p.seen_at DESC, p.id LIMIT 100", q.PersonID, engine.Micros(r.clock.Now())); err != nil {
		return nil, err
	}
	out := make([]accountquery.SessionOfPerson, len(rows))
	for i, row := range rows {
		s := row.session()
		out[i] = accountquery.SessionOfPerson{ID: s.ID, Address: s.Address, Agent: s.Agent, CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, ExpiresAt: s.ExpiresAt}
		if row.Code != nil {
			out[i].Seller = *row.Code
		}
	}
	return out, nil
}

// PersonLink answers accountquery.PersonLink: operator.ErrLink.
func (r *Reader) PersonLink(ctx context.Context, q accountquery.PersonLink) (accountquery.PersonLinkView, error) {
	l, err := r.LinkByHash(ctx, account.PersonTokenHash(q.Token))
	if err == nil && !l.Works(operator.LinkKind(q.Kind), r.clock.Now()) {
		err = operator.ErrLink
	}
	if err != nil {
		return accountquery.PersonLinkView{}, err
	}
	p, err := r.PersonByID(ctx, l.PersonID)
	if err != nil {
		return accountquery.PersonLinkView{}, absentLink(err)
	}
	chooses := l.Kind == operator.ResetLink || l.Kind == operator.InvitationLink && l.ChoosesPassword(p)
	view := accountquery.PersonLinkView{
		PersonID: p.ID, Name: p.Name, Email: p.Email, NeedsPassword: chooses, NeedsSession: l.Kind == operator.InvitationLink && !chooses,
		Replaces: chooses && p.Status == operator.StatusActive && p.ProvenAt.IsZero(),
	}
	if l.SellerID != "" {
		_, of, err := r.MemberOf(ctx, l.SellerID, l.PersonID)
		if err != nil {
			return accountquery.PersonLinkView{}, absentLink(err)
		}
		view.SellerName = of.Name
	}
	return view, nil
}

// absentLink makes operator.ErrLink of a person that is not there any more.
func absentLink(err error) error {
	if errors.Is(err, operator.ErrNotFound) {
		return operator.ErrLink
	}
	return err
}

// SecurityOfPerson answers accountquery.SecurityOfPerson: operator.ErrNotFound.
func (r *Reader) SecurityOfPerson(ctx context.Context, q accountquery.SecurityOfPerson) (accountquery.Security, error) {
	p, err := r.PersonByID(ctx, q.PersonID)
	return accountquery.Security{
		HasPassword: p.PasswordHash != "", HasProvider: p.Subject != "", SecondFactor: len(p.SecondFactor.Secret) > 0, RecoveryCodes: len(p.SecondFactor.Recovery),
	}, err
}
