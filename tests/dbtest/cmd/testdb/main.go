// Command testdb runs a command with database servers that all its test binaries share:
//
//	testdb [-engines mysql,mariadb] command [argument...]
//
// It starts the servers that the environment does not name, gives the command LEADMILL_TEST_MYSQL_URL and
// LEADMILL_TEST_MARIADB_URL, removes the servers when it ends, and exits with its status.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/leadmill/leadmill/tests/dbtest"
)

func main() {
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		os.Exit(1)
	}
	os.Exit(status)
}

func run() (int, error) {
	engines := flag.String("engines", string(dbtest.MySQL), "servers to start, a comma list of mysql and mariadb")
	flag.Parse()
	if flag.NArg() == 0 {
		return 0, errors.New("no command: testdb [-engines mysql,mariadb] command [argument...]")
	}
	for name := range strings.SplitSeq(*engines, ",") {
		engine := dbtest.Engine(strings.TrimSpace(name))
		url, err := dbtest.AdminURL(engine)
		if err != nil {
			return 0, err
		}
		if err := os.Setenv("LEADMILL_TEST_"+strings.ToUpper(string(engine))+"_URL", url); err != nil {
			return 0, err
		}
	}
	// A terminal's Ctrl-C reaches the command by itself; whoever signals only us is passed on. We end after it.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	cmd := exec.CommandContext(context.Background(), flag.Arg(0), flag.Args()[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it may have ended already
		}
	}()
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode(), nil
	default:
		return 0, err
	}
}
