package dbtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	mysqlImage   = "mysql:8.4"
	mariadbImage = "mariadb:10.11"
	// rootPassword is that of root on servers made here: they listen on 127.0.0.1 and hold nothing.
	rootPassword = "leadmill"
)

// program is how a server of an engine is had on this machine: a container image, or a command.
type program struct {
	engine  Engine
	image   string   // "" when the server is a process of its own
	command []string // the program and the arguments that say where its files are
	version string
}

// programOf finds the engine's server, in the order of scripts/test-setup.sh.
func programOf(e Engine) (program, error) {
	switch e {
	case MySQL:
		return mysqlProgram()
	case MariaDB:
		return mariadbProgram()
	default:
		return program{}, fmt.Errorf("no server of engine %q", string(e))
	}
}

var mysqlProgram = sync.OnceValues(func() (program, error) {
	if dockerWorks() {
		return program{engine: MySQL, image: mysqlImage}, nil
	}
	if path := lookPath("mysqld"); path != "" {
		if p, err := local(MySQL, path); err == nil {
			return p, nil
		}
	}
	if root := repository(); root != "" {
		if command := privateCommand(filepath.Join(root, ".cache", "mysql")); command != nil {
			return local(MySQL, command...)
		}
	}
	return program{}, fmt.Errorf("no MySQL server here: set %s, or run `make test-setup` in the repository of Leadmill", variable(MySQL, "DSN"))
})

var mariadbProgram = sync.OnceValues(func() (program, error) {
	if path := lookPath("mariadbd"); path != "" {
		return local(MariaDB, path)
	}
	if dockerWorks() {
		return program{engine: MariaDB, image: mariadbImage}, nil
	}
	return program{}, fmt.Errorf("no MariaDB server here: set %s, or run `make test-setup` in the repository of Leadmill", variable(MariaDB, "DSN"))
})

func dockerWorks() bool {
	if lookPath("docker") == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "docker", "info", "--format", "{{.ServerVersion}}").Run() == nil
}

// lookPath also looks where servers are installed but the PATH of a plain user does not lead.
func lookPath(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/local/mysql/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// privateCommand runs mysqld of a Debian root folder with that folder's own loader and libraries. So it needs no
// chroot: it sees this machine's /dev and /proc, and its data directory can be anywhere.
func privateCommand(root string) []string {
	mysqld := filepath.Join(root, "usr/sbin/mysqld")
	loader := first(filepath.Join(root, "usr/lib64/ld-linux-*.so.*"), filepath.Join(root, "usr/lib/ld-linux-*.so.*"))
	libraries := first(filepath.Join(root, "usr/lib/*-linux-gnu"))
	if _, err := os.Stat(mysqld); err != nil || loader == "" || libraries == "" {
		return nil
	}
	return []string{loader, "--library-path", libraries, mysqld, "--no-defaults", "--basedir=" + filepath.Join(root, "usr")}
}

func first(patterns ...string) string {
	for _, pattern := range patterns {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// local describes a server that runs as a process, when it is of that engine.
func local(e Engine, command ...string) (program, error) {
	if len(command) == 1 {
		command = append(command, "--no-defaults") // must come first
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], "--version")...).Output()
	version := strings.TrimSpace(string(out))
	switch {
	case err != nil:
		return program{}, fmt.Errorf("%s --version: %w", command[0], err)
	case isMariaDB(version) != (e == MariaDB):
		return program{}, fmt.Errorf("%s is not %s", version, e)
	}
	return program{engine: e, command: command, version: version}, nil
}

// repository is the folder that holds go.mod, above the working directory, or "".
func repository() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// template returns a data directory, freshly initialised by this program, that is kept to be copied: initialising
// takes seconds, copying a fraction of one.
func (p program) template(ctx context.Context) (string, error) {
	cache := os.TempDir()
	if root := repository(); root != "" {
		cache = filepath.Join(root, ".cache")
	}
	cache = filepath.Join(cache, "dbtest")
	key := sha256.Sum256([]byte(strings.Join(append([]string{p.version, initSQL}, p.command...), "\x00")))
	target := filepath.Join(cache, fmt.Sprintf("%s-%x", p.engine, key[:6]))
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }() // empty but for the log by then
	if err := p.initialise(ctx, dir); err != nil {
		return "", err
	}
	// Test binaries run side by side: whoever comes second finds the first one's template in place.
	if err := os.Rename(filepath.Join(dir, "data"), target); err != nil {
		if _, exists := os.Stat(target); exists != nil {
			return "", err
		}
	}
	return target, nil
}

// initSQL gives root a password and lets it in over TCP. In MariaDB an anonymous user of localhost would win over
// 'root'@'%'. One statement a line, as the servers' bootstrap wants it.
const initSQL = `FLUSH PRIVILEGES;
DROP USER IF EXISTS ''@'localhost';
ALTER USER 'root'@'localhost' IDENTIFIED BY '` + rootPassword + `';
CREATE USER 'root'@'%' IDENTIFIED BY '` + rootPassword + `';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;
`

func (p program) initialise(ctx context.Context, dir string) error {
	script := filepath.Join(dir, "init.sql")
	if err := os.WriteFile(script, []byte(initSQL), 0o644); err != nil {
		return err
	}
	data := "--datadir=" + filepath.Join(dir, "data")
	var command []string
	if p.engine == MariaDB {
		// --force: in a bare container not even "localhost" resolves.
		command = []string{
			lookPath("mariadb-install-db"), "--no-defaults", "--force", "--skip-test-db",
			"--auth-root-authentication-method=normal", "--extra-file=" + script, data,
		}
		if command[0] == "" {
			return errors.New("mariadb-install-db is missing: run `make test-setup`")
		}
	} else {
		command = append(slices.Clip(p.command), "--initialize-insecure", "--secure-file-priv=",
			"--init-file="+script, data)
	}
	command = append(command, asUser()...)
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("initialise %s: %w\n%s", p.engine, err, out)
	}
	return nil
}

// asUser lets a server run as root, which it refuses unless told so: the data directory belongs to whoever runs tests.
func asUser() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// copyData copies a data directory. auto.cnf holds the server's identity: each copy makes its own.
func copyData(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case entry.IsDir():
			return os.MkdirAll(target, 0o700)
		case !entry.Type().IsRegular() || rel == "auto.cnf":
			return nil
		}
		return copyFile(path, target)
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = out.ReadFrom(in)
	return err
}
