package command

import (
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
)

// The types that commands are filled with. A port knows no aggregate, so it has them from here.
type (
	// CustomField is a name and a value that a partner carries.
	CustomField = partner.CustomField
	// FormQuestion is a field of the lead form.
	FormQuestion = lead.Question
	// FormAnswer is what was answered to a field of the lead form.
	FormAnswer = lead.Given
)
