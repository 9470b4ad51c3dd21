package command

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/market/lines"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

// ImportLeads submits the leads that a CSV file lists. The file is stored while it is read, and soon after RunSellerJobs decides each line as
// SubmitLead decides a lead. Its first line names the fields. Given are fields of every line, for those that no column is for. CheckName
// refuses the names of fields that no request may have.
type ImportLeads struct {
	application.Actor

	Given     map[string]string
	CheckName func(name string) error
	Body      io.Reader
	// Once makes the answer replayable; it is told a hash of the file.
	Once func(file [sha256.Size]byte) application.Once[market.SellerJob]
}

// Needs implements application.Message.
func (ImportLeads) Needs() application.Scope { return application.Supplier }

// ErrTooManyImports says that an API key has as many imports that are not done as it may have.
var ErrTooManyImports = fault.New(fault.TooMany, "too_many_imports", "Too many imports are not done yet")

const (
	// mostImports is how many imports of an API key may wait, run or be uploaded at a time.
	mostImports = 5
	// importRecords is how many lines of an import share a transaction: single leads wait for no more than that.
	importRecords = 250
	// mostImported is how many lines a file may have, blank ones not counted.
	mostImported = 1_000_000
	// maxColumns and maxNames bound how many columns a file has, and how many bytes their names and the given fields have together.
	maxColumns = 1_000
	maxNames   = 32 << 10
	// importTimeout is how long a piece may take, and importFacts how long the outside is asked about its leads before.
	importTimeout = time.Minute
	importFacts   = 10 * time.Second
)

// ImportLeadsHandler handles ImportLeads.
type ImportLeadsHandler struct {
	market.Deps
	Jobs market.SellerJobReader
}

// Handle implements bus.Handler. Errors: field.ErrInvalid naming "file" for a file that cannot be read, field.ErrMissing when neither a column nor
// a given field is seller or category, ErrWrongSeller, ErrTooManyImports, those of CheckName and of Body.
func (h ImportLeadsHandler) Handle(ctx context.Context, c ImportLeads) (application.Done, error) {
	for name := range c.Given {
		if err := c.CheckName(name); err != nil {
			return application.Done{}, err
		}
	}
	if named := c.Given["seller"]; named != "" && !c.IsSeller(named) {
		return application.Done{}, ErrWrongSeller
	}
	u := upload{
		Deps: h.Deps,
		job: market.SellerJob{
			SellerID: c.SellerID, ID: h.IDs.New("job"), Kind: market.SellerJobLeads, State: market.JobUploading, CreatedAt: h.Clock.Now(),
		},
		cut:   func(r io.Reader, do func([]byte, int64, int64) error) error { return lines.CutBy(importRecords, r, do) },
		first: c.settings,
		most:  mostImported,
		// The job is counted itself, so that of several at once none comes in that is too many.
		full: func(ctx context.Context) error {
			n, err := h.Jobs.UnfinishedImports(ctx, c.SellerID, c.KeyID)
			if err == nil && n > mostImports {
				err = ErrTooManyImports
			}
			return err
		},
		wrong: wrongLeads,
	}
	return u.store(ctx, c.Actor, c.Body, c.Once)
}

var tooManyColumns = "has more than " + strconv.Itoa(maxColumns) + " columns, or too long names of them"

func wrongLeads(message string) error {
	return field.ErrInvalid.With(fault.Violation{Field: "file", Code: fault.InvalidValue, Message: message})
}

// settings reads the names of the columns from the first piece of a file.
func (c *ImportLeads) settings(content []byte) (settings string, header bool, err error) {
	columns, err := firstRecord(content, wrongLeads)
	if err != nil {
		return "", false, err
	}
	if len(columns) > maxColumns {
		return "", false, wrongLeads(tooManyColumns)
	}
	size := 0
	for i, name := range columns {
		size += len(name)
		switch {
		case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
			return "", false, wrongLeads("has a first line that is no UTF-8")
		case strings.Contains(name, "@") || name != "" && strings.Trim(name, "0123456789") == "": // of a person, in a file without names
			return "", false, wrongLeads("must begin with a line that names the columns: column " + strconv.Itoa(i+1) + " has no name of a field")
		case name != "" && slices.Contains(columns[:i], name):
			return "", false, wrongLeads("names column " + strconv.Itoa(i+1) + " as one before it")
		}
		if err := c.CheckName(name); err != nil {
			return "", false, err
		}
	}
	for name, value := range c.Given {
		size += len(name) + len(value)
	}
	if size > maxNames {
		return "", false, wrongLeads(tooManyColumns)
	}
	var missing []fault.Violation
	for _, name := range []string{"seller", "category"} {
		if !slices.Contains(columns, name) && c.Given[name] == "" {
			missing = append(missing, fault.Violation{Field: name, Code: fault.Required, Message: "is required"})
		}
	}
	if len(missing) > 0 {
		return "", false, field.ErrMissing.With(missing...)
	}
	b, err := json.Marshal(market.LeadImportSettings{KeyID: c.KeyID, Columns: columns, Given: c.Given})
	if err == nil && len(b) > 2*maxNames-1024 {
		return "", false, wrongLeads("has names of columns that take too much")
	}
	return string(b), true, err
}

// LeadLines reads and tells of leads as the supplier API does.
type LeadLines struct {
	// Take moves fields into a command.
	Take func(fields field.Set, c *SubmitLead) error
	// Render writes the answer to a lead.
	Render func(SubmitLeadResult) application.Response
	// Tell writes what became of a line.
	Tell func(done application.Done, err error) []byte
}

// LeadImports decides the leads of imports.
type LeadImports struct {
	market.Deps
	Together *LeadsTogether
	Lines    LeadLines
	// Actor returns who an API key stands for now: application.ErrInvalidKey.
	Actor func(ctx context.Context, sellerID, keyID string) (application.Actor, error)
}

// errRaggedLine says that a line cannot be read, as it is said of the body of a request.
var errRaggedLine = fault.New(fault.Invalid, "invalid_request_body", "Invalid request body")

// Step decides the lines of a piece in one transaction, in which their report and how far the job is are stored, so that no line is decided
// twice. It implements what market.JobSteps has. A line that cannot be taken fails alone. Lines of a key that is not valid any more fail as
// requests with it do.
func (h *LeadImports) Step(ctx context.Context, j market.SellerJob, p market.JobPiece) error {
	var s market.LeadImportSettings
	if err := json.Unmarshal([]byte(j.Settings), &s); err != nil {
		return fmt.Errorf("settings of job %s: %w", j.ID, err)
	}
	actor, revoked := h.Actor(ctx, j.SellerID, s.KeyID)
	if revoked != nil && !errors.Is(revoked, application.ErrInvalidKey) {
		return revoked
	}
	var all []asked
	var at []int64
	header := p.Number == 0
	if err := lines.Each(p.Content, p.Line, func(cells []string, line int64, wrong error) error {
		if header {
			header = false
			return nil
		}
		a := asked{SubmitLead: SubmitLead{Actor: actor, Trail: application.Trail{CorrelationID: j.ID}, Render: h.Lines.Render}, wrong: revoked}
		if a.wrong == nil {
			a.wrong = h.read(&a.SubmitLead, s, cells, wrong)
		}
		all, at = append(all, a), append(at, line)
		return nil
	}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, importTimeout+importFacts)
	defer cancel()
	if err := h.Together.ask(ctx, all, importFacts); err != nil {
		return err
	}
	var now market.SellerJob
	_, err := h.Together.decide(ctx, all, func(ctx context.Context, tx market.Tx, _ time.Time) (done bool, err error) {
		now, err = tx.SellerJobs().Lock(ctx, j.SellerID, j.ID)
		return err == nil && (!now.Open() || now.Step != p.Number), err
	}, func(ctx context.Context, tx market.Tx, d decided) error {
		report := market.JobReport{Number: p.Number}
		job := now
		job.Errors = slices.Clone(now.Errors)
		for i, o := range d.outcomes {
			job.Done++
			if o.Err != nil {
				job.Fail(at[i], reasonOf(o))
			}
			report.Lines = append(report.Lines, market.ToldLine{Line: at[i], Told: h.Lines.Tell(o.Result, o.Err)})
		}
		if len(report.Lines) > 0 {
			if err := tx.SellerJobs().AddReport(ctx, j.SellerID, j.ID, report); err != nil {
				return err
			}
		}
		return pieceDone(ctx, tx, job)
	})
	return err
}

// read reads a line into its command.
func (h *LeadImports) read(c *SubmitLead, s market.LeadImportSettings, cells []string, wrong error) error {
	switch {
	case wrong != nil:
		return errRaggedLine.With(fault.Violation{Field: "line", Code: fault.InvalidValue, Message: "is no CSV"})
	case len(cells) != len(s.Columns):
		return errRaggedLine.With(fault.Violation{Field: "line", Code: fault.InvalidValue, Message: fmt.Sprintf("has %d cells, and the first line %d", len(cells), len(s.Columns))})
	}
	fields := make(field.Set, len(cells)+len(s.Given))
	for name, value := range s.Given {
		fields[name] = field.TextValue(value)
	}
	for i, name := range s.Columns {
		if !utf8.ValidString(cells[i]) {
			return errRaggedLine.With(fault.Violation{Field: "line", Code: fault.InvalidValue, Message: "is no UTF-8"})
		}
		if name != "" {
			fields[name] = field.TextValue(cells[i])
		}
	}
	if err := h.Lines.Take(fields, c); err != nil {
		return err
	}
	content := c.content()
	c.Fingerprint = sha256.Sum256(append([]byte("line\x00"), content[:]...))
	return nil
}

// reasonOf says in few words why a line failed.
func reasonOf(o bus.Outcome[application.Done]) string {
	e := fault.As(o.Err)
	if e == nil || e.Kind == fault.Internal {
		return "could not be decided"
	}
	wrong := e.Violated()
	switch {
	case len(wrong) == 0:
		return string(e.Code)
	case wrong[0].Field == "line":
		return wrong[0].Message
	}
	return wrong[0].Field + " " + wrong[0].Message
}
