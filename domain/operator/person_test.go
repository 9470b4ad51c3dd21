package operator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
)

var now = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

func TestNewPerson(t *testing.T) {
	t.Parallel()
	p, err := operator.NewPerson("person_1", " Ann@Example.com ", " Ann ", now)
	require.NoError(t, err)
	assert.Equal(t, operator.Snapshot{
		ID: "person_1", Email: "Ann@Example.com", EmailKey: "ann@example.com", Name: "Ann", Status: operator.StatusInvited, CreatedAt: now, UpdatedAt: now,
	}, p.Snapshot())
	assert.False(t, p.IsActive())
	assert.True(t, operator.IsPersonID(p.ID()))
	assert.False(t, operator.IsPersonID("key_1"))

	_, err = operator.NewPerson("person_1", "nobody", "two\nlines", now)
	assert.Equal(t, []string{"email", "name"}, fault.As(err).Fields())

	p.Activate("", "hash", now.Add(time.Hour))
	n := p.Snapshot()
	assert.Equal(t, []any{"Ann", "hash", operator.StatusActive, now.Add(time.Hour)}, []any{n.Name, n.PasswordHash, n.Status, n.UpdatedAt})
	p.Activate("Anna", "", now)
	n = p.Snapshot()
	assert.Equal(t, []any{"Anna", "hash"}, []any{n.Name, n.PasswordHash})
	p.SetPassword("other", now)
	assert.Equal(t, "other", p.Snapshot().PasswordHash)
}

func TestWhomAProviderMeans(t *testing.T) {
	t.Parallel()
	p, err := operator.NewPerson("person_1", "ann@example.com", "", now)
	require.NoError(t, err)
	require.NoError(t, p.ComeFrom("https://id.example", "ann 1", now.Add(time.Hour)))
	assert.Equal(t, []any{"https://id.example ann 1", now.Add(time.Hour)}, []any{p.Snapshot().Subject, p.Snapshot().UpdatedAt})
	require.NoError(t, p.ComeFrom("https://id.example", "ann 1", now.Add(2*time.Hour)))
	assert.Equal(t, now.Add(time.Hour), p.Snapshot().UpdatedAt, "nothing new")
	assert.Equal(t, operator.ErrSubject, p.ComeFrom("https://id.example", "ann", now))
	require.NoError(t, p.ComeFrom("https://id.example.org", "a", now), "another provider")
	assert.Equal(t, operator.SubjectOf("https://id.example.org", "a"), p.Snapshot().Subject)
}

func TestTheFirstProofOfAnAddressDropsWhatOthersMayHaveSet(t *testing.T) {
	t.Parallel()
	later := now.Add(time.Hour)
	fresh, err := operator.NewPerson("person_1", "ann@example.com", "Ann", now)
	require.NoError(t, err)
	assert.False(t, fresh.Disown(now), "nobody set anything yet")
	assert.False(t, fresh.Prove(later))
	assert.Equal(t, later, fresh.Snapshot().ProvenAt)

	active := operator.FromSnapshot(operator.Snapshot{
		ID: "person_1", Name: "Ann", Status: operator.StatusActive, PasswordHash: "hash", Subject: "https://id.example ann", SecondFactor: operator.SecondFactor{Secret: []byte{1}, Pending: []byte{2}, Recovery: [][32]byte{{3}}},
	})
	require.True(t, active.Prove(later))
	assert.Equal(t, operator.Snapshot{ID: "person_1", Name: "Ann", Status: operator.StatusActive, Subject: "https://id.example ann", UpdatedAt: later, ProvenAt: later}, active.Snapshot())
	active.SetPassword("mine", later)
	assert.False(t, active.Prove(later.Add(time.Hour)), "once")
	assert.True(t, active.IsProven())
	assert.Equal(t, []any{"mine", later}, []any{active.Snapshot().PasswordHash, active.Snapshot().ProvenAt})
	active.Leave(later)
	assert.Equal(t, operator.Snapshot{ID: "person_1", Name: "Ann", Status: operator.StatusInvited, UpdatedAt: later}, active.Snapshot())
}

func TestWhoChoosesAPassword(t *testing.T) {
	t.Parallel()
	shown := operator.NewLink(operator.InvitationLink, [32]byte{1}, "person_1", "seller_1", now)
	for _, c := range []struct {
		what          string
		p             operator.Snapshot
		shown, mailed bool
	}{
		{"who never signed in", operator.Snapshot{Status: operator.StatusInvited}, true, true},
		{"who signs in, and may be anybody", operator.Snapshot{Status: operator.StatusActive}, false, true},
		{"whose address it is", operator.Snapshot{Status: operator.StatusActive, ProvenAt: now}, false, false},
	} {
		assert.Equal(t, []bool{c.shown, c.mailed}, []bool{shown.ChoosesPassword(c.p), shown.ByMail().ChoosesPassword(c.p)}, c.what)
	}
	assert.False(t, shown.Mailed, "the link that was made stays as it is")
}

func TestSnapshotsShareNothing(t *testing.T) {
	t.Parallel()
	n := operator.Snapshot{SecondFactor: operator.SecondFactor{Secret: []byte{1}, Pending: []byte{2}, Recovery: [][32]byte{{3}}}}
	p := operator.FromSnapshot(n)
	got := p.Snapshot()
	got.SecondFactor.Secret[0], got.SecondFactor.Pending[0], got.SecondFactor.Recovery[0] = 9, 9, [32]byte{9}
	n.SecondFactor.Secret[0] = 8
	assert.Equal(t, operator.SecondFactor{Secret: []byte{1}, Pending: []byte{2}, Recovery: [][32]byte{{3}}}, p.Snapshot().SecondFactor)
	assert.True(t, p.HasSecondFactor())
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	for password, wrong := range map[string]bool{
		"ninechars":               true,
		"tenletters":              false,
		strings.Repeat("ä1", 100): false,
		strings.Repeat("x1", 101): true,
		"AnneMarie@Example.com":   true,
		" annemarie@example.com":  true,
		"annemarie@":              false,
		"ANNEMARIE":               true,
		"xxxxxxxxxxxx":            true,
		"xxxxxxxxxxxy":            false,
		"bytes \xff not text":     true,
	} {
		assert.Equal(t, wrong, operator.CheckPassword(password, "annemarie@example.com") != nil, "%q", password)
	}
	assert.Error(t, operator.CheckPassword("longlocalpart", "LongLocalPart@example.com"))
}

func TestStaff(t *testing.T) {
	t.Parallel()
	s := operator.StaffOf("seller_1", nil)
	require.NoError(t, s.Invite("ann", operator.Owner, now))
	require.Error(t, s.Invite("bob", "root", now))
	require.NoError(t, s.Invite("bob", operator.Viewer, now))
	require.NoError(t, s.Invite("bob", operator.Operator, now.Add(time.Hour)), "who did not accept is invited again")
	require.NoError(t, s.Accept("ann", now))
	require.NoError(t, s.Accept("ann", now.Add(time.Hour)), "twice changes nothing")
	require.ErrorIs(t, s.Invite("ann", operator.Viewer, now), operator.ErrExists)
	require.ErrorIs(t, s.Accept("eve", now), operator.ErrNotFound)
	assert.Equal(t, []operator.Member{
		{PersonID: "ann", Role: operator.Owner, InvitedAt: now, AcceptedAt: now},
		{PersonID: "bob", Role: operator.Operator, InvitedAt: now.Add(time.Hour)},
	}, s.Members())
	assert.Empty(t, s.Stored())

	require.ErrorIs(t, s.ChangeRole("ann", operator.Viewer), operator.ErrLastOwner)
	require.ErrorIs(t, s.Remove("ann"), operator.ErrLastOwner)
	require.NoError(t, s.ChangeRole("ann", operator.Owner), "an owner stays one")
	require.ErrorIs(t, s.ChangeRole("eve", operator.Owner), operator.ErrNotFound)
	require.ErrorIs(t, s.Remove("eve"), operator.ErrNotFound)
	require.ErrorIs(t, s.ChangeRole("ann", ""), fault.ErrValidation)
	require.NoError(t, s.ChangeRole("bob", operator.Owner))
	require.ErrorIs(t, s.Remove("ann"), operator.ErrLastOwner, "an owner who is only invited is none yet")
	require.NoError(t, s.Accept("bob", now))
	require.NoError(t, s.ChangeRole("ann", operator.Viewer))
	require.ErrorIs(t, s.Remove("bob"), operator.ErrLastOwner)
	require.NoError(t, s.Remove("ann"))
	_, err := s.Member("ann")
	require.ErrorIs(t, err, operator.ErrNotFound)
	require.NoError(t, s.MakeOwner("eve", now))
	require.NoError(t, s.Remove("bob"))
	m, err := s.Member("eve")
	require.NoError(t, err)
	assert.Equal(t, operator.Member{PersonID: "eve", Role: operator.Owner, InvitedAt: now, AcceptedAt: now}, m)

	full := operator.StaffOf("seller_1", make([]operator.Member, 500))
	require.ErrorIs(t, full.Invite("one more", operator.Viewer, now), operator.ErrTooMany)
	require.ErrorIs(t, full.MakeOwner("one more", now), operator.ErrTooMany)
}

func TestInvitationsEnd(t *testing.T) {
	t.Parallel()
	m := operator.Member{InvitedAt: now}
	assert.True(t, m.Open(now.Add(7*24*time.Hour-1)))
	assert.False(t, m.Open(now.Add(7*24*time.Hour)))
	m.AcceptedAt = now
	assert.False(t, m.Open(now))
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := operator.Session{ID: "s", Address: strings.Repeat("1", 70), Agent: strings.Repeat("ä", 300) + "\n"}.Begin(now)
	assert.Equal(t, []int{64, 200}, []int{len(s.Address), len([]rune(s.Agent))})
	assert.Equal(t, now.Add(12*time.Hour), s.ExpiresAt)
	assert.False(t, s.Ended(now.Add(12*time.Hour-1)))
	assert.True(t, s.Ended(now.Add(12*time.Hour)))
	same, changed := s.Used(now.Add(59 * time.Second))
	assert.False(t, changed)
	assert.Equal(t, s, same)
	for range 100 {
		at := s.SeenAt.Add(11 * time.Hour)
		if s.Ended(at) {
			break
		}
		s, changed = s.Used(at)
		assert.True(t, changed)
	}
	assert.Equal(t, now.Add(30*24*time.Hour), s.ExpiresAt, "30 days at most, however often it is used")

	half := operator.Session{Half: true}.Begin(now)
	assert.Equal(t, now.Add(10*time.Minute), half.ExpiresAt)
	_, changed = half.Used(now.Add(9 * time.Minute))
	assert.False(t, changed, "a half session gets no older")
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for kind, lasts := range map[operator.LinkKind]time.Duration{
		operator.InvitationLink: 7 * 24 * time.Hour, operator.SignInLink: 24 * time.Hour, operator.ResetLink: time.Hour,
	} {
		l := operator.NewLink(kind, [32]byte{1}, "person_1", "seller_1", now)
		assert.True(t, l.Works(kind, now.Add(lasts-1)), kind)
		assert.False(t, l.Works(kind, now.Add(lasts)), kind)
		assert.False(t, l.Works("other", now), kind)
	}
}

func TestPeopleOfBuyers(t *testing.T) {
	t.Parallel()
	later := now.Add(time.Hour)
	s := operator.StaffOf("seller_1", nil)
	want := func(what string, err, wanted error) {
		t.Helper()
		if wanted == nil {
			require.NoError(t, err, what)
			return
		}
		require.ErrorIs(t, err, wanted, what)
	}
	want("an owner", s.MakeOwner("person_owner", now), nil)
	want("invite", s.InviteOfBuyer("person_1", "buyer_1", now), nil)
	want("invite again", s.InviteOfBuyer("person_1", "buyer_1", later), nil)
	want("invite for another buyer", s.InviteOfBuyer("person_1", "buyer_2", now), operator.ErrExists)
	want("invite one of a buyer's as an owner", s.Invite("person_1", operator.Owner, now), operator.ErrExists)
	want("invite an owner for a buyer", s.InviteOfBuyer("person_owner", "buyer_1", now), operator.ErrExists)
	want("invite a viewer", s.Invite("person_viewer", operator.Viewer, now), nil)
	want("make an invited viewer a buyer's", s.InviteOfBuyer("person_viewer", "buyer_1", now), operator.ErrExists)
	want("invite with the role", s.Invite("person_2", operator.Buyer, now), fault.ErrValidation)
	want("accept", s.Accept("person_1", later), nil)
	want("invite who accepted", s.InviteOfBuyer("person_1", "buyer_1", later), operator.ErrExists)
	want("promote", s.ChangeRole("person_1", operator.Owner), operator.ErrNotFound)
	want("take away as one of the seller's", s.Remove("person_1"), operator.ErrNotFound)
	want("take away from another buyer", s.RemoveOfBuyer("person_1", "buyer_2"), operator.ErrNotFound)
	want("take an owner from a buyer", s.RemoveOfBuyer("person_owner", "buyer_1"), operator.ErrNotFound)
	want("the last owner", s.Remove("person_owner"), operator.ErrLastOwner)
	m, err := s.Member("person_1")
	want("find", err, nil)
	assert.Equal(t, operator.Member{PersonID: "person_1", Role: operator.Buyer, BuyerID: "buyer_1", InvitedAt: later, AcceptedAt: later}, m)
	want("take away", s.RemoveOfBuyer("person_1", "buyer_1"), nil)
	want("take away again", s.RemoveOfBuyer("person_1", "buyer_1"), operator.ErrNotFound)

	// Whom the installation makes an owner is of no buyer any more.
	want("invite", s.InviteOfBuyer("person_3", "buyer_1", now), nil)
	want("make an owner", s.MakeOwner("person_3", now), nil)
	m, err = s.Member("person_3")
	want("find", err, nil)
	assert.Equal(t, operator.Member{PersonID: "person_3", Role: operator.Owner, InvitedAt: now, AcceptedAt: now}, m)

	// Each buyer has its own bound, beside that of the seller's own people.
	for i := range 50 {
		want("invite many", s.InviteOfBuyer(fmt.Sprint("person_of_1_", i), "buyer_1", now), nil)
	}
	want("one more", s.InviteOfBuyer("person_x", "buyer_1", now), operator.ErrTooManyOfBuyer)
	want("again", s.InviteOfBuyer("person_of_1_0", "buyer_1", now), nil)
	want("of another", s.InviteOfBuyer("person_x", "buyer_2", now), nil)
	want("of the seller", s.Invite("person_y", operator.Viewer, now), nil)
}
