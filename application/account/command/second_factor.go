package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// SecondFactors is what the handlers of commands about the second factor need.
type SecondFactors struct {
	SigningIn
	Codes  account.Codes
	Sealer application.Sealer
}

// The limit of codes that may be tried for one person.
var triesOfCodes = application.RateLimit{Requests: 10, Window: 15 * time.Minute}

// RecoveryCodes may be shown once each in place of an app's code. They are shown to the person when they are made, and never again.
type RecoveryCodes struct{ Codes []string }

const recoveryCodes = 10

// newRecovery makes recovery codes, with the hashes that are stored.
func (s SecondFactors) newRecovery(personID string) (RecoveryCodes, [][sha256.Size]byte) {
	var codes RecoveryCodes
	hashes := make([][sha256.Size]byte, recoveryCodes)
	for i := range hashes {
		text := s.Secrets.New()[:16]
		codes.Codes = append(codes.Codes, text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:])
		hashes[i] = recoveryHash(personID, text)
	}
	return codes, hashes
}

func recoveryHash(personID, code string) [sha256.Size]byte {
	plain := strings.NewReplacer("-", "", " ", "").Replace(code)
	return sha256.Sum256([]byte("leadmill recovery\x00" + personID + "\x00" + strings.ToUpper(plain)))
}

// shown reads a code, of an app by the sealed secret or else one for recovery. A try is counted.
func (s SecondFactors) shown(personID string, sealed []byte, code string) (operator.Shown, error) {
	if err := s.within("code-of", personID, triesOfCodes); err != nil {
		return operator.Shown{}, err
	}
	if len(code) > maxCode {
		return operator.Shown{}, operator.ErrCode
	}
	secret, err := s.Sealer.Open(sealed, account.SealSecondFactor, personID)
	if err != nil {
		return operator.Shown{}, err
	}
	if step, ok := s.Codes.Step(string(secret), code, s.Clock.Now()); ok {
		return operator.Shown{Step: step}, nil
	}
	return operator.Shown{Recovery: recoveryHash(personID, code)}, nil
}

const maxCode = 100

// show takes a code of a person who signed in already, and does something with the person who is locked meanwhile.
func (s SecondFactors) show(ctx context.Context, personID, code string, use func(p *operator.Person, now time.Time) error) error {
	known, err := s.Reader.PersonByID(ctx, personID)
	if err != nil {
		return err
	}
	if len(known.SecondFactor.Secret) == 0 {
		return operator.ErrSecondFactorOff
	}
	shown, err := s.shown(personID, known.SecondFactor.Secret, code)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	return s.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		p, err := lockWithSecret(ctx, tx, known)
		if err != nil {
			return err
		}
		if err := p.ShowSecondFactor(shown, now); err != nil {
			return err
		}
		if err := use(p, now); err != nil {
			return err
		}
		return tx.People().Save(ctx, p)
	})
}

// lockWithSecret returns a person whose second factor is the one that was read: operator.ErrCode when it is another one since.
func lockWithSecret(ctx context.Context, tx account.Tx, known operator.Snapshot) (*operator.Person, error) {
	p, err := tx.People().Lock(ctx, known.ID)
	if err == nil && !bytes.Equal(p.Snapshot().SecondFactor.Secret, known.SecondFactor.Secret) {
		err = operator.ErrCode
	}
	return p, err
}
