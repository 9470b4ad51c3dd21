package leadmill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/backup"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// errOwnTools tells who uses the commands for SQLite with the database of a server.
var errOwnTools = errors.New(`the database is one of a server: copy it by "mariadb-dump" or "mysqldump" and load it by "mariadb" or "mysql", ` +
	`in the words of docs/operations.md, "Backups"; after a restore run "leadmill events rebase"`)

func (c *cli) backup() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Copy an SQLite database to a file, while instances work on it", Args: cobra.ExactArgs(1),
		Long: "Copy an SQLite database, as it is at one moment, to a file that is not there yet. Instances may work on it meanwhile. The copy is\n" +
			"checked before it gets its name. What is on MySQL or MariaDB is copied by the tools of the server.",
		RunE: func(cmd *cobra.Command, args []string) error {
			config, file, err := sqliteSettings()
			if err != nil {
				return err
			}
			if err := c.holdsSchema(cmd.Context(), config); err != nil {
				return err
			}
			if err := backup.Write(cmd.Context(), file, args[0]); err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			_, err = fmt.Fprintf(c.stdout, "%s is a copy of the database.\n", args[0])
			if key := config.keyFile(); err == nil && key != "" {
				if _, none := os.Lstat(key); none == nil {
					_, err = fmt.Fprintf(c.stdout, "%s is not in it, without which nobody can read the secrets in it: keep that file too, somewhere else.\n", key)
				}
			}
			return err
		},
	}
}

// sqliteSettings returns the settings and the file of their database, which is a wrong call when that is on a server.
func sqliteSettings() (config Config, file string, err error) {
	if config, err = LoadConfig(); err != nil {
		return config, "", &usageError{err}
	}
	file, ok := dialect.SQLiteFile(config.DatabaseURL)
	if !ok {
		return config, "", &usageError{errOwnTools}
	}
	return config, file, nil
}

// holdsSchema returns an error when the database of the settings is not there or has no tables of Leadmill. Those of an earlier version will
// do: a backup is what is wanted before an upgrade.
func (c *cli) holdsSchema(ctx context.Context, config Config) (err error) {
	db, err := openDB(config, c.stderr, dialect.Options{Existing: true, MaxConnections: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return holdsSchema(ctx, db)
}

func holdsSchema(ctx context.Context, db *dialect.DB) error {
	list, err := sqlstore.Status(ctx, db)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(m sqlstore.MigrationStatus) bool { return m.Applied }) {
		return fmt.Errorf("it is no database of leadmill, or an empty one: %w", sqlstore.ErrSchemaOlder)
	}
	return nil
}

func (c *cli) restoreBackup() *cobra.Command {
	return &cobra.Command{
		Use: "restore FILE", Short: `Make the SQLite database of what "leadmill backup" wrote, with another identity of the log`, Args: cobra.ExactArgs(1),
		Long: "Make the SQLite database of what \"leadmill backup\" wrote. There must be none yet. Its log gets another identity, because positions behind\n" +
			"the backup are given again to other events: readers of /v1/events who keep a position of the former log are then told so by 409.",
		RunE: func(cmd *cobra.Command, args []string) error {
			config, file, err := sqliteSettings()
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(c.stderr, "Database: %s\n", dialect.Describe(config.DatabaseURL))
			modules, err := c.app.migrations()
			if err != nil {
				return err
			}
			logID := ""
			err = backup.Restore(cmd.Context(), args[0], file, func(copied string) (err error) {
				db, err := dialect.Open("sqlite:"+copied, dialect.Options{Existing: true, MaxConnections: 1})
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, db.Close()) }()
				if err := holdsSchema(cmd.Context(), db); err != nil {
					return err
				}
				if err := sqlstore.CheckVersion(cmd.Context(), db, modules...); err != nil && !errors.Is(err, sqlstore.ErrSchemaOlder) {
					return err
				}
				logID, err = eventlog.Rebase(cmd.Context(), db)
				return err
			})
			if err != nil {
				return fmt.Errorf("restore: %w", err)
			}
			if logID == "" {
				_, err = fmt.Fprintln(c.stdout, "The database is restored. It is one of an earlier version: \"leadmill migrate up\" gives its log an identity.")
			} else {
				_, err = fmt.Fprintf(c.stdout, "The database is restored. Its log is now %s.\n", logID)
			}
			if err == nil {
				_, err = fmt.Fprintln(c.stdout, "Before you serve: \"leadmill erasures apply\" with your list of what was erased, and \"leadmill doctor\".")
			}
			return err
		},
	}
}
