package fault_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// The jobs of a process that is killed go on in another one when their leases end.
func TestJobsOfAKilledProcessGoOnElsewhere(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		db := apptest.Open(t, databaseURL)
		mails := []string{t.TempDir(), t.TempDir()}
		serve := func(i int) *apptest.Process {
			return apptest.Run(t, databaseURL, []string{"serve"}, "LEADMILL_MAIL_DIR="+mails[i])
		}
		sent := func(i int, to string) (n int) {
			t.Helper()
			files, err := filepath.Glob(filepath.Join(mails[i], "*.eml"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range files {
				text, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(text), to) {
					n++
				}
			}
			return n
		}
		owned := func() error {
			if n := db.Number("SELECT COUNT(*) FROM jobs WHERE name IN ('send-mails', 'sweep-pending') AND lease_until >= " + db.Micros()); n != 2 {
				return fmt.Errorf("%d jobs have an owner, want 2", n)
			}
			return nil
		}
		const fence = "SELECT SUM(fence) FROM jobs WHERE name IN ('send-mails', 'sweep-pending')"
		const sweeps = "SELECT runs FROM jobs WHERE name = 'sweep-pending'"

		first := serve(0)
		apptest.Eventually(t, owned)
		second := serve(1)
		s := apptest.NewShop(t, &second.App, nil)
		const invitations = 5
		for i := range invitations { // through the second one, but mails are the first one's
			s.Program.Must(t, "POST", "/v1/partners:invite", apptest.Object{"email": fmt.Sprintf("before-%d@people.example", i), "name": "A"})
		}
		apptest.Eventually(t, func() error {
			if n := sent(0, "before-"); n < invitations {
				return fmt.Errorf("%d mails are sent, want %d", n, invitations)
			}
			return nil
		})
		if n := sent(1, ""); n != 0 {
			t.Errorf("the other process sent %d mails", n)
		}
		before, swept := db.Number(fence), db.Number(sweeps)
		if before != 2 {
			t.Errorf("the two jobs had %d owners, want one each", before)
		}

		first.Kill()
		s.Program.Must(t, "POST", "/v1/partners:invite", apptest.Object{"email": "after@people.example", "name": "B"})
		apptest.Eventually(t, func() error {
			// Mails that were sent, but not yet marked so, come a second time.
			if sent(1, "after@people.example") != 1 {
				return errors.New("the other process did not send what came after the end")
			}
			if n := db.Number(sweeps); n <= swept {
				return fmt.Errorf("%d sweeps are stored, %d were before", n, swept)
			}
			return owned()
		})
		if n := db.Number(fence); n != before+2 {
			t.Errorf("the two jobs had %d owners, want %d", n, before+2)
		}
		list := apptest.Launch(t, databaseURL, []string{"jobs"})
		if code := list.Wait(t); code != 0 {
			t.Fatalf("leadmill jobs ended with %d", code)
		}
		for _, name := range []string{"send-mails", "sweep-pending"} {
			_, rest, _ := strings.Cut(list.Output.String(), name)
			if line, _, _ := strings.Cut(rest, "\n"); !strings.Contains(line, " ok ") || !strings.HasSuffix(line, "yes") {
				t.Errorf("leadmill jobs says of %s\n%s", name, list.Output)
			}
		}
		second.Stop(t)
		if n := db.Number("SELECT COUNT(*) FROM jobs WHERE lease_until > 0"); n != 0 {
			t.Errorf("%d jobs have an owner after the end", n)
		}
	})
}
