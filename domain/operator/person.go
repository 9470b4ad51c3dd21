package operator

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

// Status says whether a person has ever signed in.
type Status string

// The statuses of a person.
const (
	StatusInvited Status = "invited"
	StatusActive  Status = "active"
)

// Errors of people.
var (
	ErrNotFound  = fault.New(fault.NotFound, "person_not_found", "Person not found.")
	ErrExists    = fault.New(fault.RuleViolated, "person_exists", "This person is one of the seller's people already.")
	ErrLastOwner = fault.New(fault.RuleViolated, "last_owner", "A seller keeps at least one owner.")
	// ErrSubject says that an identity provider means somebody else, or calls another person so.
	ErrSubject = fault.New(fault.RuleViolated, "person_subject", "The identity provider knows this person as somebody else.")
	ErrTooMany = fault.New(fault.RuleViolated, "too_many_people", "A seller has at most 500 people.")
	// ErrTooManyOfBuyer is ErrTooMany of a buyer.
	ErrTooManyOfBuyer = fault.New(fault.RuleViolated, "too_many_people_of_buyer", "A buyer has at most 50 people.")
)

// Person is somebody who signs in to the pages. Of which sellers, and with which roles, is in each seller's Staff.
type Person struct{ s Snapshot }

// Snapshot is a person as it is stored.
type Snapshot struct {
	ID       string
	Email    string
	EmailKey string // the email as it is compared
	Name     string
	Status   Status
	// PasswordHash is empty for who signs in otherwise.
	PasswordHash string
	// Subject is whom an identity provider says the person is; empty until the person came from there.
	Subject      string
	SecondFactor SecondFactor
	CreatedAt    time.Time
	UpdatedAt    time.Time
	// ProvenAt is when somebody showed that the email address is theirs: by a link that was only mailed to it, or by an identity provider that
	// verified it. Zero: nobody did.
	ProvenAt time.Time
}

// SecondFactor is what a person shows beside the password. The zero value is none.
type SecondFactor struct {
	Secret  []byte // sealed; codes are made with it. nil: none
	Pending []byte // sealed; one that is not confirmed by a code yet. nil: none
	// LastStep is the step of time of the last code that was taken, so that none is taken twice.
	LastStep int64
	Recovery [][sha256.Size]byte // hashes of what may be shown once each in place of a code
}

const maxName = 200

// NewPerson makes a person who was invited and has not signed in yet. It returns fault.ErrValidation with the members at fault.
func NewPerson(id, email, name string, now time.Time) (*Person, error) {
	var v fault.Violations
	address, err := contact.ParseEmail(email)
	v.AddErr("email", err)
	name = strings.TrimSpace(name)
	v.AddErr("name", CheckName(name))
	if err := v.Err(); err != nil {
		return nil, err
	}
	return &Person{Snapshot{ID: id, Email: address.String(), EmailKey: address.Key(), Name: name, Status: StatusInvited, CreatedAt: now, UpdatedAt: now}}, nil
}

// CheckName checks a name, which may be empty: at most 200 characters, none of them a control character.
func CheckName(name string) error {
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, unicode.IsControl) {
		return fault.New(fault.Invalid, fault.InvalidValue, "must have at most 200 characters, without line breaks")
	}
	return nil
}

// CheckPassword checks a password that a person chooses: 10 to 200 characters that are neither the person's email, nor its part before the @,
// nor one character again and again.
func CheckPassword(password, email string) error {
	if n := utf8.RuneCountInString(password); n < 10 || n > 200 || !utf8.ValidString(password) {
		return fault.New(fault.Invalid, fault.InvalidValue, "must have 10 to 200 characters")
	}
	lower := strings.ToLower(strings.TrimSpace(password))
	mail := strings.ToLower(strings.TrimSpace(email))
	local, _, _ := strings.Cut(mail, "@")
	if lower == mail || lower == local {
		return fault.New(fault.Invalid, fault.InvalidValue, "must not be the email address")
	}
	first, _ := utf8.DecodeRuneInString(password)
	if strings.Trim(password, string(first)) == "" {
		return fault.New(fault.Invalid, fault.InvalidValue, "must not be one character again and again")
	}
	return nil
}

// ID returns the person's id.
func (p *Person) ID() string { return p.s.ID }

// IsActive reports whether the person has signed in at least once, or chose a password.
func (p *Person) IsActive() bool { return p.s.Status == StatusActive }

// HasSecondFactor reports whether a second factor is asked for when the person signs in.
func (p *Person) HasSecondFactor() bool { return len(p.s.SecondFactor.Secret) > 0 }

// Activate makes the person one who may sign in, with a password hash where one is given, and a name where one is given.
func (p *Person) Activate(name, passwordHash string, now time.Time) {
	if name != "" {
		p.s.Name = name
	}
	if passwordHash != "" {
		p.s.PasswordHash = passwordHash
	}
	p.s.Status, p.s.UpdatedAt = StatusActive, now
}

// Prove keeps that whoever acts as the person showed that the email address is theirs. The first time, what was set before is taken away, because
// anybody who was shown a link may have set it: the password and the second factor. dropped reports that this is so, and that sessions and
// links of the person must end too.
func (p *Person) Prove(now time.Time) (dropped bool) {
	if !p.s.ProvenAt.IsZero() {
		return false
	}
	p.s.ProvenAt, p.s.UpdatedAt = now, now
	return p.Disown(now)
}

// Disown takes away what somebody set who did not show that the email address is theirs, the password and the second factor: dropped reports
// whether there may be any, and that sessions and links of the person must end too. It is for who gives the person more to do.
func (p *Person) Disown(now time.Time) (dropped bool) {
	if !p.IsActive() {
		return false
	}
	p.s.PasswordHash, p.s.SecondFactor, p.s.UpdatedAt = "", SecondFactor{}, now
	return true
}

// Leave makes the person, who is nobody's any more and only invited, one who never signed in.
func (p *Person) Leave(now time.Time) {
	p.Disown(now)
	p.s.Status, p.s.Subject, p.s.ProvenAt = StatusInvited, "", time.Time{}
}

// IsProven reports whether somebody showed that the email address is theirs.
func (p *Person) IsProven() bool { return !p.s.ProvenAt.IsZero() }

// SetPassword changes the password of a person.
func (p *Person) SetPassword(hash string, now time.Time) {
	p.s.PasswordHash, p.s.UpdatedAt = hash, now
}

// SubjectOf is how whom an identity provider means is kept: its address and what it calls the person.
func SubjectOf(issuer, subject string) string { return issuer + " " + subject }

// ComeFrom keeps what an identity provider calls the person: ErrSubject when the same provider called the person something else before. Another
// provider takes the place of the one before.
func (p *Person) ComeFrom(issuer, subject string, now time.Time) error {
	come := SubjectOf(issuer, subject)
	switch {
	case p.s.Subject == come:
		return nil
	case strings.HasPrefix(p.s.Subject, SubjectOf(issuer, "")):
		return ErrSubject
	}
	p.s.Subject, p.s.UpdatedAt = come, now
	return nil
}

// Snapshot returns the person as it is stored.
func (p *Person) Snapshot() Snapshot { return p.s.clone() }

func (s Snapshot) clone() Snapshot {
	s.SecondFactor.Secret, s.SecondFactor.Pending = slices.Clone(s.SecondFactor.Secret), slices.Clone(s.SecondFactor.Pending)
	s.SecondFactor.Recovery = slices.Clone(s.SecondFactor.Recovery)
	return s
}

// FromSnapshot restores a person.
func FromSnapshot(s Snapshot) *Person { return &Person{s.clone()} }

// IDPrefix begins the id of every person, which tells people from keys where either acts.
const IDPrefix = "person"

// IsPersonID reports whether the id of who acts is that of a person.
func IsPersonID(id string) bool { return strings.HasPrefix(id, IDPrefix+"_") }
