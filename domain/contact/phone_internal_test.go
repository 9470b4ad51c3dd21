package contact

import (
	"testing"

	"pgregory.net/rapid"
)

// For whatever fastNANP recognises, it returns the same as parseDialled.
func TestFastNANPAgreesWithGeneralForm(t *testing.T) {
	t.Parallel()
	recognised := 0
	rapid.Check(t, func(t *rapid.T) {
		dial := rapid.OneOf(
			rapid.StringMatching(`(\+?1)?[0-9]{10}`),
			rapid.StringMatching(`(\+?1)?[2-9][0-9]{9}`),
			rapid.StringMatching(`\+?[0-9]{7,15}`),
		).Draw(t, "dial")
		fast, ok := fastNANP([]byte(dial))
		if !ok {
			return
		}
		recognised++
		if slow, err := parseDialled(dial); err != nil || slow != fast {
			t.Fatalf("%s: fast %q, general %q, %v", dial, fast, slow, err)
		}
	})
	if recognised == 0 {
		t.Fatal("nothing was compared")
	}
}

// Every area code and exchange is tried: the plan's metadata may treat some prefixes in a special way.
func TestFastNANPEveryPrefix(t *testing.T) {
	t.Parallel()
	dial := []byte("+12000000000")
	for prefix := 200; prefix < 1000; prefix++ {
		for _, rest := range []string{"0000000", "1234567", "5551234", "9110000"} {
			dial[2], dial[3], dial[4] = byte('0'+prefix/100), byte('0'+prefix/10%10), byte('0'+prefix%10)
			copy(dial[5:], rest)
			for _, form := range [][]byte{dial, dial[1:], dial[2:]} {
				fast, ok := fastNANP(form)
				slow, err := parseDialled(string(form))
				if !ok || err != nil || fast != slow {
					t.Fatalf("%s: fast %q, %v, general %q, %v", form, fast, ok, slow, err)
				}
			}
		}
	}
}

func BenchmarkParseDialled(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = parseDialled("+15551234567")
	}
}
