package dialect

import (
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
)

func TestErrorsOfServersOfTheMySQLProtocol(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number  uint16
		message string
		want    Class
	}{
		{1062, "Duplicate entry 'x' for key 'sellers.sellers_code'", Duplicate},
		{1213, "Deadlock found when trying to get lock; try restarting transaction", Retry},
		{1205, "Lock wait timeout exceeded; try restarting transaction", Retry},
		{3024, "Query execution was interrupted, maximum statement execution time exceeded", Retry},
		{1969, "Query execution was interrupted (max_statement_time exceeded)", Retry},
		{1020, "Record has changed since last read in table 'buyers'", Retry},
		{1040, "Too many connections", Lost},
		{1053, "Server shutdown in progress", Lost},
		{1203, "User 'lead' already has more than 'max_user_connections' active connections", Lost},
		{1226, "User 'lead' has exceeded the 'max_questions' resource (current value: 1)", Lost},
		{1158, "Got an error reading communication packets", Lost},
		{1159, "Got timeout reading communication packets", Lost},
		{1160, "Got an error writing communication packets", Lost},
		{1161, "Got timeout writing communication packets", Lost},
		{1129, "Host '10.0.0.1' is blocked because of many connection errors", Lost},
		{1135, "Can't create a new thread (errno 11)", Lost},
		{1041, "Out of memory", Lost},
		{1045, "Access denied for user 'lead'@'10.0.0.1' (using password: YES)", Lost},
		{1049, "Unknown database 'mill'", Lost},
		{1927, "Connection was killed", Lost},
		{4031, "The client was disconnected by the server because of inactivity", Lost},
		{1290, "The MySQL server is running with the --read-only option", Lost},
		{1114, "The table 'leads' is full", Lost},
		{1406, "Data too long for column 'name' at row 1", Data},
		{1064, "You have an error in your SQL syntax", Other},

		{1105, "Lock wait timeout exceeded; try restarting transaction", Retry},
		{1105, "tikv aborts txn: Error(Txn(lock wait timeout))", Retry},
		{1105, "Pessimistic lock retry limit reached", Retry},
		{1105, "pessimistic lock retry limit reached", Retry},
		{1105, "unknown error", Other},
		{1105, "", Other},
		{8002, "SELECT FOR UPDATE statement in which conflict occurs cannot be retried", Retry},
		{8005, "Write Conflict, txnStartTS is stale", Retry},
		{8022, "The commit of the transaction fails and has been rolled back [try again later]", Retry},
		{8027, "Information schema is out of date", Retry},
		{8028, "Information schema is changed during the execution of the statement [try again later]", Retry},
		{9004, "Resolve lock timeout", Retry},
		{9007, "Write conflict, txnStartTS=1, conflictStartTS=2 [try again later]", Retry},
		{8001, "Memory quota of the query is exceeded", Lost},
		{8175, "Your query has been cancelled due to exceeding the allowed memory limit for a single SQL query", Lost},
		{8176, "Your query has been cancelled due to exceeding the allowed memory limit for the tidb-server instance", Lost},
		{9001, "PD server timeout", Lost},
		{9002, "TiKV server timeout", Lost},
		{9003, "TiKV server is busy", Lost},
		{9005, "Region is unavailable", Lost},
		{9010, "TiKV server reports stores are full", Lost},
		{8004, "Transaction is too large, size: 104857600", Data},
		{8025, "entry too large, the max entry size is 6291456", Data},
		{8003, "Something else of TiDB's", Other},
	} {
		t.Run(fmt.Sprintf("%d %s", c.number, c.message), func(t *testing.T) {
			t.Parallel()
			err := fmt.Errorf("of a statement: %w", &mysql.MySQLError{Number: c.number, Message: c.message})
			assert.Equal(t, c.want, MySQL{}.Classify(err))
		})
	}
}

func TestABusyBufferIsALostConnection(t *testing.T) {
	t.Parallel()
	assert.Equal(t, Lost, MySQL{}.Classify(fmt.Errorf("of a statement: %w", mysql.ErrBusyBuffer)))
	assert.Equal(t, Lost, MySQL{}.Classify(ErrStalled))
	assert.Equal(t, Lost, SQLite{}.Classify(ErrStalled))
}

func TestRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	for number, why := range map[uint16]string{
		1045: "its server knows no such user with this password", 1049: "its server has no database of this name", 1044: "the user may not use a database of this name",
	} {
		err := Refused(fmt.Errorf("ping: %w", &mysql.MySQLError{Number: number, Message: "secret"}))
		assert.EqualError(t, err, why)
	}
	assert.NoError(t, Refused(&mysql.MySQLError{Number: 1040}))
	assert.NoError(t, Refused(ErrStalled))
	assert.NoError(t, Refused(nil))
	assert.Error(t, Refused(mysql.ErrNoTLS))
}
