package operator

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// Errors of the second factor.
var (
	// ErrCode says that a code is wrong or was used already.
	ErrCode = fault.New(fault.RuleViolated, "code_not_valid", "The code is wrong or was used already.")
	// ErrSecondFactorOn says that there is a second factor, which must be taken away before another one is set up.
	ErrSecondFactorOn = fault.New(fault.RuleViolated, "second_factor_on", "A second factor is set up already.")
	// ErrSecondFactorOff says that there is none, or that none was begun to be set up.
	ErrSecondFactorOff = fault.New(fault.RuleViolated, "second_factor_off", "No second factor is set up.")
)

// Shown is what a person showed as second factor: the code of a step of time, or a recovery code by its hash.
type Shown struct {
	Step     int64
	Recovery [sha256.Size]byte
}

// BeginSecondFactor keeps a sealed secret that counts when a code confirms it: ErrSecondFactorOn.
func (p *Person) BeginSecondFactor(sealed []byte, now time.Time) error {
	if p.HasSecondFactor() {
		return ErrSecondFactorOn
	}
	p.s.SecondFactor.Pending, p.s.UpdatedAt = slices.Clone(sealed), now
	return nil
}

// ConfirmSecondFactor has the secret count that was begun, after a code of a step: ErrSecondFactorOn, ErrSecondFactorOff. recovery are the hashes
// of the codes that may be shown once each in its place.
func (p *Person) ConfirmSecondFactor(step int64, recovery [][sha256.Size]byte, now time.Time) error {
	if p.HasSecondFactor() {
		return ErrSecondFactorOn
	}
	if len(p.s.SecondFactor.Pending) == 0 {
		return ErrSecondFactorOff
	}
	p.s.SecondFactor = SecondFactor{Secret: p.s.SecondFactor.Pending, LastStep: step, Recovery: slices.Clone(recovery)}
	p.s.UpdatedAt = now
	return nil
}

// ShowSecondFactor takes what a person showed, which then counts no more: ErrCode, ErrSecondFactorOff.
func (p *Person) ShowSecondFactor(shown Shown, now time.Time) error {
	if !p.HasSecondFactor() {
		return ErrSecondFactorOff
	}
	f := &p.s.SecondFactor
	if shown.Step > 0 {
		if shown.Step <= f.LastStep {
			return ErrCode
		}
		f.LastStep, p.s.UpdatedAt = shown.Step, now
		return nil
	}
	i := slices.Index(f.Recovery, shown.Recovery)
	if i < 0 {
		return ErrCode
	}
	f.Recovery, p.s.UpdatedAt = slices.Delete(slices.Clone(f.Recovery), i, i+1), now
	return nil
}

// RenewRecovery puts other recovery codes in place of those that are left: ErrSecondFactorOff.
func (p *Person) RenewRecovery(recovery [][sha256.Size]byte, now time.Time) error {
	if !p.HasSecondFactor() {
		return ErrSecondFactorOff
	}
	p.s.SecondFactor.Recovery, p.s.UpdatedAt = slices.Clone(recovery), now
	return nil
}

// RemoveSecondFactor takes the second factor away, and one that was begun.
func (p *Person) RemoveSecondFactor(now time.Time) {
	p.s.SecondFactor, p.s.UpdatedAt = SecondFactor{}, now
}
