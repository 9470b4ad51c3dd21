package leadmill

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
)

func greetCommand() *cobra.Command {
	c := &cobra.Command{Use: "greet NAME", Short: "Greet somebody", Args: cobra.ExactArgs(1)}
	c.Flags().Bool("loud", false, "with an exclamation mark")
	return c
}

// newGreet shows that a command gets what a module gets.
func newGreet(c Config, ids application.IDs) CLIFunc {
	return func(cmd *cobra.Command, args []string) error {
		loud, err := cmd.Flags().GetBool("loud")
		if err != nil || args[0] == "nobody" {
			return errors.Join(err, errors.New("nobody is there"))
		}
		end := "."
		if loud {
			end = "!"
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "Hello %s%s %d %t\n", args[0], end, len(ids.New("x")), c.DatabaseURL != "")
		return err
	}
}

func TestCommandOfAModule(t *testing.T) {
	t.Setenv("LEADMILL_DATABASE_URL", "sqlite:"+filepath.Join(t.TempDir(), "leadmill.db"))
	t.Setenv("LEADMILL_MAIL_DIR", t.TempDir())
	app := New(NewModule("acme", AsCLI(greetCommand, newGreet)))
	require.Zero(t, app.Main(t.Context(), []string{"migrate", "up"}, io.Discard, io.Discard))
	for _, c := range []struct {
		args        []string
		out, errors string
		code        int
	}{
		{[]string{"greet", "Ann"}, "Hello Ann. 28 true\n", "", 0},
		{[]string{"greet", "--loud", "Bob"}, "Hello Bob! 28 true\n", "", 0},
		{[]string{"greet", "nobody"}, "", "leadmill: nobody is there\n", 1},
		{[]string{"greet"}, "", "leadmill: accepts 1 arg(s), received 0; see leadmill greet --help\n", 2},
		{[]string{"greet", "--quiet", "Ann"}, "", "leadmill: unknown flag: --quiet\n", 2},
	} {
		var out, problems bytes.Buffer
		assert.Equal(t, c.code, app.Main(t.Context(), c.args, &out, &problems), "%v: %s", c.args, &problems)
		assert.Equal(t, c.out, out.String())
		told := problems.String()
		if c.code < 2 {
			first, rest, _ := strings.Cut(told, "\n")
			assert.True(t, strings.HasPrefix(first, "Database: sqlite:"), told)
			told = rest
		}
		assert.Equal(t, c.errors, told)
	}
	var help bytes.Buffer
	require.Zero(t, app.Main(t.Context(), []string{"--help"}, &help, &help))
	assert.Contains(t, help.String(), "greet       Greet somebody")
}

func TestCommandsOfModulesAreChecked(t *testing.T) {
	t.Parallel()
	named := func(name string) func() *cobra.Command {
		return func() *cobra.Command { return &cobra.Command{Use: name} }
	}
	for says, parts := range map[string][]Extension{
		`the command "serve" of`:         {AsCLI(named("serve"), newGreet)},
		`the command "help" of`:          {AsCLI(named("help"), newGreet)},
		`has a name that is taken`:       {AsCLI(named("x"), newGreet), AsCLI(named("x"), newGreet)},
		`has a Run or commands below it`: {AsCLI(func() *cobra.Command { return &cobra.Command{Use: "x", Run: func(*cobra.Command, []string) {}} }, newGreet)},
		`is no constructor of a`:         {AsCLI(named("x"), newNumber)},
		`the command of`:                 {AsCLI(nil, newGreet)},
		`the command "" of`:              {AsCLI(named(""), newGreet)},
		`Use must begin with a name`:     {AsCLI(named("Greet"), newGreet)},
		`panicked: no way`:               {AsCLI(func() *cobra.Command { panic("no way") }, newGreet)},
	} {
		_, err := assemble([]Module{NewModule("acme", parts...)})
		require.ErrorContains(t, err, says)
	}
}

// A command of a build with a mistake tells the mistake, not that there is no such command; what needs no modules works.
func TestCommandsOfABrokenBuild(t *testing.T) {
	t.Setenv("LEADMILL_DATABASE_URL", "sqlite:"+filepath.Join(t.TempDir(), "leadmill.db"))
	app := New(NewModule("acme", AsCLI(greetCommand, newGreet), Provide(newNumber)))
	const mistake = `leadmill: put leadmill together: module "acme": github.com/leadmill/leadmill.newNumber provides a int, which nothing needs` + "\n"
	for _, c := range []struct {
		args   []string
		errors string
		code   int
	}{
		{[]string{"version"}, "", 0},
		{[]string{"--help"}, "", 0},
		{[]string{"greet", "--help"}, "", 0},
		{[]string{"greet", "--loud", "Ann"}, mistake, 1},
		{[]string{"migrate", "status"}, mistake, 1},
		{[]string{"migrate", "up"}, mistake, 1},
		{[]string{"doctor"}, mistake, 1},
		{[]string{"serve"}, mistake, 1},
	} {
		var out, problems bytes.Buffer
		assert.Equal(t, c.code, app.Main(t.Context(), c.args, &out, &problems), "%v: %s", c.args, &problems)
		assert.Equal(t, c.errors, problems.String(), "%v", c.args)
	}
}
