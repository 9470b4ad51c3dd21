package application_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/application"
)

func TestASchedulesText(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]application.Schedule{
		"every 1s":       application.Every(time.Second),
		"every 1m30s":    application.Every(90 * time.Second),
		"every 10m":      application.Every(10 * time.Minute),
		"every 1h30m":    application.Every(90 * time.Minute),
		"every 20h":      application.Every(20 * time.Hour),
		"every 1h0m5s":   application.Every(time.Hour + 5*time.Second),
		"every 0s":       {},
		"0 3 * * MON":    application.Cron(" 0  3 * *\tMON\n"),
		"":               application.Cron(""),
		"every 2540400h": application.Every(2_540_400 * time.Hour),
	} {
		assert.Equal(t, want, s.String())
	}
	_, ok := application.Every(time.Hour).Spec()
	assert.False(t, ok)
	spec, ok := application.Cron(" ").Spec()
	assert.True(t, ok, "an empty text is still a Cron schedule, which the start refuses as one")
	assert.Empty(t, spec)
}
