package leadmill

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"github.com/spf13/cobra"
)

// CLIFunc is what a command of a module's command line does, with the arguments that are no flags. Its error is printed and
// the process ends with 1.
type CLIFunc func(cmd *cobra.Command, args []string) error

// moduleCommand is a command of a module's command line.
type moduleCommand struct {
	module *Module
	make   func() *cobra.Command
	tag    string // under which fx has its CLIFunc
}

// AsCLI adds a command to the command line. command returns it with its name, texts, flags and arguments, but without Run: what
// it does is the CLIFunc that constructor makes. When the command runs, the instance is put together as for serve, on the
// database of the settings, but serves nothing; the database must be there and have the schema of this build. A name that is taken is a
// mistake.
func AsCLI(command func() *cobra.Command, constructor any) Extension {
	return Extension{func(a *assembly, m *Module) {
		want, t := reflect.TypeFor[CLIFunc](), reflect.TypeOf(constructor)
		if !isConstructor(t) || !t.Out(0).ConvertibleTo(want) || reflect.ValueOf(constructor).IsNil() {
			a.problemf(m, "%v is no constructor of a %v: a function that returns one, or one and an error", t, want)
			return
		}
		c, err := safely(func() (*cobra.Command, error) { return command(), nil })
		switch {
		case command == nil || err == nil && c == nil:
			a.problemf(m, "the command of %s is nil", nameOf(constructor))
			return
		case err != nil:
			a.problemf(m, "the function that returns the command of %s %v", nameOf(constructor), err)
			return
		case !commandName.MatchString(c.Name()):
			a.problemf(m, "the command %q of %s: Use must begin with a name of a-z, 0-9 and hyphens", c.Name(), nameOf(constructor))
			return
		}
		wrong := len(a.problems)
		if c.Run != nil || c.RunE != nil || c.HasSubCommands() {
			a.problemf(m, "the command %q of %s has a Run or commands below it; what it does is the CLIFunc alone", c.Name(), nameOf(constructor))
		}
		for _, name := range append(c.Aliases, c.Name()) {
			if a.takenCommand(name) {
				a.problemf(m, "the command %q of %s has a name that is taken", name, nameOf(constructor))
			}
		}
		if len(a.problems) > wrong {
			return
		}
		p := newProvider(m, constructor, reflect.TypeFor[part[CLIFunc]](), true)
		p.group = fmt.Sprintf(`name:"cli %s %s"`, m.name, c.Name())
		p.become = func(made reflect.Value) (reflect.Value, error) {
			f, _ := reflect.TypeAssert[CLIFunc](made.Convert(want))
			return reflect.ValueOf(part[CLIFunc]{p, f}), nil
		}
		a.providers = append(a.providers, p)
		a.commands = append(a.commands, moduleCommand{m, command, p.group})
	}}
}

var commandName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

func (a *assembly) takenCommand(name string) bool {
	taken := []string{"help", "completion"}
	for _, c := range (&cli{}).own() {
		taken = append(append(taken, c.Name()), c.Aliases...)
	}
	for _, c := range a.commands {
		taken = append(append(taken, c.make().Name()), c.make().Aliases...)
	}
	return slices.Contains(taken, name)
}

// ofModules returns the commands of the modules of the build. Mistakes of the modules are told when a command runs.
func (c *cli) ofModules() []*cobra.Command {
	a, _ := c.app.assembled()
	list := make([]*cobra.Command, len(a.commands))
	for i, m := range a.commands {
		cmd := m.make()
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			config, err := LoadConfig()
			if err != nil {
				return &usageError{err}
			}
			var run part[CLIFunc]
			return c.app.with(cmd.Context(), config, c.stderr, func(context.Context, *core) error { return run.value(cmd, args) },
				populate(m.tag, &run), opened(opening{tell: c.stderr}))
		}
		if cmd.Args == nil {
			cmd.Args = cobra.NoArgs
		}
		list[i] = cmd
	}
	return list
}
