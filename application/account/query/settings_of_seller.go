package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

// SettingsOfSeller asks for the settings of the actor's seller.
type SettingsOfSeller struct{ application.Actor }

// Needs implements application.Message.
func (SettingsOfSeller) Needs() application.Scope { return application.Program }

// Settings is how the actor's seller runs its partner program.
type Settings struct {
	Name, Code, Website, Currency, TimeZone string
	Program                                 seller.PartnerProgram
	UpdatedAt                               time.Time
}

// SettingsOf returns the Settings of a stored seller.
func SettingsOf(s seller.Snapshot) Settings {
	return Settings{Name: s.Name, Code: s.Code, Website: s.Website, Currency: s.Currency, TimeZone: s.TimeZone, Program: s.Program, UpdatedAt: s.UpdatedAt}
}
