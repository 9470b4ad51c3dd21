package program

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
)

type forms struct{ t *engine.Tx }

type formRow struct {
	SellerID   string `db:"seller_id"`
	Version    int64  `db:"version"`
	Definition string `db:"definition"`
}

const formColumns = "seller_id, version, definition"

// storedForm is the column lead_forms.definition. Members are only ever added.
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

func (r formRow) snapshot() (lead.FormSnapshot, error) {
	var stored storedForm
	if err := json.Unmarshal([]byte(r.Definition), &stored); err != nil {
		return lead.FormSnapshot{}, fmt.Errorf("restore the lead form of seller %s: %w", r.SellerID, err)
	}
	n := lead.FormSnapshot{SellerID: r.SellerID, Version: r.Version, NextID: stored.NextID, Enabled: stored.Enabled}
	for _, q := range stored.Questions {
		n.Questions = append(n.Questions, lead.Question{
			ID: q.ID, Type: lead.QuestionType(q.Type), Title: q.Title, Text: q.Text,
			Description: q.Description, Required: q.Required, Options: q.Options,
		})
	}
	return n, nil
}

// Get implements program.FormRepository.
func (r forms) Get(ctx context.Context, sellerID string) (*lead.Form, error) {
	n, err := findForm(ctx, r.t, sellerID)
	if err != nil {
		return nil, err
	}
	return lead.FormFromSnapshot(n), nil
}

// findForm returns a seller's form; the empty one when it has set none.
func findForm(ctx context.Context, from engine.Source, sellerID string) (lead.FormSnapshot, error) {
	var row formRow
	found, err := from.Get(ctx, &row, "SELECT "+formColumns+" FROM lead_forms WHERE seller_id = ?", sellerID)
	if err != nil {
		return lead.FormSnapshot{}, err
	}
	if !found || row.SellerID != sellerID {
		return lead.NewForm(sellerID).Snapshot(), nil
	}
	return row.snapshot()
}

// Save implements program.FormRepository. Versions only grow: a form that was changed meanwhile is not overwritten.
func (r forms) Save(ctx context.Context, f *lead.Form) error {
	n := f.Snapshot()
	stored := storedForm{Enabled: n.Enabled, NextID: n.NextID, Questions: make([]storedQuestion, len(n.Questions))}
	for i, q := range n.Questions {
		stored.Questions[i] = storedQuestion{q.ID, string(q.Type), q.Title, q.Text, q.Description, q.Required, q.Options}
	}
	definition, err := engine.JSON(stored)
	if err != nil {
		return r.t.Refuse(err)
	}
	matched, err := r.t.Exec(ctx, "UPDATE lead_forms SET version = ?, definition = ? WHERE seller_id = ? AND version < ?", n.Version, definition,
		n.SellerID, n.Version)
	if err != nil || matched == 1 {
		return err
	}
	taken, err := r.t.Insert(ctx, "lead_forms", "INSERT INTO lead_forms ("+formColumns+") VALUES (?,?,?)", n.SellerID, n.Version, definition)
	if err == nil && taken != "" {
		return application.ErrConcurrentChange
	}
	return err
}
