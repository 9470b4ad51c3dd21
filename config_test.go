package leadmill

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	c, err := parseConfig(env.Options{Environment: map[string]string{}})
	require.NoError(t, err)
	assert.Equal(t, Config{
		HTTPAddr: "127.0.0.1:8080", DatabaseURL: "sqlite:data/leadmill.db", BatchMax: 256, LogLevel: slog.LevelInfo, LogFormat: "text",
		MailDir: defaultMailDir, MailFrom: defaultMailFrom, Drain: 2 * time.Second, DatabasePool: 64,
	}, c)
}

func TestConfigTakesWhatIsSet(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k", 32)
	c, err := parseConfig(env.Options{Environment: map[string]string{
		"LEADMILL_HTTP_ADDR": ":80", "LEADMILL_ADMIN_KEY": key, "LEADMILL_BATCH_MAX": "1",
		"LEADMILL_DATABASE_URL": "mysql://u:p@db:3306/leadmill", "LEADMILL_LOG_LEVEL": "debug", "LEADMILL_PUBLIC_URL": "https://leads.example.com/",
		"LEADMILL_METRICS_ADDR": "127.0.0.1:9100", "LEADMILL_SMTP_URL": "smtps://u:p@mail", "LEADMILL_MAIL_DIR": "/var/mails",
		"LEADMILL_MAIL_FROM": "ACME <partners@acme.example>", "LEADMILL_EVENTS_RETENTION": "400", "LEADMILL_ARCHIVE_DIR": "/var/archive",
		"LEADMILL_SHARDED": "seller", "LEADMILL_DRAIN": "10s", "LEADMILL_REDIS_URL": "redis://:p@redis:6379/1", "LEADMILL_TRUSTED_PROXIES": "10.0.0.0/8,2001:db8::/32", "LEADMILL_LOG_FORMAT": "json",
		"LEADMILL_SECRET_KEY": key + "2", "LEADMILL_OUTBOUND_ALLOW": "10.1.0.0/16,fd00::/8",
		"LEADMILL_TLS_CERT": "/etc/cert.pem", "LEADMILL_TLS_KEY": "/etc/key.pem", "LEADMILL_DATABASE_POOL": "8",
		"LEADMILL_OIDC_ISSUER": "https://id.example.com/realms/a", "LEADMILL_OIDC_CLIENT_ID": "leadmill", "LEADMILL_OIDC_CLIENT_SECRET": "hush",
		"LEADMILL_EVENTS_SINK": "file:/var/events,nats://u:p@nats/EVENTS,http://10.1.0.7/in",
	}})
	require.NoError(t, err)
	assert.Equal(t, Config{
		OIDCIssuer: "https://id.example.com/realms/a", OIDCClientID: "leadmill", OIDCClientSecret: "hush",
		TLSCert: "/etc/cert.pem", TLSKey: "/etc/key.pem",
		HTTPAddr: ":80", DatabaseURL: "mysql://u:p@db:3306/leadmill", AdminKey: key, BatchMax: 1, LogLevel: slog.LevelDebug,
		PublicURL: "https://leads.example.com", MetricsAddr: "127.0.0.1:9100",
		SMTPURL: "smtps://u:p@mail", MailDir: "/var/mails", MailFrom: "ACME <partners@acme.example>",
		EventsRetention: 400, ArchiveDir: "/var/archive", Sharded: "seller", Drain: 10 * time.Second, LogFormat: "json", RedisURL: "redis://:p@redis:6379/1",
		DatabasePool: 8, SecretKey: key + "2", EventsSink: "file:/var/events,nats://u:p@nats/EVENTS,http://10.1.0.7/in",
		OutboundAllow:  []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")},
	}, c)
}

// wrongSettings is every setting with a wrong value and the error it must give, which never holds the value: it may be a
// secret.
var wrongSettings = map[string][2]string{
	"LEADMILL_HTTP_ADDR":    {"secret-host", "must be host:port, for example 127.0.0.1:8080"},
	"LEADMILL_DATABASE_URL": {"postgres://u:secret@db/x", "must be sqlite:<file> or mysql://user:password@host:port/name"},
	"LEADMILL_ADMIN_KEY":    {"secret-but-too-short", "must be 32 to 255 visible ASCII characters"},
	"LEADMILL_BATCH_MAX":    {"secret", "must be between 1 and 2000"},
	"LEADMILL_DRAIN":        {"secret", "must be between 0s and 60s"},
	"LEADMILL_SHARDED":      {"secret", "must be seller, or empty"},
	"LEADMILL_LOG_LEVEL":    {"secret", "must be debug, info, warn or error"},
	"LEADMILL_LOG_FORMAT":   {"secret", "must be text or json"},
	"LEADMILL_PUBLIC_URL":   {"ftp://secret", "must be an absolute http or https URL without query"},
	"LEADMILL_TLS_CERT":     {"secret\x00", "must be the path of a PEM file"},
	"LEADMILL_TLS_KEY":      {"secret\x00", "must be the path of a PEM file"},
	"LEADMILL_SMTP_URL":     {"secret", "must be smtp://user:password@host:587, smtps://user:password@host:465 or smtp://host:25?tls=none"},
	"LEADMILL_MAIL_DIR":     {"secret\x00", "must be the path of a folder"},
	"LEADMILL_MAIL_FROM":    {"secret", "must be an ASCII email address, alone or with a name: Example Leads <leads@example.com>"},
	"LEADMILL_METRICS_ADDR": {"secret", "must be host:port, for example 127.0.0.1:8080"},

	"LEADMILL_OIDC_ISSUER":        {"http://secret.example", "must be an https URL without query, as the provider names itself (by http on this machine only)"},
	"LEADMILL_OIDC_CLIENT_ID":     {"secret id", "must be at most 1000 visible ASCII characters"},
	"LEADMILL_OIDC_CLIENT_SECRET": {"secret\n", "must be at most 1000 visible ASCII characters"},

	"LEADMILL_DATABASE_POOL":    {"secret", "must be between 8 and 10000"},
	"LEADMILL_EVENTS_SINK":      {"file:x,kafka://u:secret@h", "part 2 (kafka) must name a topic behind the host, as in kafka://host:9092/topic"},
	"LEADMILL_EVENTS_RETENTION": {"secret", "must be between 1 and 36500 days, or empty"},
	"LEADMILL_REDIS_URL":        {"redis://:secret@redis.internal/x", "must be redis://user:password@host:port/0, rediss:// for TLS, or unix:///path/of/the.sock"},
	"LEADMILL_TRUSTED_PROXIES":  {"10.0.0.0/8,secret", "must be networks such as 10.0.0.0/8, with commas between them"},
	"LEADMILL_OUTBOUND_ALLOW":   {"10.0.0.0/8,secret", "must be networks such as 10.0.0.0/8, with commas between them"},
	"LEADMILL_SECRET_KEY":       {"secret-but-too-short", "must be 32 to 255 visible ASCII characters"},
	"LEADMILL_ARCHIVE_DIR":      {"secret\x00", "must be the path of a folder"},
}

// TestConfigNamesEverySetting fails for a setting that is not tested here or not described, with its default, in the README.
func TestConfigNamesEverySetting(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for f := range reflect.TypeFor[Config]().Fields() {
		name := f.Tag.Get("env")
		assert.Contains(t, wrongSettings, name)
		row := ""
		for line := range strings.Lines(string(readme)) {
			if strings.HasPrefix(line, "| `"+name+"` |") {
				row = line
			}
		}
		require.NotEmpty(t, row, "%s is not in the README", name)
		if standard := f.Tag.Get("envDefault"); standard != "" {
			assert.Contains(t, row, "| `"+standard+"` |")
		}
	}
}

func TestConfigListsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	environment := map[string]string{}
	for name, w := range wrongSettings {
		environment[name] = w[0]
	}
	_, err := parseConfig(env.Options{Environment: environment})
	require.Error(t, err)
	var want []string
	for name, w := range wrongSettings {
		want = append(want, name+" "+w[1])
	}
	assert.ElementsMatch(t, want, strings.Split(err.Error(), "\n"))
	assert.NotContains(t, err.Error(), "secret")
}

func TestSettingsOfTheIdentityProviderBelongTogether(t *testing.T) {
	t.Parallel()
	together := " must be set too: LEADMILL_OIDC_ISSUER, LEADMILL_OIDC_CLIENT_ID and LEADMILL_OIDC_CLIENT_SECRET belong together"
	for _, c := range []struct {
		environment map[string]string
		want        []string
	}{
		{
			map[string]string{"LEADMILL_OIDC_ISSUER": "https://id.example", "LEADMILL_PUBLIC_URL": "https://x.example"},
			[]string{"LEADMILL_OIDC_CLIENT_ID" + together, "LEADMILL_OIDC_CLIENT_SECRET" + together},
		},
		{
			map[string]string{"LEADMILL_OIDC_CLIENT_SECRET": "s", "LEADMILL_OIDC_CLIENT_ID": "i", "LEADMILL_PUBLIC_URL": "https://x.example"},
			[]string{"LEADMILL_OIDC_ISSUER" + together},
		},
		{
			map[string]string{"LEADMILL_OIDC_ISSUER": "http://127.0.0.1:5556/dex", "LEADMILL_OIDC_CLIENT_SECRET": "s", "LEADMILL_OIDC_CLIENT_ID": "i", "LEADMILL_DATABASE_URL": "mysql://u:p@db/leadmill"},
			[]string{
				"LEADMILL_PUBLIC_URL must be set together with LEADMILL_OIDC_ISSUER: the provider sends browsers back to it",
				"LEADMILL_SECRET_KEY must be set together with LEADMILL_OIDC_ISSUER where the database is a server",
			},
		},
	} {
		_, err := parseConfig(env.Options{Environment: c.environment})
		require.Error(t, err)
		assert.Equal(t, c.want, strings.Split(err.Error(), "\n"))
	}
	for _, issuer := range []string{"https://", "id.example", "https://u:p@id.example", "https://id.example?a", "https://id.example#", "https://" + strings.Repeat("a", 300)} {
		_, err := parseConfig(env.Options{Environment: map[string]string{
			"LEADMILL_OIDC_ISSUER": issuer, "LEADMILL_OIDC_CLIENT_SECRET": "s", "LEADMILL_OIDC_CLIENT_ID": "i", "LEADMILL_PUBLIC_URL": "https://x.example",
		}})
		assert.EqualError(t, err, "LEADMILL_OIDC_ISSUER "+wrongSettings["LEADMILL_OIDC_ISSUER"][1], issuer)
	}
}

func TestConfigBounds(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]struct{ right, wrong []string }{
		"LEADMILL_HTTP_ADDR":     {[]string{"0.0.0.0:8080", "[::1]:8080", "localhost:0"}, []string{"8080", "127.0.0.1", "127.0.0.1:", "::1"}},
		"LEADMILL_METRICS_ADDR":  {[]string{":9100"}, []string{"9100", "127.0.0.1:"}},
		"LEADMILL_DATABASE_URL":  {[]string{"sqlite:x.db", "sqlite:///var/x.db", "mysql://u@h/x", "mysql://u@h/x?tls=true"}, []string{"sqlite:", "sqlite://", "mysql://u@h", "mysql://u@h/", "x.db", "mysql:", "mysql://u@h/x#y"}},
		"LEADMILL_DATABASE_POOL": {[]string{"8", "10000"}, []string{"7", "10001", "-1", "many"}},
		"LEADMILL_ADMIN_KEY":     {[]string{strings.Repeat("~", 255)}, []string{strings.Repeat("k", 31), strings.Repeat("k", 256), strings.Repeat("k", 31) + " ", strings.Repeat("é", 32)}},
		"LEADMILL_SECRET_KEY":    {[]string{strings.Repeat("!", 32), strings.Repeat("~", 255)}, []string{strings.Repeat("k", 31), strings.Repeat("k", 256), strings.Repeat("k", 32) + "\n", strings.Repeat("é", 32)}},
		"LEADMILL_BATCH_MAX":     {[]string{"1", "2000"}, []string{"0", "2001", "-1", "1.5", " 1"}},
		"LEADMILL_DRAIN":         {[]string{"0s", "1m", "500ms"}, []string{"-1s", "61s", "5"}},
		"LEADMILL_LOG_LEVEL":     {[]string{"debug", "info", "warn", "error"}, []string{"loud"}},
		"LEADMILL_ARCHIVE_DIR":   {[]string{"archive", ""}, []string{"a\x00"}},
		"LEADMILL_PUBLIC_URL":    {[]string{"http://x", "https://x.example/leads"}, []string{"x.example", "/leads", "https://", "https://x?a=b", "https://x#a"}},
	} {
		for _, v := range values.right {
			_, err := parseConfig(env.Options{Environment: map[string]string{name: v}})
			assert.NoError(t, err, "%s=%s", name, v)
		}
		for _, v := range values.wrong {
			_, err := parseConfig(env.Options{Environment: map[string]string{name: v}})
			assert.EqualError(t, err, name+" "+wrongSettings[name][1], "%s=%s", name, v)
		}
	}
}

// TestWrongSettingsEndWithTwo is not parallel: the command line reads the environment of the process.
func TestWrongSettingsEndWithTwo(t *testing.T) {
	t.Setenv("LEADMILL_BATCH_MAX", "0")
	t.Setenv("LEADMILL_DATABASE_URL", "nothing")
	for _, args := range [][]string{{"serve"}, {"demo"}, {"migrate", "up"}, {"migrate", "status"}, {"doctor"}, {"keys", "list", "--seller", "X"}, {"events", "status"}} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, 2, New().Main(t.Context(), args, &stdout, &stderr), "%v", args)
		assert.Empty(t, stdout.String())
		assert.Equal(t, "leadmill: LEADMILL_DATABASE_URL "+wrongSettings["LEADMILL_DATABASE_URL"][1]+"\nleadmill: LEADMILL_BATCH_MAX must be between 1 and 2000\n",
			stderr.String())
	}
	for _, args := range [][]string{{"--help"}, {"version"}} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, 0, New().Main(t.Context(), args, &stdout, &stderr), "%v needs no settings", args)
		assert.NotEmpty(t, stdout.String())
		assert.Empty(t, stderr.String())
	}
}

func TestWrongCallsEndWithTwo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"nonsense"}, {"serve", "more"}, {"serve", "--flag"}, {"events"}, {"events", "replay"}, {"migrate"}, {"keys"}} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, 2, New().Main(t.Context(), args, &stdout, &stderr), "%v", args)
		assert.Empty(t, stdout.String(), "%v", args)
		assert.True(t, strings.HasPrefix(stderr.String(), "leadmill: "), "%v: %s", args, stderr.String())
	}
}

func TestRetentionNeedsAFolder(t *testing.T) {
	t.Parallel()
	for _, days := range []string{"1", "36500"} {
		_, err := parseConfig(env.Options{Environment: map[string]string{"LEADMILL_EVENTS_RETENTION": days}})
		require.EqualError(t, err, "LEADMILL_ARCHIVE_DIR must be set together with LEADMILL_EVENTS_RETENTION: events are archived there before they are deleted")
		_, err = parseConfig(env.Options{Environment: map[string]string{"LEADMILL_EVENTS_RETENTION": days, "LEADMILL_ARCHIVE_DIR": "archive"}})
		require.NoError(t, err)
	}
	for _, days := range []string{"-1", "36501", "1.5", "1d"} {
		_, err := parseConfig(env.Options{Environment: map[string]string{"LEADMILL_EVENTS_RETENTION": days, "LEADMILL_ARCHIVE_DIR": "archive"}})
		require.EqualError(t, err, "LEADMILL_EVENTS_RETENTION must be between 1 and 36500 days, or empty", days)
	}
	c, err := parseConfig(env.Options{Environment: map[string]string{"LEADMILL_EVENTS_RETENTION": ""}})
	require.NoError(t, err)
	assert.Zero(t, c.EventsRetention, "all are kept")
}

func TestMailNeedsItsAddresses(t *testing.T) {
	t.Parallel()
	_, err := parseConfig(env.Options{Environment: map[string]string{"LEADMILL_SMTP_URL": "smtps://u:p@mail"}})
	require.Error(t, err)
	assert.Equal(t, []string{
		"LEADMILL_MAIL_FROM must be set together with LEADMILL_SMTP_URL",
		"LEADMILL_PUBLIC_URL must be set together with LEADMILL_SMTP_URL: mails hold links",
	}, slices.Sorted(strings.SplitSeq(err.Error(), "\n")))
}

// An address that requests are not sent to is told at the start, without what it holds. Private ones are the operator's.
func TestSinksThatRequestsAreNotSentTo(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://2130706433/secret", "https://u:secret@0x7f.1/", "file:x,https://events..example.com/secret"} {
		_, err := parseConfig(env.Options{Environment: map[string]string{"LEADMILL_EVENTS_SINK": address}})
		require.EqualError(t, err, "LEADMILL_EVENTS_SINK the part sink.http is an address that requests are not sent to: it must be http:// or https:// and "+
			"the name or the address of a host", address)
	}
	for _, address := range []string{"http://events.example.com/in", "https://u:secret@10.1.0.7/", "http://127.0.0.1:8081/", "http://[::1]:81/", "http://localhost/"} {
		_, err := parseConfig(env.Options{Environment: map[string]string{"LEADMILL_EVENTS_SINK": address}})
		require.NoError(t, err, address)
	}
}
