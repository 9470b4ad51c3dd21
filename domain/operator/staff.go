package operator

import (
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// Member is a person of a seller. Who did not accept the invitation yet may do nothing.
type Member struct {
	PersonID   string
	Role       Role
	InvitedAt  time.Time
	AcceptedAt time.Time // zero: not yet
}

// Accepted reports whether the member accepted the invitation.
func (m Member) Accepted() bool { return !m.AcceptedAt.IsZero() }

// Staff are the people of a seller. Once it has an owner it keeps one.
type Staff struct {
	sellerID string
	stored   []Member
	members  []Member
}

// maxMembers bounds the people of a seller.
const maxMembers = 500

// StaffOf restores the people of a seller.
func StaffOf(sellerID string, members []Member) *Staff {
	return &Staff{sellerID, slices.Clone(members), slices.Clone(members)}
}

// SellerID returns the seller's id.
func (s *Staff) SellerID() string { return s.sellerID }

// Members returns the people as they are now.
func (s *Staff) Members() []Member { return slices.Clone(s.members) }

// Stored returns the people as they were restored.
func (s *Staff) Stored() []Member { return slices.Clone(s.stored) }

// Member returns a person of the seller: ErrNotFound.
func (s *Staff) Member(personID string) (Member, error) {
	i := s.index(personID)
	if i < 0 {
		return Member{}, ErrNotFound
	}
	return s.members[i], nil
}

func (s *Staff) index(personID string) int {
	return slices.IndexFunc(s.members, func(m Member) bool { return m.PersonID == personID })
}

func checkRole(role Role) error {
	if !IsRole(role) {
		return fault.ErrValidation.With(fault.Violation{Field: "role", Code: fault.InvalidValue, Message: "must be owner, operator or viewer"})
	}
	return nil
}

// Invite adds a person, who may accept. Who was invited already and did not accept gets the role of the new invitation. Errors:
// fault.ErrValidation for a role that does not exist, ErrExists for who accepted, ErrTooMany.
func (s *Staff) Invite(personID string, role Role, now time.Time) error {
	if err := checkRole(role); err != nil {
		return err
	}
	if i := s.index(personID); i >= 0 {
		if s.members[i].Accepted() {
			return ErrExists
		}
		s.members[i].Role, s.members[i].InvitedAt = role, now
		return nil
	}
	if len(s.members) >= maxMembers {
		return ErrTooMany
	}
	s.members = append(s.members, Member{PersonID: personID, Role: role, InvitedAt: now})
	return nil
}

// Accept has an invited person become one of the seller's people: ErrNotFound. Who accepted already stays as they are.
func (s *Staff) Accept(personID string, now time.Time) error {
	i := s.index(personID)
	if i < 0 {
		return ErrNotFound
	}
	if !s.members[i].Accepted() {
		s.members[i].AcceptedAt = now
	}
	return nil
}

// MakeOwner has a person be an owner who accepted, whatever they were before: ErrTooMany.
func (s *Staff) MakeOwner(personID string, now time.Time) error {
	i := s.index(personID)
	if i < 0 {
		if err := s.Invite(personID, Owner, now); err != nil {
			return err
		}
		i = s.index(personID)
	}
	s.members[i].Role = Owner
	if !s.members[i].Accepted() {
		s.members[i].AcceptedAt = now
	}
	return nil
}

// ChangeRole gives a person another role. Errors: fault.ErrValidation, ErrNotFound, ErrLastOwner.
func (s *Staff) ChangeRole(personID string, role Role) error {
	if err := checkRole(role); err != nil {
		return err
	}
	i := s.index(personID)
	if i < 0 {
		return ErrNotFound
	}
	if role != Owner && s.isLastOwner(i) {
		return ErrLastOwner
	}
	s.members[i].Role = role
	return nil
}

// Remove takes a person, or an invitation, away. Errors: ErrNotFound, ErrLastOwner.
func (s *Staff) Remove(personID string) error {
	i := s.index(personID)
	if i < 0 {
		return ErrNotFound
	}
	if s.isLastOwner(i) {
		return ErrLastOwner
	}
	s.members = slices.Delete(s.members, i, i+1)
	return nil
}

// isLastOwner reports whether a member is the only owner who accepted.
func (s *Staff) isLastOwner(i int) bool {
	if s.members[i].Role != Owner || !s.members[i].Accepted() {
		return false
	}
	return !slices.ContainsFunc(s.members, func(m Member) bool {
		return m.PersonID != s.members[i].PersonID && m.Role == Owner && m.Accepted()
	})
}
