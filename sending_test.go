package leadmill

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"github.com/leadmill/leadmill/application"
)

// made returns what an instance with these settings keeps secrets and sends requests with.
func made(t *testing.T, c Config) (sealer application.Sealer, outbound application.Outbound) {
	t.Helper()
	require.NoError(t, New().made(t.Context(), c, io.Discard, func() error { return nil }, fx.Populate(&sealer, &outbound)))
	return sealer, outbound
}

func TestTheKeyOfSecretsIsBesideTheDatabase(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "leadmill.db")
	sealer, _ := made(t, Config{DatabaseURL: "sqlite:" + file})
	sealed, err := sealer.Seal([]byte("canary"), "delivery", "contract_1")
	require.NoError(t, err)
	content, err := os.ReadFile(file + ".key")
	require.NoError(t, err)

	key := strings.TrimSpace(string(content))
	for _, c := range []Config{{DatabaseURL: "sqlite://" + file}, {DatabaseURL: "mysql://u:p@db/leadmill", SecretKey: key}} {
		sealer, _ := made(t, c)
		got, err := sealer.Open(sealed, "delivery", "contract_1")
		require.NoError(t, err)
		assert.Equal(t, "canary", string(got))
	}
	sealer, _ = made(t, Config{DatabaseURL: "sqlite:" + file, SecretKey: strings.Repeat("k", 32)})
	_, err = sealer.Open(sealed, "delivery", "contract_1")
	require.ErrorIs(t, err, application.ErrSecretUnreadable, "a key of the settings goes before the file")
	sealer, _ = made(t, Config{DatabaseURL: "mysql://u:p@db/leadmill"})
	_, err = sealer.Seal([]byte("canary"), "delivery", "contract_1")
	require.ErrorIs(t, err, application.ErrSecretKeyMissing)
}

func TestAWrongKeyOfSecretsFailsWithoutBeingTold(t *testing.T) {
	t.Parallel()
	var sealer application.Sealer
	err := New().made(t.Context(), Config{DatabaseURL: "mysql://u:p@db/leadmill", SecretKey: "canary"}, io.Discard, func() error { return nil }, fx.Populate(&sealer))
	require.ErrorContains(t, err, "LEADMILL_SECRET_KEY must be 32 to 255 visible ASCII characters")
	assert.NotContains(t, err.Error(), "canary")
}

func TestSettingsSayWhatRequestsReach(t *testing.T) {
	t.Parallel()
	_, outbound := made(t, Config{DatabaseURL: "mysql://u:p@db/leadmill"})
	require.ErrorIs(t, outbound.Check("http://127.0.0.1:8090/accept"), application.ErrAddressRefused)
	_, outbound = made(t, Config{DatabaseURL: "mysql://u:p@db/leadmill", OutboundAllow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	require.NoError(t, outbound.Check("http://127.0.0.1:8090/accept"))
}

// TestABackupRemindsOfTheKey is not parallel: it sets variables of the environment.
func TestABackupRemindsOfTheKey(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "leadmill.db")
	t.Setenv("LEADMILL_DATABASE_URL", "sqlite:"+file)
	code, _, stderr := run(t, New(), "migrate", "up")
	require.Zero(t, code, stderr)
	backup := func(name string) string {
		code, stdout, stderr := run(t, New(), "backup", filepath.Join(folder, name))
		require.Zero(t, code, stderr)
		return stdout
	}
	assert.NotContains(t, backup("1.db"), ".key", "there is none")
	sealer, _ := made(t, Config{DatabaseURL: "sqlite:" + file})
	_, err := sealer.Seal(nil, "delivery", "contract_1")
	require.NoError(t, err)
	assert.Contains(t, backup("2.db"), "\n"+file+".key is not in it, without which nobody can read the secrets in it")
	t.Setenv("LEADMILL_SECRET_KEY", strings.Repeat("k", 32))
	assert.NotContains(t, backup("3.db"), ".key", "it is not used")
}
