package query

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

// Settings is how the actor's seller runs its partner program.
type Settings struct {
	Name, Code, Website, Currency, TimeZone string
	Program                                 seller.PartnerProgram
}

// SettingsOf answers a stored seller.
func SettingsOf(s seller.Snapshot) Settings {
	return Settings{Name: s.Name, Code: s.Code, Website: s.Website, Currency: s.Currency, TimeZone: s.TimeZone, Program: s.Program}
}

// SettingsOfSeller asks for the settings of the actor's seller.
type SettingsOfSeller struct{ application.Actor }

// Overview asks for the totals of the actor's program.
type Overview struct{ application.Actor }

// Total is how many there are, how many came in the last 30 days and in the 30 days before.
type Total struct{ All, Recent, Before int64 }

// ProgramOverview is the totals of a program, as far as the projection got, and its settings.
type ProgramOverview struct {
	Partners, Signups, Clicks, Leads Total
	Settings                         Settings
}

// SettingsReader is the read model of settings.
type SettingsReader interface {
	SettingsOfSeller(ctx context.Context, q SettingsOfSeller) (Settings, error)
}

// OverviewReader is the read model of the overview.
type OverviewReader interface {
	Overview(ctx context.Context, q Overview) (ProgramOverview, error)
}
