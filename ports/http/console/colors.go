package consolehttp

import (
	"fmt"
	"math"
	"strconv"
)

// color is one as screens have it: red, green and blue.
type color [3]uint8

// parseColor reads six hexadecimal digits.
func parseColor(digits string) (c color, ok bool) {
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || len(digits) != 6 {
		return c, false
	}
	return color{uint8(n >> 16), uint8(n >> 8), uint8(n)}, true
}

func (c color) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// mixed is the color with a share of another.
func (c color) mixed(with color, share float64) color {
	for i := range c {
		c[i] = uint8(math.Round(float64(c[i])*(1-share) + float64(with[i])*share))
	}
	return c
}

// luminance is how light a color is (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance).
func (c color) luminance() float64 {
	weights, sum := [3]float64{0.2126, 0.7152, 0.0722}, 0.0
	for i, v := range c {
		s := float64(v) / 255
		if s <= 0.04045 {
			s /= 12.92
		} else {
			s = math.Pow((s+0.055)/1.055, 2.4)
		}
		sum += weights[i] * s
	}
	return sum
}

// contrast is how well two colors can be told apart: from 1 to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
func contrast(a, b color) float64 {
	high, low := max(a.luminance(), b.luminance()), min(a.luminance(), b.luminance())
	return (high + 0.05) / (low + 0.05)
}

// readable is the least contrast of text, by WCAG AA, with a little to spare for rounding.
const readable = 4.6

// against changes a color toward another until text of it can be read on a ground.
func (c color) against(ground, toward color) color {
	for share := 0.0; share <= 1; share += 0.02 {
		if m := c.mixed(toward, share); contrast(m, ground) >= readable {
			return m
		}
	}
	return toward
}

var (
	black, white = color{0, 0, 0}, color{255, 255, 255}
	// The grounds of console.css on which an accent is hardest to read, by day and by night.
	dayGround, nightGround, nightCard = color{0xee, 0xf0, 0xed}, color{0x22, 0x28, 0x24}, color{0x1a, 0x1f, 0x1c}
	nightInk                          = color{0x0b, 0x0f, 0x0d}
)

// accents are the tokens of console.css that a seller's color changes.
type accents struct{ accent, strong, ink, tint color }

// dayAccents makes a color dark enough for light pages.
func dayAccents(c color) accents {
	a := accents{accent: c.against(dayGround, black), ink: white}
	a.tint = white.mixed(a.accent, 0.1)
	a.strong = a.accent.mixed(black, 0.25).against(a.tint, black)
	return a
}

// nightAccents makes a color light enough for dark pages.
func nightAccents(c color) accents {
	a := accents{accent: c.against(nightGround, white), ink: nightInk}
	a.tint = nightCard.mixed(a.accent, 0.18)
	a.strong = a.accent.mixed(white, 0.3).against(a.tint, white)
	return a
}

// style is the accents as a style sheet writes them.
func (a accents) style() string {
	return fmt.Sprintf(":root { --accent: %s; --accent-strong: %s; --on-accent: %s; --tint: %s; }", a.accent, a.strong, a.ink, a.tint)
}
