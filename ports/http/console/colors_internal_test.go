package consolehttp

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Whatever color a seller chooses, text of it and on it can be read, by day and by night.
func TestEveryColorCanBeRead(t *testing.T) {
	t.Parallel()
	steps := []uint8{0, 0x20, 0x55, 0x80, 0xaa, 0xd0, 0xff}
	for _, red := range steps {
		for _, green := range steps {
			for _, blue := range steps {
				c := color{red, green, blue}
				day, night := dayAccents(c), nightAccents(c)
				for _, pair := range [][2]color{
					{day.accent, white},
					{day.accent, dayGround},
					{day.strong, day.tint},
					{day.ink, day.accent},
					{night.accent, nightGround},
					{night.accent, nightCard},
					{night.strong, night.tint},
					{night.ink, night.accent},
				} {
					assert.GreaterOrEqual(t, contrast(pair[0], pair[1]), 4.5, "%s on %s, of %s", pair[0], pair[1], c)
				}
			}
		}
	}
}

func TestAColorThatCanBeReadStays(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "#0b6455", dayAccents(color{0x0b, 0x64, 0x55}).accent.String())
	assert.InDelta(t, 21.0, contrast(black, white), 0.001)
	assert.InDelta(t, 1.0, contrast(white, white), 0.001)
	for digits, want := range map[string]bool{"0b6455": true, "FFFFFF": true, "": false, "fff": false, "0b645g": false, "+b6455": false, "0b64550": false} {
		_, ok := parseColor(digits)
		assert.Equal(t, want, ok, digits)
	}
}
