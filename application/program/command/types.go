package command

import (
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
)

// The types of commands' members. Ports must not import aggregates, so they take these types from here.
type (
	// CustomField is a named value that an operator keeps with a partner.
	CustomField = partner.CustomField
	// FormQuestion is a field of the lead form.
	FormQuestion = lead.Question
	// FormQuestionType is how a question of the lead form is answered.
	FormQuestionType = lead.QuestionType
	// FormAnswer is the answer to one field of the lead form.
	FormAnswer = lead.Given
)
