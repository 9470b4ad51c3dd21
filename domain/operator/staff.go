package operator

import (
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// Member is a person of a seller, or of one of its buyers. Who did not accept the invitation yet may do nothing.
type Member struct {
	PersonID   string
	Role       Role
	BuyerID    string // for Buyer; empty for every other role
	InvitedAt  time.Time
	AcceptedAt time.Time // zero: not yet
}

// Accepted reports whether the member accepted the invitation.
func (m Member) Accepted() bool { return !m.AcceptedAt.IsZero() }

// Open reports whether the member is invited and may accept still: as long as a link that was made with the invitation works.
func (m Member) Open(now time.Time) bool {
	return !m.Accepted() && now.Before(m.InvitedAt.Add(InvitationLife))
}

// Staff are the people of a seller, and those of its buyers. Once it has an owner it keeps one. Nobody is both, or of two buyers of one seller.
type Staff struct {
	sellerID string
	stored   []Member
	members  []Member
}

// What bounds the people of a seller and those of a buyer.
const (
	maxMembers = 500
	maxOfBuyer = 50
)

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
// fault.ErrValidation for a role that does not exist, ErrExists for who accepted and who is invited by a buyer, ErrTooMany.
func (s *Staff) Invite(personID string, role Role, now time.Time) error {
	if err := checkRole(role); err != nil {
		return err
	}
	if s.count("") >= maxMembers && s.index(personID) < 0 {
		return ErrTooMany
	}
	return s.invite(Member{PersonID: personID, Role: role, InvitedAt: now})
}

// InviteOfBuyer adds a person of a buyer, who may accept. Who was invited for the buyer already is invited again. Errors: ErrExists for who
// accepted and who is invited for something else of the seller's, ErrTooManyOfBuyer.
func (s *Staff) InviteOfBuyer(personID, buyerID string, now time.Time) error {
	if s.count(buyerID) >= maxOfBuyer && s.index(personID) < 0 {
		return ErrTooManyOfBuyer
	}
	return s.invite(Member{PersonID: personID, Role: Buyer, BuyerID: buyerID, InvitedAt: now})
}

func (s *Staff) invite(m Member) error {
	i := s.index(m.PersonID)
	switch {
	case i < 0:
		s.members = append(s.members, m)
	case s.members[i].Accepted() || s.members[i].BuyerID != m.BuyerID:
		return ErrExists
	default:
		s.members[i] = m
	}
	return nil
}

// count is how many people are of a buyer, or without one of the seller itself.
func (s *Staff) count(buyerID string) (n int) {
	for _, m := range s.members {
		if m.BuyerID == buyerID {
			n++
		}
	}
	return n
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
	s.members[i].Role, s.members[i].BuyerID = Owner, ""
	if !s.members[i].Accepted() {
		s.members[i].AcceptedAt = now
	}
	return nil
}

// ChangeRole gives one of the seller's own people another role. Errors: fault.ErrValidation, ErrNotFound, ErrLastOwner.
func (s *Staff) ChangeRole(personID string, role Role) error {
	if err := checkRole(role); err != nil {
		return err
	}
	i := s.index(personID)
	if i < 0 || s.members[i].Role == Buyer {
		return ErrNotFound
	}
	if role != Owner && s.isLastOwner(i) {
		return ErrLastOwner
	}
	s.members[i].Role = role
	return nil
}

// Remove takes one of the seller's own people, or an invitation, away. Errors: ErrNotFound, ErrLastOwner.
func (s *Staff) Remove(personID string) error { return s.RemoveOfBuyer(personID, "") }

// RemoveOfBuyer takes a person of a buyer, or an invitation, away. Errors: ErrNotFound, also for who is not of the buyer.
func (s *Staff) RemoveOfBuyer(personID, buyerID string) error {
	i := s.index(personID)
	if i < 0 || s.members[i].BuyerID != buyerID {
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
