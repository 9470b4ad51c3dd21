package consolehttp

import "time"

// seenField says when what a form shows had been changed last.
const seenField = "_seen"

// seenAt writes a time for seenField.
func seenAt(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// Seen is when what the form shows had been changed last.
func (v *Visit) Seen() string { return v.Form.Value(seenField) }

// seen reads it; a form that does not say it has seen nothing.
func (v *Visit) seen() time.Time {
	t, err := time.Parse(time.RFC3339Nano, v.Seen())
	if err != nil {
		return time.Unix(0, 0)
	}
	return t
}
