package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// The command line shows the log as integrators read it, and goes on while things happen.
func TestTheCommandLineFollowsTheLog(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		p := apptest.Run(t, databaseURL, []string{"serve"})
		s, other := apptest.NewShop(t, &p.App, nil, apptest.Rich), apptest.NewShop(t, &p.App, nil, apptest.Rich)
		lead := s.Sell(t, s.Form())
		other.Sell(t, other.Form())
		apptest.Open(t, databaseURL).Settle()
		tail := func(args ...string) []string {
			out := must(t, databaseURL, append([]string{"events", "tail", "--no-follow"}, args...)...)
			return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		}
		var page struct{ Data []json.RawMessage }
		if err := json.Unmarshal(s.Program.Must(t, "GET", "/v1/events?limit=1000", nil).Body, &page); err != nil {
			t.Fatal(err)
		}
		const base = "/schemas/"
		plain := func(line string) string { // without the address of the server, which the command line does not know
			before, after, _ := strings.Cut(line, `"dataschema":"`)
			_, after, _ = strings.Cut(after, base)
			return before + after
		}
		got := tail("--after", "0", "--json", "--seller", s.Code)
		if len(got) != len(page.Data) {
			t.Fatalf("it shows %d events, the feed %d", len(got), len(page.Data))
		}
		for i, e := range page.Data {
			if plain(got[i]) != plain(string(e)) {
				t.Errorf("it shows\n%s\nthe feed\n%s", got[i], e)
			}
		}
		if got := tail("--after", "0", "--subject", lead.ID); len(got) != 2 || !strings.Contains(got[1], " lead.sold.v1 "+s.Code+" "+lead.ID+" {") || strings.Contains(got[1], "\x1b") {
			t.Errorf("of a lead it shows\n%s", strings.Join(got, "\n"))
		}
		if got := tail("--last", "1000", "--type", "lead.*,buyer.created", "--seller", other.Code); len(got) != 3 {
			t.Errorf("of some types it shows\n%s", strings.Join(got, "\n"))
		}
		if got := tail(); len(got) != 1 || got[0] != "" {
			t.Errorf("from the end on it shows\n%s", strings.Join(got, "\n"))
		}
		for _, wrong := range []struct {
			args []string
			code int
			says string
		}{
			{[]string{"--type", "lead.told"}, 2, "lead.told"},
			{[]string{"--type", "["}, 2, "no pattern"},
			{[]string{"--after", "99999"}, 2, "beyond"},
			{[]string{"--last", "-1"}, 2, "from 0"},
			{[]string{"--seller", "NOBODY00"}, 1, "not found"},
		} {
			if code, _, stderr := end(t, databaseURL, append([]string{"events", "tail", "--no-follow"}, wrong.args...)); code != wrong.code || !strings.Contains(stderr, wrong.says) {
				t.Errorf("%v ended with %d: %s", wrong.args, code, stderr)
			}
		}

		following := apptest.Launch(t, databaseURL, []string{"events", "tail", "--last", "1", "--type", "lead.sold", "--seller", s.Code})
		next := s.Sell(t, s.Form()).ID
		apptest.Eventually(t, func() error {
			if out := following.Output.String(); strings.Count(out, next) == 0 {
				return fmt.Errorf("it shows %q", out)
			}
			return nil
		})
		following.Stop(t)
		if out := following.Output.String(); strings.Contains(out, other.Code) || strings.Contains(out, "lead.submitted") {
			t.Errorf("it shows\n%s", out)
		}
		if out := must(t, databaseURL, "events", "parked", "list"); strings.Count(out, "\n") != 1 {
			t.Errorf("parked are\n%s", out)
		}
		for _, wrong := range []struct {
			args []string
			code int
			says string
		}{
			{[]string{"campaign-report", "x", "--reason", "y"}, 2, "a number"},
			{[]string{"campaign-report", "1"}, 2, "--reason"},
			{[]string{"nobody", "1", "--reason", "y"}, 1, "nobody"},
			{[]string{"campaign-report", "1", "--reason", "y"}, 1, "no such parked event"},
		} {
			if code, _, stderr := end(t, databaseURL, append([]string{"events", "parked", "skip"}, wrong.args...)); code != wrong.code || !strings.Contains(stderr, wrong.says) {
				t.Errorf("%v ended with %d: %s", wrong.args, code, stderr)
			}
		}
		p.Stop(t)
	})
}
