package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// The snippets of docs/suppliers.md do what the guide says, each where its interpreter is installed.
func TestTheSuppliersGuideWorksAsWritten(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "suppliers.md"))
	if err != nil {
		t.Fatal(err)
	}
	snippets := map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$").FindAllStringSubmatch(string(guide), -1) {
		if snippets[m[1]] == "" {
			snippets[m[1]] = m[2]
		}
	}
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		d := runDemo(t, databaseURL, "--empty")
		// run runs a snippet against the demo and returns what it prints; ok is false where there is no interpreter.
		run := func(language, extra string, command ...string) (out string, ok bool) {
			t.Helper()
			if snippets[language] == "" {
				t.Fatalf("the guide has no %s", language)
			}
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Logf("%s is not installed", command[0])
				return "", false
			}
			text := strings.NewReplacer("https://leads.example.com", d.supplier.URL, "YOUR_API_KEY", d.key).Replace(extra + snippets[language])
			file := filepath.Join(t.TempDir(), "snippet."+command[len(command)-1])
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout strings.Builder
			c := exec.CommandContext(t.Context(), command[0], file)
			c.Stdout = &stdout
			if err := c.Run(); err != nil {
				t.Fatalf("%s: %v\n%s", language, err, stdout.String())
			}
			return stdout.String(), true
		}
		like := func(out, pattern string) {
			t.Helper()
			if !regexp.MustCompile(`^` + pattern + `\n?$`).MatchString(out) {
				t.Errorf("printed %q, want %s", out, pattern)
			}
		}
		if out, ok := run("sh", "", "bash", "sh"); ok {
			like(out, strings.TrimSuffix(soldPattern, `\}`)+`,"test":true\}`)
		}
		for range 2 { // the second is the answer of the first
			if out, ok := run("js", "", "node", "mjs"); ok {
				like(out, `200 sold lead_[0-9A-Z]{26}`)
			}
		}
		// What a browser posts from the form comes to the script in $_POST.
		var names []string
		for _, m := range regexp.MustCompile(`name="(\w+)"`).FindAllStringSubmatch(snippets["html"], -1) {
			names = append(names, m[1])
		}
		values := map[string]string{"firstName": "Jane", "lastName": "Doe", "phone": "604 785 3795", "email": "", "state": "new york", "zip": "501"}
		if len(names) != len(values) {
			t.Errorf("the form has %v", names)
		}
		posted := func(phone string) string {
			values["phone"] = phone
			sent := map[string]string{}
			for _, name := range names {
				sent[name] = values[name]
			}
			text, err := json.Marshal(sent)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("<?php $_POST = json_decode('%s', true); ?>", text)
		}
		if out, ok := run("php", posted("604 785 3795"), "php", "php"); ok {
			like(out, `Thank you, we will call you\.`)
			out, _ = run("php", posted("12"), "php", "php")
			like(out, `phone must have 7 to 15 digits<br>`)
		}
	})
}
