package clients_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	goClient         = filepath.Join("..", "..", "sdk", "go")
	typeScriptClient = filepath.Join("..", "..", "sdk", "typescript")
	sdkPackages      = filepath.Join("..", "..", ".cache", "sdk", "node_modules")
)

// built is done when the TypeScript client and its tests and examples are in the folder sdk of shared.
var built sync.Once

// typeScript is a workshop with the TypeScript client, as its own commands built it. It is one for all tests, which change nothing in it.
func typeScript(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(shared, "sdk")
	built.Do(func() {
		modules, err := filepath.Abs(sdkPackages)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(modules); err != nil {
			t.Fatalf("%v: make test-setup PKG=./tests/clients installs them", err)
		}
		for _, name := range []string{"src", "test", "example"} {
			if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(typeScriptClient, name))); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"package.json", "tsconfig.json", "tsconfig.test.json", "README.md", "LICENSE"} {
			text, err := os.ReadFile(filepath.Join(typeScriptClient, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
			t.Fatal(err)
		}
		run(t, dir, "", "npm", "run", "pretest")
	})
	if _, err := os.Stat(filepath.Join(dir, "out")); err != nil {
		t.Fatalf("another test could not build the client: %v", err)
	}
	return dir
}

// The tests of the clients start the binary for themselves; none may be skipped.
func TestTheGoClient(t *testing.T) {
	t.Parallel()
	printed := run(t, goClient, "", "go", "test", "-count=1", "-v", "./...")
	contains(t, "go test", printed, "--- PASS: TestALeadIsSoldOnceThroughACutConnection")
	contains(t, "go test", printed, "--- PASS: TestEachEventCountsOnceThroughRestarts")
	if strings.Contains(printed, "--- SKIP") {
		t.Errorf("some are skipped:\n%s", printed)
	}
}

func TestTheTypeScriptClient(t *testing.T) {
	t.Parallel()
	printed := run(t, typeScript(t), "", "npm", "test", "--ignore-scripts") // what it would build first is built
	contains(t, "npm test", printed, "each event counts once through restarts")
	contains(t, "npm test", printed, "# fail 0")
	contains(t, "npm test", printed, "# skipped 0")
}

// What is generated with packages of npm, which make generate-check does without, is what is committed.
func TestTheTypesOfTheTypeScriptClientAreCurrent(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	modules, err := filepath.Abs(sdkPackages)
	if err != nil {
		t.Fatal(err)
	}
	run(t, typeScriptClient, "", "env", "NODE_MODULES="+modules, "OUT="+out, "./generate.sh")
	for _, name := range []string{"api.gen.ts", "events.gen.ts"} {
		written, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		committed, err := os.ReadFile(filepath.Join(typeScriptClient, "src", name))
		if err != nil || !bytes.Equal(written, committed) {
			t.Errorf("%s is stale, run make generate (%v)", name, err)
		}
	}
}

// What npm would publish is what a program imports, types and code, and what npm adds by itself.
func TestTheTypeScriptPackage(t *testing.T) {
	t.Parallel()
	dir := typeScript(t)
	var packed []struct {
		Files []struct{ Path string }
	}
	printed := run(t, dir, "", "npm", "pack", "--dry-run", "--json", "--ignore-scripts", "--offline", "--loglevel=silent")
	if err := json.Unmarshal([]byte(printed), &packed); err != nil || len(packed) != 1 {
		t.Fatalf("npm pack prints %s", printed)
	}
	var names []string
	for _, f := range packed[0].Files {
		names = append(names, f.Path)
		if !slices.Contains([]string{"package.json", "README.md", "LICENSE"}, f.Path) && !strings.HasPrefix(f.Path, "dist/") {
			t.Errorf("%s would be published", f.Path)
		}
	}
	for _, want := range []string{"dist/index.js", "dist/index.d.ts", "README.md", "LICENSE"} {
		contains(t, "npm pack", strings.Join(names, " "), want)
	}
}

// example is a program of the documents: how it is started.
type example func(arguments ...string) *exec.Cmd

// examples are those of docs/sdk.md, in each language.
func examples(t *testing.T) map[string]example {
	t.Helper()
	program := filepath.Join(t.TempDir(), "example")
	run(t, goClient, "", "go", "build", "-o", program, "./example")
	dir := typeScript(t)
	return map[string]example{
		"Go": func(arguments ...string) *exec.Cmd { return exec.CommandContext(t.Context(), program, arguments...) },
		"TypeScript": func(arguments ...string) *exec.Cmd {
			arguments[0] = filepath.Join(dir, "out", "example", arguments[0]+".js")
			return exec.CommandContext(t.Context(), "node", arguments...)
		},
	}
}

var demoKeys = regexp.MustCompile(`(?s)Demo seller:  (\S+) .*Program key:  (\S+)\s.*Supplier key: (\S+)\s`)

// TestTheExamplesOfTheClients runs them against the demo: a lead is sold and counted, also one that is sold while nobody follows.
func TestTheExamplesOfTheClients(t *testing.T) {
	t.Parallel()
	for language, program := range examples(t) {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			s := start(t, "demo --empty", "curl ")
			demo := demoKeys.FindStringSubmatch(s.printed)
			if demo == nil {
				t.Fatalf("the demo prints %s", s.printed)
			}
			dir := t.TempDir()
			as := func(key string, arguments ...string) *exec.Cmd {
				c := program(arguments...)
				c.Dir, c.Env = dir, append(os.Environ(), "LEADMILL_URL="+s.address, "LEADMILL_KEY="+key)
				return c
			}
			output := func(c *exec.Cmd) string {
				t.Helper()
				out, err := c.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %v\n%s", c.Args, err, out)
				}
				return string(out)
			}
			// next is the first line that who follows prints.
			next := func() string {
				t.Helper()
				c := as(demo[2], "follow")
				out, err := c.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				c.Stderr = os.Stderr
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				lines := bufio.NewScanner(out)
				lines.Scan()
				_ = c.Process.Kill()
				_ = c.Wait()
				return lines.Text()
			}
			contains(t, "partners", output(as(demo[2], "partners")), " active\n")
			first, status, _ := strings.Cut(strings.TrimSpace(output(as(demo[3], "sell", demo[1]))), " ")
			if status != "sold" {
				t.Fatalf("the lead %s is %s", first, status)
			}
			contains(t, "follow", next(), first+" earned ")
			second, err := another(t, s.address, demo[3], demo[1])
			if err != nil {
				t.Fatal(err)
			}
			contains(t, "follow", next(), second+" earned ")
		})
	}
}

// another sells one more lead.
func another(t *testing.T, address, key, seller string) (id string, err error) {
	t.Helper()
	body := fmt.Sprintf(`{"seller":%q,"category":"Auto Insurance","firstName":"Ann","lastName":"Doe","phone":"604-785-3799","state":"TX"}`, seller)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/leads", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	var lead struct {
		ID     string `json:"lead_id"`
		Status string `json:"status"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&lead); err != nil || lead.Status != "sold" {
		return "", fmt.Errorf("the other lead is %+v: %w", lead, err)
	}
	return lead.ID, nil
}
