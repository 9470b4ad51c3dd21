package httpport

import (
	"bytes"
	"encoding/csv"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// No cell of a table is a formula, however a spreadsheet splits it: https://owasp.org/www-community/attacks/CSV_Injection names what begins one, and
// that separators and quotes may bring it to the beginning of a cell.
func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	dangerous := regexp.MustCompile(`^[ \x{a0}"]*[=+\-@＝＋－＠]`)
	for _, begins := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		for _, before := range []string{"", ";", "x;", "a,b;", "x\t", "x\n", "x\r\n", "x\r", `"`, ";\"", "x; ", `";""`, "x\n\"", ";;", "\n\n", "\u00a0", "=;=", "\t", "\r"} {
			text := before + begins + `cmd|'/C calc'!A0";` + begins + "1"
			var b bytes.Buffer
			w := csv.NewWriter(&b)
			require.NoError(t, w.Write([]string{"Ann", harmless(text), "Bo"}))
			w.Flush()
			// As a spreadsheet reads it that splits at commas, and as those do that split at something else, for which a quote inside of a cell is a letter.
			for _, split := range []string{";", "\t"} {
				for _, cell := range strings.FieldsFunc(b.String(), func(r rune) bool { return strings.ContainsRune(split+"\r\n", r) }) {
					assert.NotRegexp(t, dangerous, cell, "%q split at %q", text, split)
				}
			}
			rows, err := csv.NewReader(&b).ReadAll()
			require.NoError(t, err)
			for _, cell := range rows[0] {
				assert.NotRegexp(t, dangerous, cell, text)
				assert.NotRegexp(t, "^[\t\r]", cell, text)
			}
		}
	}
	for text, want := range map[string]string{
		"": "", "Ann": "Ann", "a=b": "a=b", "1-2": "1-2", "a; b": "a; b", "x@y.example": "x@y.example", "a\nb": "a\nb", "Bo, -1": "Bo, -1",
		"=1+1": "'=1+1", "\tx": "'\tx", "\rx": "'\rx", "+15125550100": "'+15125550100", "a;=1": "a;'=1", "a\n-b": "a\n'-b", "';=1": "';'=1",
	} {
		assert.Equal(t, want, harmless(text))
	}
}
