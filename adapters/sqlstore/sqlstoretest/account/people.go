package accounttest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

func person(i int) operator.Snapshot {
	n := sqlstoretest.Filled[operator.Snapshot](int64(i))
	n.ID, n.Email, n.EmailKey = fmt.Sprint("person_", i), fmt.Sprintf("P%d@example.com", i), fmt.Sprintf("p%d@example.com", i)
	n.Status, n.Subject = operator.StatusActive, fmt.Sprint("https://id.example ", i)
	return n
}

func testPeople(t *testing.T, h *sqlstoretest.Harness) {
	n := person(1)
	sqlstoretest.RequireFull(t, n)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.People().Add(ctx, operator.FromSnapshot(n)) })
	reader := accountstore.NewReader(h.DB, &hands{now})
	load := func() {
		t.Helper()
		h.Do(t, func(ctx ctx, tx tx) error {
			for _, get := range []func() (*operator.Person, error){
				func() (*operator.Person, error) { return tx.People().Lock(ctx, n.ID) },
				func() (*operator.Person, error) { return tx.People().LockByEmail(ctx, n.EmailKey) },
			} {
				p, err := get()
				require.NoError(t, err)
				require.Equal(t, n, p.Snapshot())
			}
			return nil
		})
		for _, get := range []func() (operator.Snapshot, error){
			func() (operator.Snapshot, error) { return reader.PersonByID(t.Context(), n.ID) },
			func() (operator.Snapshot, error) { return reader.PersonByEmail(t.Context(), n.EmailKey) },
			func() (operator.Snapshot, error) {
				if n.Subject == "" {
					return n, nil
				}
				return reader.PersonBySubject(t.Context(), n.Subject)
			},
		} {
			got, err := get()
			require.NoError(t, err)
			require.Equal(t, n, got)
		}
	}
	load()
	n = person(50)
	n.ID = "person_1"
	h.Do(t, func(ctx ctx, tx tx) error { return tx.People().Save(ctx, operator.FromSnapshot(n)) })
	load()
	n.SecondFactor, n.Subject, n.PasswordHash, n.ProvenAt = operator.SecondFactor{}, "", "", time.Time{}
	h.Do(t, func(ctx ctx, tx tx) error { return tx.People().Save(ctx, operator.FromSnapshot(n)) })
	load()
	absent := operator.FromSnapshot(person(3))
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, id := range []string{"person_3", "PERSON_1", "person_1 ", ""} {
			_, err := tx.People().Lock(ctx, id)
			require.Equal(t, operator.ErrNotFound, err, id)
		}
		_, err := tx.People().LockByEmail(ctx, "P50@EXAMPLE.com")
		require.Equal(t, operator.ErrNotFound, err)
		require.Equal(t, operator.ErrNotFound, tx.People().Save(ctx, absent))
		// Several without a subject are no duplicates.
		other := person(4)
		other.Subject = ""
		return tx.People().Add(ctx, operator.FromSnapshot(other))
	})

	// What an identity provider calls somebody is one person's, letter by letter.
	n.Subject = "https://id.example Ann"
	h.Do(t, func(ctx ctx, tx tx) error { return tx.People().Save(ctx, operator.FromSnapshot(n)) })
	load()
	other := person(4)
	other.Subject = "https://id.example ann"
	h.Do(t, func(ctx ctx, tx tx) error { return tx.People().Save(ctx, operator.FromSnapshot(other)) })
	other.Subject = n.Subject
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.People().Save(ctx, operator.FromSnapshot(other)) })
	require.Equal(t, operator.ErrSubject, err)
	for _, subject := range []string{"", "https://id.example ANN", "https://id.example Ann "} {
		_, err := reader.PersonBySubject(t.Context(), subject)
		require.Equal(t, operator.ErrNotFound, err, subject)
	}
}

func testStaff(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "AAAA1111", "b")), tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_2", "BBBB2222", "a")),
			tx.People().Add(ctx, operator.FromSnapshot(person(1))), tx.People().Add(ctx, operator.FromSnapshot(person(2))))
	})
	change := func(sellerID string, do func(s *operator.Staff) error) {
		t.Helper()
		h.Do(t, func(ctx ctx, tx tx) error {
			s, err := tx.Staff().Lock(ctx, sellerID)
			require.NoError(t, err)
			require.NoError(t, do(s))
			return tx.Staff().Save(ctx, s)
		})
	}
	members := func(sellerID string) (found []operator.Member) {
		h.Do(t, func(ctx ctx, tx tx) error {
			s, err := tx.Staff().Lock(ctx, sellerID)
			require.NoError(t, err)
			found = s.Members()
			return nil
		})
		return found
	}
	change("seller_1", func(s *operator.Staff) error { return s.MakeOwner("person_1", now) })
	change("seller_1", func(s *operator.Staff) error { return s.Invite("person_2", operator.Viewer, now) })
	change("seller_2", func(s *operator.Staff) error { return s.MakeOwner("person_2", now) })
	later := now.Add(time.Hour)
	one := operator.Member{PersonID: "person_1", Role: operator.Owner, InvitedAt: now, AcceptedAt: now}
	require.Equal(t, []operator.Member{one, {PersonID: "person_2", Role: operator.Viewer, InvitedAt: now}}, members("seller_1"))
	change("seller_1", func(s *operator.Staff) error {
		return errors.Join(s.ChangeRole("person_2", operator.Operator), s.Accept("person_2", later))
	})
	two := operator.Member{PersonID: "person_2", Role: operator.Operator, InvitedAt: now, AcceptedAt: later}
	require.Equal(t, []operator.Member{one, two}, members("seller_1"))
	h.Do(t, func(ctx ctx, tx tx) error {
		of, err := tx.Staff().SellersOf(ctx, "person_2")
		require.NoError(t, err)
		require.Equal(t, []account.Membership{{Member: two, SellerID: "seller_1"}, {Member: operator.Member{PersonID: "person_2", Role: operator.Owner, InvitedAt: now, AcceptedAt: now}, SellerID: "seller_2"}}, of)
		for _, id := range []string{"seller_3", "SELLER_1", "seller_1 ", ""} {
			_, err := tx.Staff().Lock(ctx, id)
			require.Equal(t, seller.ErrNotFound, err, id)
		}
		return nil
	})
	reader := accountstore.NewReader(h.DB, &hands{now})
	m, of, err := reader.MemberOf(t.Context(), "seller_1", "person_2")
	require.NoError(t, err)
	require.Equal(t, two, m)
	require.Equal(t, "AAAA1111", of.Code)
	_, _, err = reader.MemberOf(t.Context(), "seller_2", "person_1")
	require.Equal(t, operator.ErrNotFound, err)

	// What lists tell.
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(
			tx.PersonSessions().Add(ctx, operator.Session{ID: "s1", Hash: sha256.Sum256([]byte("1")), PersonID: "person_2", SellerID: "seller_1", Agent: "Firefox"}.Begin(now)),
			tx.PersonSessions().Add(ctx, operator.Session{ID: "s2", Hash: sha256.Sum256([]byte("2")), PersonID: "person_2", SellerID: "seller_gone", Address: "10.0.0.1"}.Begin(later)),
			tx.PersonSessions().Add(ctx, operator.Session{ID: "s3", Hash: sha256.Sum256([]byte("3")), PersonID: "person_2", SellerID: "seller_1", Half: true}.Begin(later)),
			tx.PersonSessions().Add(ctx, operator.Session{ID: "s4", Hash: sha256.Sum256([]byte("4")), PersonID: "person_1", SellerID: "seller_1"}.Begin(now.Add(-13*time.Hour))))
	})
	people, err := reader.PeopleOfSeller(t.Context(), accountquery.PeopleOfSeller{Actor: application.Actor{SellerID: "seller_1"}})
	require.NoError(t, err)
	p1, p2 := person(1), person(2)
	require.Equal(t, []accountquery.PersonOfSeller{
		{ID: "person_1", Email: p1.Email, Name: p1.Name, Role: "owner", SecondFactor: true, InvitedAt: now, AcceptedAt: now, LastSeenAt: now.Add(-13 * time.Hour)},
		{ID: "person_2", Email: p2.Email, Name: p2.Name, Role: "operator", SecondFactor: true, InvitedAt: now, AcceptedAt: later, LastSeenAt: now},
	}, people)
	sessions, err := reader.SessionsOfPerson(t.Context(), accountquery.SessionsOfPerson{Actor: application.Actor{PersonID: "person_2"}})
	require.NoError(t, err)
	require.Equal(t, []accountquery.SessionOfPerson{
		{ID: "s2", Address: "10.0.0.1", CreatedAt: later, SeenAt: later, ExpiresAt: later.Add(12 * time.Hour)},
		{ID: "s1", Seller: "AAAA1111", Agent: "Firefox", CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(12 * time.Hour)},
	}, sessions)
	h.Exec(t, "UPDATE sellers SET name = '0' WHERE id = 'seller_2'")
	signed, err := reader.SessionByHash(t.Context(), sha256.Sum256([]byte("1")))
	require.NoError(t, err)
	require.Equal(t, p2, signed.Person)
	require.Equal(t, []string{"BBBB2222", "AAAA1111"}, []string{signed.Sellers[0].Seller.Code, signed.Sellers[1].Seller.Code}, "by name")
	require.Equal(t, operator.Operator, signed.Sellers[1].Role)

	change("seller_1", func(s *operator.Staff) error { return s.Remove("person_2") })
	require.Equal(t, []operator.Member{one}, members("seller_1"))

	// Who is of a buyer is not one of the seller's own, and opens nothing when the buyer is not there.
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, id := range []string{"buyer_1", "BUYER_1", ""} {
			require.Equal(t, buyer.ErrNotFound, tx.Staff().FindBuyer(ctx, "seller_1", id), id)
		}
		return tx.Buyers().Add(ctx, sqlstoretest.NewBuyer(t, "buyer_1"))
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Staff().FindBuyer(ctx, "seller_1", "buyer_1"))
		require.Equal(t, buyer.ErrNotFound, tx.Staff().FindBuyer(ctx, "seller_2", "buyer_1"))
		require.Equal(t, buyer.ErrNotFound, tx.Staff().FindBuyer(ctx, "seller_1", "buyer_1 "))
		return nil
	})
	change("seller_1", func(s *operator.Staff) error { return s.InviteOfBuyer("person_2", "buyer_1", now) })
	change("seller_1", func(s *operator.Staff) error { return s.Accept("person_2", later) })
	ofBuyer := operator.Member{PersonID: "person_2", Role: operator.Buyer, BuyerID: "buyer_1", InvitedAt: now, AcceptedAt: later}
	require.Equal(t, []operator.Member{one, ofBuyer}, members("seller_1"))
	m, _, err = reader.MemberOf(t.Context(), "seller_1", "person_2")
	require.NoError(t, err)
	require.Equal(t, ofBuyer, m)
	actor := application.Actor{SellerID: "seller_1"}
	people, err = reader.PeopleOfSeller(t.Context(), accountquery.PeopleOfSeller{Actor: actor})
	require.NoError(t, err)
	require.Len(t, people, 1)
	for id, n := range map[string]int{"buyer_1": 1, "buyer_2": 0, "": 0, "BUYER_1": 0} {
		people, err = reader.PeopleOfBuyer(t.Context(), accountquery.PeopleOfBuyer{Actor: actor, Buyer: id})
		require.NoError(t, err)
		require.Len(t, people, n, id)
	}
	opens := func() (roles []operator.Role) {
		signed, err := reader.SessionByHash(t.Context(), sha256.Sum256([]byte("1")))
		require.NoError(t, err)
		for _, of := range signed.Sellers {
			roles = append(roles, of.Role)
			require.Equal(t, of.Role == operator.Buyer, of.BuyerID == "buyer_1")
		}
		return roles
	}
	require.Equal(t, []operator.Role{operator.Owner, operator.Buyer}, opens())
	h.Exec(t, "UPDATE buyers SET id = 'buyer_gone' WHERE id = 'buyer_1'")
	require.Equal(t, []operator.Role{operator.Owner}, opens())
	change("seller_1", func(s *operator.Staff) error { return s.RemoveOfBuyer("person_2", "buyer_1") })
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.PersonLinks().Add(ctx, operator.NewLink(operator.ResetLink, sha256.Sum256([]byte("l")), "person_2", "", now)), tx.People().Remove(ctx, "person_2"))
	})
	require.Equal(t, []int{1, 1, 0}, []int{h.Count(t, "people"), h.Count(t, "person_sessions"), h.Count(t, "person_links")})
}

func testPersonSessions(t *testing.T, h *sqlstoretest.Harness) {
	s := operator.Session{ID: "s1", Hash: sha256.Sum256([]byte("1")), PersonID: "person_1", SellerID: "seller_1", Address: "10.0.0.1", Agent: "Safari ä"}.Begin(now)
	half := operator.Session{ID: "s2", Hash: sha256.Sum256([]byte("2")), PersonID: "person_1", SellerID: "seller_1", Half: true}.Begin(now)
	other := operator.Session{ID: "s3", Hash: sha256.Sum256([]byte("3")), PersonID: "person_2"}.Begin(now)
	get := func(hash [sha256.Size]byte) (got operator.Session, found bool) {
		h.Do(t, func(ctx ctx, tx tx) (err error) {
			got, found, err = tx.PersonSessions().Get(ctx, hash)
			return err
		})
		return got, found
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.PersonSessions().Add(ctx, s), tx.PersonSessions().Add(ctx, half), tx.PersonSessions().Add(ctx, other))
	})
	for _, want := range []operator.Session{s, half, other} {
		got, found := get(want.Hash)
		require.True(t, found)
		require.Equal(t, want, got)
	}
	used, changed := s.Used(now.Add(time.Hour))
	require.True(t, changed)
	h.Do(t, func(ctx ctx, tx tx) error {
		ended, err := tx.PersonSessions().Open(ctx, s.Hash, "seller_2")
		require.NoError(t, err)
		require.False(t, ended)
		for _, read := range []operator.Session{used, s} { // both were read before the pages were switched; an earlier use is stored later
			ended, err := tx.PersonSessions().Use(ctx, read)
			require.NoError(t, err)
			require.False(t, ended)
		}
		return nil
	})
	used.SellerID = "seller_2"
	got, _ := get(s.Hash)
	require.Equal(t, used, got)
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, c := range []struct {
			person, id string
			want       bool
		}{{"person_2", "s1", false}, {"person_1", "absent", false}, {"person_1", "", false}, {"person_1", "s1", true}, {"person_1", "s1", false}} {
			ended, err := tx.PersonSessions().EndByID(ctx, c.person, c.id)
			require.NoError(t, err)
			require.Equal(t, c.want, ended, c)
		}
		ended, err := tx.PersonSessions().Use(ctx, used)
		require.NoError(t, err)
		require.True(t, ended, "what has ended stays so")
		ended, err = tx.PersonSessions().Open(ctx, s.Hash, "seller_1")
		require.True(t, ended)
		return err
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.PersonSessions().Add(ctx, s), tx.PersonSessions().EndOf(ctx, "person_1", "s2"))
	})
	require.Equal(t, 2, h.Count(t, "person_sessions"))
	h.Do(t, func(ctx ctx, tx tx) error {
		ended, err := tx.PersonSessions().End(ctx, half.Hash)
		require.NoError(t, err)
		require.True(t, ended)
		ended, err = tx.PersonSessions().End(ctx, half.Hash)
		require.False(t, ended)
		return err
	})
	n, err := h.Store.PurgeExpired(t.Context(), other.ExpiresAt.Add(-time.Microsecond))
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = h.Store.PurgeExpired(t.Context(), other.ExpiresAt)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func testPersonLinks(t *testing.T, h *sqlstoretest.Harness) {
	link := func(name string, kind operator.LinkKind, person, of string) operator.Link {
		return operator.NewLink(kind, sha256.Sum256([]byte(name)), person, of, now)
	}
	l := link("a", operator.InvitationLink, "person_1", "seller_1")
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, l := range []operator.Link{
			l, link("b", operator.InvitationLink, "person_1", "seller_2"), link("c", operator.ResetLink, "person_1", ""), link("d", operator.SignInLink, "person_1", "seller_1"),
			link("e", operator.ResetLink, "person_2", ""),
		} {
			if err := tx.PersonLinks().Add(ctx, l); err != nil {
				return err
			}
		}
		return nil
	})
	reader := accountstore.NewReader(h.DB, &hands{now})
	mailed := link("mailed", operator.InvitationLink, "person_3", "seller_1").ByMail()
	h.Do(t, func(ctx ctx, tx tx) error { return tx.PersonLinks().Add(ctx, mailed) })
	for _, want := range []operator.Link{l, mailed} {
		got, err := reader.LinkByHash(t.Context(), want.Hash)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		got, err := tx.PersonLinks().Consume(ctx, mailed.Hash, mailed.Kind, now)
		require.Equal(t, mailed, got)
		return err
	})
	_, err := reader.LinkByHash(t.Context(), [32]byte{1})
	require.Equal(t, operator.ErrLink, err)
	unknown := func(ctx context.Context, tx *sqlstore.Tx, hash [32]byte, kind operator.LinkKind, at time.Time) {
		t.Helper()
		_, err := tx.PersonLinks().Consume(ctx, hash, kind, at)
		require.Equal(t, operator.ErrLink, err)
	}
	require.Equal(t, sqlstoretest.ErrOwn, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		_, err := tx.PersonLinks().Consume(ctx, l.Hash, l.Kind, now)
		require.NoError(t, err)
		return sqlstoretest.ErrOwn
	}))
	h.Do(t, func(ctx ctx, tx tx) error {
		unknown(ctx, tx, l.Hash, operator.ResetLink, now)
		unknown(ctx, tx, l.Hash, l.Kind, l.ExpiresAt)
		unknown(ctx, tx, [32]byte{1}, l.Kind, now)
		got, err := tx.PersonLinks().Consume(ctx, l.Hash, l.Kind, l.ExpiresAt.Add(-1))
		require.NoError(t, err, "a rolled back use is none")
		require.Equal(t, l, got)
		unknown(ctx, tx, l.Hash, l.Kind, now)
		return tx.PersonLinks().Add(ctx, l)
	})
	count := func(want int) {
		t.Helper()
		require.Equal(t, want, h.Count(t, "person_links"))
	}
	h.Do(t, func(ctx ctx, tx tx) error { return tx.PersonLinks().RevokeInvitations(ctx, "person_1", "seller_1") })
	count(4)
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.PersonLinks().RevokeOf(ctx, "person_1", operator.ResetLink, operator.SignInLink)
	})
	count(2)
	n, err := h.Store.PurgeExpired(t.Context(), now.Add(operator.ResetLife))
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func testPersonLinkRace(t *testing.T, h *sqlstoretest.Harness) {
	l := operator.NewLink(operator.InvitationLink, sha256.Sum256([]byte("once")), "person_1", "seller_1", now)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.PersonLinks().Add(ctx, l) })
	sqlstoretest.RequireOneWinner(t, operator.ErrLink, sqlstoretest.AtOnce(t, h, 20, func(ctx context.Context, tx *sqlstore.Tx, _ int) error {
		_, err := tx.PersonLinks().Consume(ctx, l.Hash, l.Kind, now)
		return err
	}))
}

// One email is one person's, however many invite it at once.
func testPersonRace(t *testing.T, h *sqlstoretest.Harness) {
	for i, err := range sqlstoretest.AtOnce(t, h, 10, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
		_, err := tx.People().LockByEmail(ctx, "p1@example.com")
		if !errors.Is(err, operator.ErrNotFound) {
			return err
		}
		n := person(1)
		n.ID, n.Subject = fmt.Sprint("person_", i), ""
		return tx.People().Add(ctx, operator.FromSnapshot(n))
	}) {
		require.NoError(t, err, i)
	}
	require.Equal(t, 1, h.Count(t, "people"))
}

// Of the last two owners one stays, when each takes the role from the other.
func testLastOwnerRace(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		if err := tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "AAAA1111", "a")); err != nil {
			return err
		}
		s, err := tx.Staff().Lock(ctx, "seller_1")
		require.NoError(t, err)
		return errors.Join(s.MakeOwner("person_0", now), s.MakeOwner("person_1", now), tx.Staff().Save(ctx, s))
	})
	sqlstoretest.RequireOneWinner(t, operator.ErrLastOwner, sqlstoretest.AtOnce(t, h, 2, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
		s, err := tx.Staff().Lock(ctx, "seller_1")
		if err != nil {
			return err
		}
		if err := s.ChangeRole(fmt.Sprint("person_", 1-i), operator.Viewer); err != nil {
			return err
		}
		return tx.Staff().Save(ctx, s)
	}))
	var owners int
	require.NoError(t, h.DB.Reader.GetContext(t.Context(), &owners, "SELECT COUNT(*) FROM memberships WHERE role = 'owner'"))
	require.Equal(t, 1, owners)
}

func testPersonMails(t *testing.T, h *sqlstoretest.Harness) {
	invitation, reset := account.PersonMail{ID: "invitation_1", SellerID: "seller_1", PersonID: "person_1"}, account.PersonMail{ID: "reset_1", PersonID: "person_1"}
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.PersonMails().Add(ctx, invitation, now), tx.PersonMails().Add(ctx, reset, now.Add(time.Second)))
	})
	require.Error(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.PersonMails().Add(ctx, reset, now) }), "one id is one mail's")
	take := func(at time.Time) []account.PersonMail {
		mails, err := h.Store.TakePersonMails(t.Context(), at, at.Add(time.Minute), 10)
		require.NoError(t, err)
		return mails
	}
	require.Equal(t, []account.PersonMail{invitation}, take(now))
	require.Equal(t, []account.PersonMail{reset}, take(now.Add(time.Second)))
	require.Empty(t, take(now.Add(2*time.Second)), "others do not get what is being sent")
	require.NoError(t, h.Store.PostponePersonMail(t.Context(), invitation, now.Add(time.Hour)))
	require.NoError(t, h.Store.RemovePersonMail(t.Context(), reset))
	invitation.Attempts = 1
	require.Equal(t, []account.PersonMail{invitation}, take(now.Add(time.Hour)))
	require.Equal(t, 1, h.Count(t, "person_mails"))
}
