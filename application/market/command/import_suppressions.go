package command

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/market/lines"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/suppression"
)

// ImportSuppressions suppresses what a CSV file lists. The file is stored while it is read, piece by piece, and imported soon after by
// RunSellerJobs. Its first line names columns: kind and value, or phone, email and domain; others are passed over. With a Kind the file has
// no such line, and the first column of each is a value of that kind.
type ImportSuppressions struct {
	application.Actor

	Kind string
	Body io.Reader
	// Once makes the answer replayable; it is told a hash of the file.
	Once func(file [sha256.Size]byte) application.Once[market.SellerJob]
}

// Needs implements application.Message.
func (ImportSuppressions) Needs() application.Scope { return application.Program }

// suppressionColumns say in which columns of a file values stand: Kind and Value, or those of each kind. -1 is none.
type suppressionColumns struct {
	Kind   int            `json:"kind"`
	Value  int            `json:"value"`
	Of     map[string]int `json:"of,omitempty"`
	Header bool           `json:"header"` // whether line 1 names them
}

// named reads the first line of a file; fault.ErrValidation when it names no columns of ours.
func named(header []string) (suppressionColumns, error) {
	c := suppressionColumns{Kind: -1, Value: -1, Of: map[string]int{}, Header: true}
	for i, name := range header {
		switch name = strings.ToLower(name); name {
		case "kind":
			c.Kind = i
		case "value":
			c.Value = i
		default:
			if slices.Contains(suppression.Kinds(), suppression.Kind(name)) {
				c.Of[name] = i
			}
		}
	}
	if (c.Kind < 0 || c.Value < 0) && len(c.Of) == 0 {
		return c, wrongFile("must begin with a line that names columns: kind and value, or phone, email or domain; or say by kind what it lists")
	}
	return c, nil
}

func wrongFile(message string) error {
	var v fault.Violations
	v.Add("file", fault.InvalidValue, message)
	return v.Err()
}

// values returns what a line lists, by kind.
func (c suppressionColumns) values(fields []string) (kinds, values []string) {
	at := func(i int) string {
		if i < 0 || i >= len(fields) {
			return ""
		}
		return fields[i]
	}
	if c.Kind >= 0 && c.Value >= 0 && (at(c.Kind) != "" || at(c.Value) != "") {
		kinds, values = append(kinds, strings.ToLower(at(c.Kind))), append(values, at(c.Value))
	}
	for _, kind := range suppression.Kinds() {
		if i, there := c.Of[string(kind)]; there && at(i) != "" {
			kinds, values = append(kinds, string(kind)), append(values, at(i))
		}
	}
	return kinds, values
}

// ImportSuppressionsHandler handles ImportSuppressions.
type ImportSuppressionsHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: fault.ErrValidation for a file that cannot be read, those of Body.
func (h ImportSuppressionsHandler) Handle(ctx context.Context, c ImportSuppressions) (done application.Done, err error) {
	j := market.SellerJob{
		SellerID: c.Actor.SellerID, ID: h.IDs.New("job"), Kind: market.SellerJobSuppressions, State: market.JobUploading, CreatedAt: h.Clock.Now(),
	}
	columns := suppressionColumns{Kind: -1, Value: -1, Of: map[string]int{c.Kind: 0}}
	if c.Kind != "" && !slices.Contains(suppression.Kinds(), suppression.Kind(c.Kind)) {
		var v fault.Violations
		v.Add("kind", fault.InvalidValue, "must be phone, email or domain")
		return application.Done{}, v.Err()
	}
	u := upload{Deps: h.Deps, job: j, cut: lines.Cut, wrong: wrongFile, first: func(content []byte) (settings string, header bool, err error) {
		if c.Kind == "" {
			if columns, err = headerOf(content); err != nil {
				return "", false, err
			}
		}
		b, err := json.Marshal(columns)
		if err != nil {
			return "", false, fmt.Errorf("encode the columns of a file: %w", err)
		}
		return string(b), c.Kind == "", nil
	}}
	return u.store(ctx, c.Actor, c.Body, c.Once)
}

// headerOf reads the columns of a file from its first piece.
func headerOf(content []byte) (suppressionColumns, error) {
	names, err := firstRecord(content, wrongFile)
	if err != nil {
		return suppressionColumns{}, err
	}
	return named(names)
}

// importPiece suppresses what the lines of a piece list.
func importPiece(ids application.IDs) func(ctx context.Context, tx market.Tx, j *market.SellerJob, p market.JobPiece, at time.Time) error {
	return func(ctx context.Context, tx market.Tx, j *market.SellerJob, p market.JobPiece, at time.Time) error {
		var columns suppressionColumns
		if err := json.Unmarshal([]byte(j.Settings), &columns); err != nil {
			return fmt.Errorf("columns of job %s: %w", j.ID, err)
		}
		header := columns.Header && p.Number == 0
		var all []market.Suppression
		if err := lines.Each(p.Content, p.Line, func(fields []string, line int64, wrong error) error {
			if header {
				header = false
				return nil
			}
			j.Done++
			if wrong != nil {
				j.Fail(line, "is no CSV")
				return nil //nolint:nilerr // what is wrong with a line is told, and stops nothing
			}
			kinds, values := columns.values(fields)
			if len(kinds) == 0 {
				j.Fail(line, "has no value")
			}
			for i := range kinds {
				v, err := suppression.Parse(kinds[i], values[i])
				if err != nil {
					violated := fault.As(err).Violated()
					j.Fail(line, violated[0].Field+" "+violated[0].Message)
					break
				}
				all = append(all, market.NewSuppression(j.SellerID, ids.New("suppression"), v, j.ID, at))
			}
			return nil
		}); err != nil {
			return err
		}
		_, err := tx.Suppressions().Add(ctx, all)
		return err
	}
}
