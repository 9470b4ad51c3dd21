package operator

import (
	"crypto/sha256"
	"strings"
	"time"
	"unicode"

	"github.com/leadmill/leadmill/domain/fault"
)

// How long a session lasts: unused, at most, and while only the second factor is missing.
const (
	IdleLife    = 12 * time.Hour
	SessionLife = 30 * 24 * time.Hour
	HalfLife    = 10 * time.Minute
)

// renewAfter is how old the last use that is stored of a session becomes before another one is stored.
const renewAfter = time.Minute

// ErrSessionNotFound says that the person has no such session, or that it is over.
var ErrSessionNotFound = fault.New(fault.NotFound, "session_not_found", "Session not found.")

// Session is a person's, in one browser. Only the hash of what the browser keeps is stored.
type Session struct {
	ID       string
	Hash     [sha256.Size]byte
	PersonID string
	SellerID string // whose pages are open
	// Half says that the second factor is still to be shown: such a session opens nothing.
	Half           bool
	Address, Agent string // of the browser that signed in
	CreatedAt      time.Time
	SeenAt         time.Time
	ExpiresAt      time.Time
}

// Begin returns a session that begins now.
func (s Session) Begin(now time.Time) Session {
	s.Address, s.Agent = Cut(s.Address, maxAddress), Cut(s.Agent, maxAgent)
	s.CreatedAt, s.SeenAt = now, now
	s.ExpiresAt = s.lasts(now)
	return s
}

func (s Session) lasts(now time.Time) time.Time {
	if s.Half {
		return s.CreatedAt.Add(HalfLife)
	}
	until, most := now.Add(IdleLife), s.CreatedAt.Add(SessionLife)
	if until.After(most) {
		return most
	}
	return until
}

// Ended reports whether the session is over.
func (s Session) Ended(now time.Time) bool { return !now.Before(s.ExpiresAt) }

// Used returns the session as it is after a use now; changed is false when the last use that is stored is less than a minute ago.
func (s Session) Used(now time.Time) (used Session, changed bool) {
	if s.Half || now.Sub(s.SeenAt) < renewAfter {
		return s, false
	}
	s.SeenAt, s.ExpiresAt = now, s.lasts(now)
	return s, true
}

const (
	maxAddress = 64
	maxAgent   = 200
)

// Cut returns the first characters of a text that somebody else made, without what cannot be shown.
func Cut(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}

// LinkKind says what a link that a person was sent is for.
type LinkKind string

// The kinds of links.
const (
	InvitationLink LinkKind = "invitation"
	SignInLink     LinkKind = "sign_in"
	ResetLink      LinkKind = "reset"
)

// How long links work.
const (
	InvitationLife = 7 * 24 * time.Hour
	SignInLinkLife = 24 * time.Hour
	ResetLife      = time.Hour
)

// ErrLink says that a link does not exist, has expired or was used, without telling which.
var ErrLink = fault.New(fault.NotFound, "person_link_not_valid", "This link is not valid any more.")

// Link is a secret that is for a person and works once. Only its hash is stored.
type Link struct {
	Hash      [sha256.Size]byte
	Kind      LinkKind
	PersonID  string
	SellerID  string // of whom the person is invited; empty for a reset
	ExpiresAt time.Time
	// Mailed says that the link was sent to the person's address and shown to nobody else: who follows it reads the mails of that address.
	Mailed bool
}

// NewLink returns a link of a kind that begins to work now, and that is shown to who makes it.
func NewLink(kind LinkKind, hash [sha256.Size]byte, personID, sellerID string, now time.Time) Link {
	lives := map[LinkKind]time.Duration{InvitationLink: InvitationLife, SignInLink: SignInLinkLife, ResetLink: ResetLife}
	return Link{Hash: hash, Kind: kind, PersonID: personID, SellerID: sellerID, ExpiresAt: now.Add(lives[kind])}
}

// ByMail returns the link as one that is sent to the person's address and shown to nobody.
func (l Link) ByMail() Link {
	l.Mailed = true
	return l
}

// ChoosesPassword reports whether who accepts an invitation by the link chooses a password for the person: nobody signed in as the person yet, or
// nobody showed that the address is theirs and the link does. Everybody else accepts in a session of that very person: whoever holds the link
// of one seller is not let in to the pages of others, nor is whoever holds the password of an address that is not theirs let in to this one's.
func (l Link) ChoosesPassword(p Snapshot) bool {
	return p.Status != StatusActive || l.Mailed && p.ProvenAt.IsZero()
}

// Works reports whether the link is of a kind and works now.
func (l Link) Works(kind LinkKind, now time.Time) bool {
	return l.Kind == kind && now.Before(l.ExpiresAt)
}
