package leadmill

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMappingsOfAFile(t *testing.T) {
	t.Parallel()

	smaps := `00400000-023a8000 r-xp 00000000 fe:00 5906 /bin/leadmill
Size:              32416 kB
Anonymous:             0 kB
023a8000-046bd000 r--p 01fa8000 fe:00 5906 /bin/leadmill
Anonymous:             0 kB
046bd000-04700000 r--p 042bd000 fe:00 5906 /bin/leadmill
Anonymous:            12 kB
04700000-04a12000 rw-p 04300000 fe:00 5906 /bin/leadmill
Anonymous:             0 kB
04a12000-06a75000 rw-p 00000000 00:00 0
Anonymous:             0 kB
7f0000000000-7f0000001000 r--p 00000000 fe:00 77 /lib/libc.so.6
Anonymous:             0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
`
	got := mappingsOf("/bin/leadmill", strings.NewReader(smaps))
	want := []mapping{{0x400000, 0x23a8000}, {0x23a8000, 0x46bd000}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(mapping{})); diff != "" {
		t.Errorf("mappings (-want +got):\n%s", diff)
	}
}

// The program goes on after its pages were taken, and what it had written is there.
func TestTheProgramIsForgottenWhileItRuns(t *testing.T) {
	t.Parallel()

	name, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer smaps.Close()
	if len(mappingsOf(name, smaps)) == 0 {
		t.Error("no mapping of the program was found")
	}
	before := strings.ToUpper(name)
	forgetProgram()
	if strings.ToUpper(name) != before {
		t.Error("what the program wrote has changed")
	}
}
