package market

import (
	"context"
	"encoding/json"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// ErrJobNotFound says that a seller has no job of an id.
var ErrJobNotFound = fault.New(fault.NotFound, "job_not_found", "Job not found.")

// SellerJobKind says what a seller's job does. The names are stored.
type SellerJobKind string

// The kinds of jobs: SellerJobSuppressions imports a list of what is suppressed, SellerJobLeads a supplier's leads.
const (
	SellerJobSuppressions SellerJobKind = "suppressions"
	SellerJobLeads        SellerJobKind = "leads"
)

// SellerJobState is where a seller's job stands.
type SellerJobState string

// The states of a seller's job. One that is Uploading is not complete, and goes if nobody completes it.
const (
	JobUploading SellerJobState = "uploading"
	JobPending   SellerJobState = "pending"
	JobRunning   SellerJobState = "running"
	JobDone      SellerJobState = "done"
	JobFailed    SellerJobState = "failed"
)

// LineError is what is wrong with a line of what was uploaded. Reason repeats nothing of the line.
type LineError struct {
	Line   int64
	Reason string
}

// MostLineErrors is how many errors of lines are kept of a job.
const MostLineErrors = 100

// SellerJob is something that a seller asked for and that takes long. It is done piece by piece: Step is the number of the piece that is
// next. Done, Total and Failed count lines; Errors are the first of those that failed. Settings are for its kind alone.
type SellerJob struct {
	SellerID, ID          string
	Kind                  SellerJobKind
	State                 SellerJobState
	Settings              string
	Done, Total, Failed   int64
	Errors                []LineError
	Step                  int64
	CreatedAt, FinishedAt time.Time
}

// Open reports whether the job waits or runs.
func (j *SellerJob) Open() bool { return j.State == JobPending || j.State == JobRunning }

// Fail counts a line that failed.
func (j *SellerJob) Fail(line int64, reason string) {
	j.Failed++
	if len(j.Errors) < MostLineErrors {
		j.Errors = append(j.Errors, LineError{line, fault.Readable(reason)})
	}
}

// JobPiece is a part of what was uploaded for a job: whole lines, of which Line is the number of the first. Number counts from 0.
type JobPiece struct {
	Number, Line int64
	Content      []byte
}

// ToldLine says what became of a line, as a text without line breaks. It repeats nothing of the line.
type ToldLine struct {
	Line int64
	Told []byte
}

// JobReport is what became of the lines of a piece, of which there is one at least. Number is that of the piece.
type JobReport struct {
	Number int64
	Lines  []ToldLine
}

// LeadImportSettings are the settings of a job that imports leads: the API key that it is for, the names of the columns, and the fields that
// every line has, which go when the job ends.
type LeadImportSettings struct {
	KeyID   string            `json:"key_id"`
	Columns []string          `json:"columns,omitempty"`
	Given   map[string]string `json:"given,omitempty"`
}

// KeyOfImport returns the id of the API key that a job imports leads for; ok is false when it is another job.
func KeyOfImport(j SellerJob) (keyID string, ok bool) {
	var s LeadImportSettings
	if j.Kind != SellerJobLeads || json.Unmarshal([]byte(j.Settings), &s) != nil {
		return "", false
	}
	return s.KeyID, s.KeyID != ""
}

// EndWith ends the job as failed, and says why of the file as a whole: as of line 0, which no file has.
func (j *SellerJob) EndWith(why string, at time.Time) {
	if why != "" {
		j.Errors = append([]LineError{{0, why}}, j.Errors...)
	}
	j.End(JobFailed, at)
}

// Why returns why the job failed as a whole, when that is known.
func (j *SellerJob) Why() string {
	if len(j.Errors) > 0 && j.Errors[0].Line == 0 {
		return j.Errors[0].Reason
	}
	return ""
}

// End ends the job. What it knew of leads goes.
func (j *SellerJob) End(state SellerJobState, at time.Time) {
	j.State, j.FinishedAt = state, at
	if key, ok := KeyOfImport(*j); ok {
		b, err := json.Marshal(LeadImportSettings{KeyID: key})
		if err != nil {
			b = []byte("{}")
		}
		j.Settings = string(b)
	}
}

// SellerJobRepository stores the jobs of sellers. A job is locked before all other rows.
type SellerJobRepository interface {
	// Add stores a new job.
	Add(ctx context.Context, j SellerJob) error
	// Lock loads a job and locks it: ErrJobNotFound.
	Lock(ctx context.Context, sellerID, id string) (SellerJob, error)
	// Save stores a locked job.
	Save(ctx context.Context, j SellerJob) error
	// Delete deletes a job of which no piece and no report is left.
	Delete(ctx context.Context, sellerID, id string) error
	// AddPiece stores a piece of a job.
	AddPiece(ctx context.Context, sellerID, jobID string, p JobPiece) error
	// Piece loads a piece; found is false when there is none.
	Piece(ctx context.Context, sellerID, jobID string, number int64) (p JobPiece, found bool, err error)
	// DeletePieces deletes up to limit pieces of a job, the first ones first, and returns how many.
	DeletePieces(ctx context.Context, sellerID, jobID string, limit int) (int, error)
	// AddReport stores what became of the lines of a piece.
	AddReport(ctx context.Context, sellerID, jobID string, r JobReport) error
	// DeleteReports is DeletePieces for reports.
	DeleteReports(ctx context.Context, sellerID, jobID string, limit int) (int, error)
}

// SellerJobReader reads jobs outside of a transaction.
type SellerJobReader interface {
	// OpenJobs returns up to limit jobs of all sellers that wait or run, the oldest first.
	OpenJobs(ctx context.Context, limit int) ([]application.Ref, error)
	// LeftUploads returns up to limit jobs that began before a time and were never completed.
	LeftUploads(ctx context.Context, before time.Time, limit int) ([]application.Ref, error)
	// EndedJobs returns up to limit jobs that ended before a time.
	EndedJobs(ctx context.Context, before time.Time, limit int) ([]application.Ref, error)
	// UnfinishedImports returns how many imports of leads with an API key did not end yet, those included that are uploaded.
	UnfinishedImports(ctx context.Context, sellerID, keyID string) (int, error)
}

// JobSteps are what does the pieces of the jobs of each kind that need more than a transaction. They are told of a job and its next piece as
// these are stored, and do nothing of a piece that is done already.
type JobSteps map[SellerJobKind]func(ctx context.Context, j SellerJob, p JobPiece) error

// JobPieces are what does the pieces of the jobs of each kind, in the transaction in which the piece is marked as done.
type JobPieces map[SellerJobKind]func(ctx context.Context, tx Tx, j *SellerJob, p JobPiece, at time.Time) error
