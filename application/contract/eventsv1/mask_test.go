package eventsv1

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The numbers are in every stored log. A line of the golden file is never changed or removed; a new type gets a new line.
func TestNumbersNeverChange(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "numbers.txt")
	var got bytes.Buffer
	seen := map[int]string{}
	for _, typ := range slices.SortedFunc(maps.Keys(numbers), func(a, b string) int { return numbers[a] - numbers[b] }) {
		n := numbers[typ]
		if n < 0 || n >= otherTypes {
			t.Errorf("the number of %s is %d", typ, n)
		}
		if other, twice := seen[n]; twice {
			t.Errorf("%s and %s have the number %d", typ, other, n)
		}
		seen[n] = typ
		fmt.Fprintf(&got, "%d %s\n", n, typ)
	}
	if *update {
		before, _ := os.ReadFile(path)
		if !bytes.HasPrefix(got.Bytes(), before) {
			t.Fatal("a number that was given before has changed")
		}
		if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("numbers of types (%v):\n%s\nwant:\n%s", err, got.Bytes(), want)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	if Mask() != 0 || Mask("x.acme.scored.v1") != 1<<otherTypes || Mask("x.acme.scored.v1", "x.other.scored.v1") != 1<<otherTypes {
		t.Error("types of teams do not share the last bit")
	}
	if m := Mask("lead.sold.v1", "seller.created.v1"); m != 1<<numbers["lead.sold.v1"]|1<<35 {
		t.Errorf("mask %x", m)
	}
}
