package lines_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/application/market/lines"
)

type read struct {
	line   int64
	fields string
}

// all reads CSV piece by piece.
func all(t require.TestingT, r io.Reader) (out []read, records int64, pieces int) {
	require.NoError(t, lines.Cut(r, func(content []byte, line, n int64) error {
		records += n
		pieces++
		return lines.Each(bytes.Clone(content), line, func(fields []string, line int64, err error) error {
			if err != nil {
				fields = []string{"wrong"}
			}
			out = append(out, read{line, strings.Join(fields, "|")})
			return nil
		})
	}))
	return out, records, pieces
}

func TestRecords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]read{
		"":                     nil,
		"\n\r\n  \n":           nil,
		"a":                    {{1, "a"}},
		"\ufeffphone\r\n1\r\n": {{1, "phone"}, {2, "1"}},
		"a, b \n\n\nc":         {{1, "a|b"}, {4, "c"}},
		"\"x\ny\",2\nz":        {{1, "x\ny|2"}, {3, "z"}},
		"\"a \"\"b\"\"\"\nc":   {{1, `a "b"`}, {2, "c"}},
		"5\" tv\nc":            {{1, "wrong"}, {2, "c"}},
		"a\n\"never ends\nb":   {{1, "a"}, {2, "wrong"}},
	} {
		got, n, _ := all(t, strings.NewReader(text))
		assert.Equal(t, want, got, "%q", text)
		assert.EqualValues(t, len(want), n, "%q", text)
	}
}

func TestPiecesAreCutBetweenRecords(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&b, "+1312%07d,\"a\n%d\"\n", i, i)
	}
	got, n, pieces := all(t, iotest.OneByteReader(strings.NewReader(b.String())))
	require.Len(t, got, 60_000)
	assert.EqualValues(t, 60_000, n)
	assert.Equal(t, 60, pieces, "of 1,000 records")
	for i, r := range got {
		require.Equal(t, read{int64(2*i + 1), fmt.Sprintf("+1312%07d|a\n%d", i, i)}, r)
	}
	got, _, pieces = all(t, strings.NewReader(strings.Repeat(strings.Repeat("x", 1_999)+"\n", 500)))
	assert.Len(t, got, 500)
	assert.Equal(t, 8, pieces, "of 128 KiB")
	got, n, pieces = all(t, strings.NewReader("a\n"+strings.Repeat("\n", 1<<20)+"b\n"))
	assert.Equal(t, []read{{1, "a"}, {1<<20 + 2, "b"}}, got)
	assert.EqualValues(t, 2, n)
	assert.Equal(t, 9, pieces, "of 128 KiB of blank lines")
	err := lines.Cut(strings.NewReader("a\n\""+strings.Repeat("x\n", lines.MaxRecord)), func([]byte, int64, int64) error { return nil })
	require.ErrorIs(t, err, lines.ErrTooLong)
	broken := errors.New("broken")
	require.ErrorIs(t, lines.Cut(iotest.ErrReader(broken), func([]byte, int64, int64) error { return nil }), broken)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := rapid.SliceOfN(rapid.SliceOfN(rapid.StringMatching(`[a-z",\n ]{0,6}x`), 1, 3), 1, 20).Draw(t, "table")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		require.NoError(t, w.WriteAll(table))
		got, _, _ := all(t, &b)
		require.Len(t, got, len(table))
		for i, row := range table {
			for j := range row {
				row[j] = strings.TrimSpace(row[j])
			}
			require.Equal(t, strings.Join(row, "|"), got[i].fields)
		}
	})
}
