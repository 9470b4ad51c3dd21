package command

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/market/lines"
)

// upload stores a file for a job while it is read, piece by piece. When it is whole, the job waits to be run.
type upload struct {
	market.Deps

	job market.SellerJob
	cut func(r io.Reader, do func(content []byte, line, records int64) error) error
	// most is how many lines that are not blank the file may have; 0: any number.
	most int64
	// first is told the first piece and returns the settings of the job, and whether the file begins with a line that names columns.
	first func(content []byte) (settings string, header bool, err error)
	// full comes when the job is stored and before more is read, and says why no job can be taken now; it may be nil. What was answered
	// under the Idempotency-Key before is answered all the same.
	full func(ctx context.Context) error
	// wrong makes an error of what is wrong with the file.
	wrong func(message string) error
}

// store reads the file and answers. What is stored of a file that is not whole, or of a request that was answered before, goes. Errors: those
// of first, full and the file, and of application.DoOnce.
func (u *upload) store(ctx context.Context, actor application.Actor, file io.Reader, once func(file [sha256.Size]byte) application.Once[market.SellerJob]) (done application.Done, err error) {
	j := &u.job
	stored, kept := false, false
	var full error
	defer func() {
		if stored && !kept { // who cannot clean up now does it later, see LeftUploads
			_ = dropJob(context.WithoutCancel(ctx), u.Work, j.SellerID, j.ID, market.JobUploading)
		}
	}()
	hash := sha256.New()
	number := int64(0)
	err = u.cut(io.TeeReader(file, hash), func(content []byte, line, records int64) error {
		if number == 0 {
			settings, header, err := u.first(content)
			if err != nil {
				return err
			}
			j.Settings = settings
			if header {
				records--
			}
		}
		if j.Total += records; u.most > 0 && j.Total > u.most {
			return u.wrong("has more than " + strconv.FormatInt(u.most, 10) + " lines")
		}
		err := u.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
			if number == 0 {
				if err := tx.SellerJobs().Add(ctx, *j); err != nil {
					return err
				}
			}
			return tx.SellerJobs().AddPiece(ctx, j.SellerID, j.ID, market.JobPiece{Number: number, Line: line, Content: content})
		})
		stored = stored || err == nil
		if number++; number == 1 && err == nil && u.full != nil {
			if full = u.full(ctx); full != nil {
				err = u.unlessAnswered(ctx, actor, once([sha256.Size]byte{}).Key, full)
			}
		}
		return err
	})
	switch {
	case errors.Is(err, lines.ErrTooLong):
		return application.Done{}, u.wrong("has a line of more than 64 KiB, or a quote that does not end")
	case err != nil:
		return application.Done{}, err
	case number == 0:
		return application.Done{}, u.wrong("is empty")
	}
	done, err = application.DoOnce(ctx, u.Deps, actor, once([sha256.Size]byte(hash.Sum(nil))), func(ctx context.Context, tx market.Tx) (market.SellerJob, error) {
		if full != nil {
			return market.SellerJob{}, full
		}
		whole, err := tx.SellerJobs().Lock(ctx, j.SellerID, j.ID)
		if err != nil {
			return whole, err
		}
		whole.State, whole.Total = market.JobPending, j.Total
		return whole, tx.SellerJobs().Save(ctx, whole)
	})
	var unknown *application.OutcomeUnknownError
	kept = err == nil && !done.Replayed || errors.As(err, &unknown)
	return done, err
}

// unlessAnswered returns an error, or nil when something was answered under an Idempotency-Key: then it is the whole file that says what.
func (u *upload) unlessAnswered(ctx context.Context, actor application.Actor, key string, full error) error {
	if key == "" {
		return full
	}
	answered := false
	err := u.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		now := u.Clock.Now()
		_, taken, err := tx.Idempotency().Claim(ctx, actor.SellerID, actor.KeyID, key, [sha256.Size]byte{}, now, now.Add(application.KeepResponses))
		if answered = !taken; err != nil {
			return err
		}
		return errUndone
	})
	switch {
	case !errors.Is(err, errUndone):
		return err
	case answered:
		return nil
	default:
		return full
	}
}

// firstRecord returns the fields of the first line of a file that is not blank.
func firstRecord(content []byte, wrong func(message string) error) (fields []string, err error) {
	end := errors.New("enough")
	walked := lines.Each(content, 1, func(found []string, _ int64, malformed error) error {
		if malformed != nil {
			err = wrong("begins with a line that is no CSV")
		}
		fields = slices.Clone(found)
		return end
	})
	if walked == nil {
		return nil, wrong("is empty")
	}
	return fields, err
}
