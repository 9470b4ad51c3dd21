package leadmill

import (
	"io/fs"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/application/projection"
)

// Tx is one transaction as the commands of modules see it. What they do in it is committed together or not at all: statements
// on the module's own tables, changes of Leadmill's aggregates through their repositories, and the events of both.
//
// Rows are locked in the order that application.UnitOfWork names, a module's own behind all of them. Nothing else is sent
// while a transaction is open: no request to another service, and no other command, which fails with
// *application.NestedWorkError when it is sent with the context of the transaction.
type Tx interface {
	account.Tx
	program.Tx
	market.Tx

	// Tx runs statements on the module's own tables: one INSERT, REPLACE, UPDATE or DELETE by ExecContext, one SELECT by
	// QueryContext, which reads all rows before it returns. A row that a unique key refuses is *application.DuplicateError, and the
	// transaction goes on; after every other error of the database it is over, whatever is made of the error.
	projection.Tx

	// ForUpdate is appended to a SELECT to lock its rows until the transaction ends; empty where the engine has no such clause
	// and locks anyway.
	ForUpdate() string

	// Record has the pending events of an aggregate of the module written with the transaction. The aggregate's row has a column
	// with the number of its events, which guards its changes: "UPDATE … SET version = ? WHERE id = ? AND version = ?" with
	// Version and StoredVersion; no row affected is application.ErrConcurrentChange. Errors: an event whose type the module did
	// not register (AsEvent), and a malformed Subject.
	Record(a application.EventSource, of application.Subject) error
}

// Deps is what the commands of a module need: transactions of type Tx, the clock, ids. It is for application.DoOnce.
type Deps = application.Deps[Tx]

func newDeps(s *sqlstore.Store, clock application.Clock, ids application.IDs, inFlight *application.InFlight) Deps {
	return Deps{Work: sqlstore.Work(s, func(t *sqlstore.Tx) Tx { return t }), Clock: clock, IDs: ids, InFlight: inFlight}
}

func newReader(_ migrated, db *dialect.DB) projection.Reader {
	return sqlstore.GuardReader(db, db.Reader)
}

// AsMigrations adds the migrations that make a module's own tables: the numbered files of a folder of files ("." for its root),
// such as 0001_cases.sql, or one of each number in the folders mysql and sqlite below it where the engines need different
// texts. They run behind Leadmill's at the start and by "leadmill migrate up", go on after a crash where they were, and are listed by
// "leadmill migrate status". Every name that they create, alter or drop begins with x_<module>_; any other is a mistake.
func AsMigrations(files fs.FS, folder string) Extension {
	return Extension{func(a *assembly, m *Module) {
		if files == nil {
			a.problemf(m, "its migrations are nil")
			return
		}
		_, err := fs.Stat(files, folder)
		if err != nil {
			a.problemf(m, "the folder %q of its migrations: %v", folder, err)
			return
		}
		sub, err := fs.Sub(files, folder)
		if err != nil {
			a.problemf(m, "the folder %q of its migrations: %v", folder, err)
			return
		}
		for _, other := range a.migrations {
			if other.Name == m.name {
				a.problemf(m, "has migrations twice; all of a module are in one folder, because they have one order")
				return
			}
		}
		a.migrations = append(a.migrations, sqlstore.Module{Name: m.name, Files: sub})
	}}
}

// migrations returns those of all modules of the build. The error names everything that is wrong with its modules.
func (a *App) migrations() (sqlstore.Modules, error) {
	assembled, err := a.assembled()
	return assembled.migrations, err
}
