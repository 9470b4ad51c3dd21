// Package sellerrow reads rows of the table sellers. Two rooms need them: the one that keeps sellers, and the one whose
// answers name a seller's program.
//
// Stability: unsupported; it may change at any time.
package sellerrow

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/domain/seller"
)

// Columns are the columns of the table sellers.
const Columns = "id, code, slug, name, currency, time_zone, website, program, created_at, updated_at, version"

// Row is a row of the table sellers. Times are in UTC microseconds; see PartnerProgram for Program.
type Row struct {
	ID        string  `db:"id"`
	Code      string  `db:"code"`
	Slug      string  `db:"slug"`
	Name      string  `db:"name"`
	Currency  string  `db:"currency"`
	TimeZone  string  `db:"time_zone"`
	Website   string  `db:"website"`
	Program   *string `db:"program"`
	CreatedAt int64   `db:"created_at"`
	UpdatedAt int64   `db:"updated_at"`
	Version   int64   `db:"version"`
}

// ByID returns the row of an id. lock is appended to the statement.
func ByID(ctx context.Context, from engine.Source, id, lock string) (row Row, found bool, err error) {
	row, found, err = get(ctx, from, "id", id, lock)
	return row, found && row.ID == id, err
}

// ByCode is ByID by the seller's code.
func ByCode(ctx context.Context, from engine.Source, code, lock string) (row Row, found bool, err error) {
	row, found, err = get(ctx, from, "code", code, lock)
	return row, found && row.Code == code, err
}

// get reads a row that its caller looks at again: MySQL's collations ignore trailing spaces; ids and codes do not.
func get(ctx context.Context, from engine.Source, column, value, lock string) (row Row, found bool, err error) {
	if !engine.IsID(value) {
		return Row{}, false, nil
	}
	found, err = from.Get(ctx, &row, "SELECT "+Columns+" FROM sellers WHERE "+column+" = ?"+lock, value)
	return row, found, err
}

// Snapshot returns the seller as it is stored; an error when its program cannot be read.
func (r Row) Snapshot() (seller.Snapshot, error) {
	program, err := r.PartnerProgram()
	if err != nil {
		return seller.Snapshot{}, err
	}
	return seller.Snapshot{
		ID: r.ID, Code: r.Code, Slug: r.Slug, Name: r.Name, Currency: r.Currency, TimeZone: r.TimeZone,
		Website: r.Website, Program: program, CreatedAt: engine.Time(r.CreatedAt), UpdatedAt: engine.Time(r.UpdatedAt), Version: r.Version,
	}, nil
}

// storedProgram is the column program. Members are only ever added.
type storedProgram struct {
	Manual        bool                `json:"manual,omitempty"`
	Parameter     string              `json:"parameter"`
	CookieDays    int                 `json:"cookie_days"`
	LastTouch     bool                `json:"last_touch,omitempty"`
	WindowDays    int                 `json:"window_days,omitempty"`
	SelfReferral  bool                `json:"self_referral,omitempty"`
	LeadsCampaign *storedLeadCampaign `json:"leads,omitempty"`
	LeadDays      int                 `json:"lead_days,omitempty"`
	SharedEmails  bool                `json:"shared_emails,omitempty"`
	SignUp        bool                `json:"sign_up,omitempty"`
	Terms         string              `json:"terms,omitempty"`
	TermsURL      string              `json:"terms_url,omitempty"`
	Color         string              `json:"color,omitempty"`
}

type storedLeadCampaign struct {
	CampaignID string            `json:"campaign"`
	Fields     map[string]string `json:"fields"`
}

// EncodeProgram is a partner program as it is stored.
func EncodeProgram(p seller.PartnerProgram) (string, error) {
	return engine.JSON(storedProgram{
		p.ManualApproval, p.LinkParameter, p.CookieDays, p.LastTouch, p.WindowDays, p.AllowSelfReferral,
		(*storedLeadCampaign)(p.LeadCampaign), p.LeadRetentionDays, p.SharedEmails, p.SignUp, p.Terms, p.TermsURL, p.Color,
	})
}

// PartnerProgram reads what EncodeProgram wrote; a seller that has set nothing has the default program.
func (r Row) PartnerProgram() (seller.PartnerProgram, error) {
	if r.Program == nil {
		return seller.DefaultProgram(), nil
	}
	var p storedProgram
	if err := json.Unmarshal([]byte(*r.Program), &p); err != nil {
		return seller.PartnerProgram{}, fmt.Errorf("restore the program of seller %s: %w", r.ID, err)
	}
	return seller.PartnerProgram{
		ManualApproval: p.Manual, LinkParameter: p.Parameter, CookieDays: p.CookieDays, LastTouch: p.LastTouch,
		WindowDays: p.WindowDays, AllowSelfReferral: p.SelfReferral, LeadCampaign: (*seller.LeadCampaign)(p.LeadsCampaign),
		LeadRetentionDays: p.LeadDays, SharedEmails: p.SharedEmails,
		SignUp: p.SignUp, Terms: p.Terms, TermsURL: p.TermsURL, Color: p.Color,
	}, nil
}
