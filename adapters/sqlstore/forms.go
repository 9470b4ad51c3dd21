package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
)

type forms struct{ t *tx }

type formRow struct {
	SellerID   string `db:"seller_id"`
	Version    int64  `db:"version"`
	Definition string `db:"definition"`
}

const formColumns = "seller_id, version, definition"

// storedForm is the column lead_forms.definition.
type storedForm struct {
	Enabled   bool             `json:"enabled"`
	NextID    int64            `json:"next_id"`
	Questions []storedQuestion `json:"questions"`
}

type storedQuestion struct {
	ID          int64    `json:"id"`
	Type        string   `json:"type"`
	Title       string   `json:"title,omitempty"`
	Text        string   `json:"text,omitempty"`
	Description string   `json:"description,omitempty"`
	Required    bool     `json:"required,omitempty"`
	Options     []string `json:"options,omitempty"`
}

func (r formRow) restore() (*lead.Form, error) {
	var stored storedForm
	if err := json.Unmarshal([]byte(r.Definition), &stored); err != nil {
		return nil, fmt.Errorf("restore the lead form of seller %s: %w", r.SellerID, err)
	}
	n := lead.FormSnapshot{SellerID: r.SellerID, Version: r.Version, NextID: stored.NextID, Enabled: stored.Enabled}
	for _, q := range stored.Questions {
		n.Questions = append(n.Questions, lead.Question{ID: q.ID, Type: lead.QuestionType(q.Type), Title: q.Title, Text: q.Text,
			Description: q.Description, Required: q.Required, Options: q.Options})
	}
	return lead.FormFromSnapshot(n), nil
}

// Get implements application.FormRepository.
func (r forms) Get(ctx context.Context, sellerID string) (*lead.Form, error) {
	return findForm(ctx, sellerID, r.t.get)
}

// findForm returns a seller's form, inside or outside of a transaction; the empty one when it has set none.
func findForm(ctx context.Context, sellerID string, get getter) (*lead.Form, error) {
	var row formRow
	found, err := get(ctx, &row, "SELECT "+formColumns+" FROM lead_forms WHERE seller_id = ?", sellerID)
	if err != nil {
		return nil, err
	}
	if !found || row.SellerID != sellerID {
		return lead.NewForm(sellerID), nil
	}
	return row.restore()
}

// Save implements application.FormRepository. Versions only grow: a form that was changed meanwhile is not overwritten.
func (r forms) Save(ctx context.Context, f *lead.Form) error {
	n := f.Snapshot()
	stored := storedForm{Enabled: n.Enabled, NextID: n.NextID, Questions: make([]storedQuestion, len(n.Questions))}
	for i, q := range n.Questions {
		stored.Questions[i] = storedQuestion{q.ID, string(q.Type), q.Title, q.Text, q.Description, q.Required, q.Options}
	}
	definition, err := encodeJSON(stored)
	if err != nil {
		return r.t.refuse(err)
	}
	matched, err := r.t.exec(ctx, "UPDATE lead_forms SET version = ?, definition = ? WHERE seller_id = ? AND version < ?", n.Version, definition,
		n.SellerID, n.Version)
	if err != nil || matched == 1 {
		return err
	}
	taken, err := r.t.insert(ctx, "lead_forms", "INSERT INTO lead_forms ("+formColumns+") VALUES (?,?,?)", n.SellerID, n.Version, definition)
	if err == nil && taken != "" {
		return application.ErrConcurrentChange
	}
	return err
}

type numbers struct{ t *tx }

// Next implements application.NumberRepository. The row is locked until the transaction ends, so that a number that is
// rolled back is given again.
func (r numbers) Next(ctx context.Context, sellerID, series string) (int64, error) {
	matched, err := r.t.exec(ctx, "UPDATE seller_numbers SET value = value + 1 WHERE seller_id = ? AND series = ?", sellerID, series)
	if err != nil {
		return 0, err
	}
	if matched == 0 {
		taken, err := r.t.insert(ctx, "seller_numbers", "INSERT INTO seller_numbers (seller_id, series, value) VALUES (?,?,1)", sellerID, series)
		if err == nil && taken != "" { // somebody else was first; the next run finds the row
			return 0, r.t.lostRace()
		}
		return 1, err
	}
	var row struct {
		Value int64 `db:"value"`
	}
	found, err := r.t.get(ctx, &row, "SELECT value FROM seller_numbers WHERE seller_id = ? AND series = ?", sellerID, series)
	if err == nil && !found {
		err = r.t.refuse(errors.New("sqlstore: a number that was just counted is gone"))
	}
	return row.Value, err
}
