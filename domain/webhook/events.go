package webhook

import "time"

// Change is what was done to a webhook.
type Change string

// The changes of a webhook.
const (
	WasCreated       Change = "created"
	WasUpdated       Change = "updated"
	WasSecretRotated Change = "secret_rotated"
	WasEnabled       Change = "enabled"
	WasDisabled      Change = "disabled"
	WasDeleted       Change = "deleted"
)

// Changed becomes webhook.changed.v1. Reason is why a webhook was disabled.
type Changed struct {
	WebhookID string
	Change    Change
	Reason    DisabledReason
	At        time.Time
}

// EventType implements event.Event.
func (Changed) EventType() string { return "webhook.changed" }
