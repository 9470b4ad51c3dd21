package leadmill

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Error is what the server answered instead of success. Compare its Code, which docs/errors.md lists; texts may change.
type Error struct {
	Status    int    // of HTTP
	Code      string // such as validation_failed; empty when what answered is no Leadmill server
	Message   string
	Hint      string              // what helps to mend the request, or nothing
	Fields    map[string][]string // what is missing or wrong, with the reasons that are known
	RequestID string              // leads to the request in the logs of the server

	// RetryAfter is how long to wait, or 0 when the server did not say.
	RetryAfter time.Duration
	Body       []byte
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message)
	if e.Code == "" {
		text = fmt.Sprintf("%d, which is no answer of Leadmill", e.Status)
	}
	if e.RequestID != "" {
		text += " (" + e.RequestID + ")"
	}
	return text
}

// LogChangedError is a cursor that means nothing in the log of the server, as after a restore of its database. What to do is in
// docs/events.md, "When the log is another".
type LogChangedError struct {
	Err   *Error // with the code log_changed or position_ahead
	LogID string // the log that the server has
	Head  int64  // its last position
}

func (e *LogChangedError) Error() string {
	return fmt.Sprintf("the log is %s now, its last position %d: %v", e.LogID, e.Head, e.Err)
}

func (e *LogChangedError) Unwrap() error { return e.Err }

// PositionArchivedError is a cursor before the first event that the server still has.
type PositionArchivedError struct {
	Err   *Error // with the code position_archived
	First int64  // the first position that there is
}

func (e *PositionArchivedError) Error() string {
	return fmt.Sprintf("the first position that is left is %d: %v", e.First, e.Err)
}

func (e *PositionArchivedError) Unwrap() error { return e.Err }

// newError reads an error of either form: that of /api, and that of all other paths.
func newError(answer *http.Response, body []byte) error {
	e := &Error{Status: answer.StatusCode, RequestID: answer.Header.Get("X-Request-Id"), RetryAfter: retryAfter(answer.Header), Body: body}
	var said struct {
		Code      string                     `json:"code"`
		Message   string                     `json:"message"`
		Error     string                     `json:"error"`
		Hint      string                     `json:"hint"`
		RequestID string                     `json:"request_id"`
		Fields    []string                   `json:"fields"`
		Errors    map[string]json.RawMessage `json:"errors"`
		LogID     string                     `json:"log_id"`
		Head      int64                      `json:"head"`
		First     int64                      `json:"first"`
	}
	if json.Unmarshal(body, &said) != nil || said.Code == "" || answer.StatusCode/100 == 2 {
		return e
	}
	e.Code, e.Hint, e.Message = said.Code, said.Hint, said.Message
	if e.Message == "" {
		e.Message = said.Error
	}
	if said.RequestID != "" {
		e.RequestID = said.RequestID
	}
	for name, text := range said.Errors {
		var reasons []string
		var reason string
		if json.Unmarshal(text, &reasons) != nil && json.Unmarshal(text, &reason) == nil {
			reasons = []string{reason}
		}
		e.add(name, reasons)
	}
	for _, name := range said.Fields {
		if _, known := e.Fields[name]; !known {
			e.add(name, nil)
		}
	}
	switch said.Code {
	case "log_changed", "position_ahead":
		return &LogChangedError{e, said.LogID, said.Head}
	case "position_archived":
		return &PositionArchivedError{e, said.First}
	}
	return e
}

func (e *Error) add(name string, reasons []string) {
	if e.Fields == nil {
		e.Fields = map[string][]string{}
	}
	e.Fields[name] = reasons
}
