package leadrow

import (
	"encoding/json"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/domain/lead"
)

// reviewAnswer is a member of the column lead_reviews.answers: a question as it was asked.
type reviewAnswer struct {
	ID       int64  `json:"id"`
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// EncodeAnswers returns the answers of a form lead as the column lead_reviews.answers has them.
func EncodeAnswers(all []lead.Answer) (string, error) {
	answers := make([]reviewAnswer, len(all))
	for i, a := range all {
		answers[i] = reviewAnswer(a)
	}
	return engine.JSON(answers)
}

// DecodeAnswers reads what EncodeAnswers wrote; anything else is an error.
func DecodeAnswers(text string) ([]lead.Answer, error) {
	var stored []reviewAnswer
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return nil, err
	}
	var out []lead.Answer
	for _, a := range stored {
		out = append(out, lead.Answer(a))
	}
	return out, nil
}
