package leadmill

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/adapters/oidc"
	"github.com/leadmill/leadmill/adapters/ratelimit"
	"github.com/leadmill/leadmill/adapters/secret"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// Config is the settings of the environment. With their defaults one process runs on an SQLite file.
type Config struct {
	// HTTPAddr is where the API listens: LEADMILL_HTTP_ADDR.
	HTTPAddr string `env:"LEADMILL_HTTP_ADDR" envDefault:"127.0.0.1:8080"`
	// DatabaseURL is "sqlite:<file>" or "mysql://user:pass@host:port/name": LEADMILL_DATABASE_URL.
	DatabaseURL string `env:"LEADMILL_DATABASE_URL" envDefault:"sqlite:data/leadmill.db"`
	// DatabasePool is how many connections to the database this instance has at most: LEADMILL_DATABASE_POOL.
	DatabasePool int `env:"LEADMILL_DATABASE_POOL" envDefault:"64"`
	// AdminKey opens /v1/sellers; when empty, a key is made at the first start and printed once: LEADMILL_ADMIN_KEY.
	AdminKey string `env:"LEADMILL_ADMIN_KEY"`
	// BatchMax is how many leads share a transaction; 1 gives each its own: LEADMILL_BATCH_MAX.
	BatchMax int `env:"LEADMILL_BATCH_MAX" envDefault:"256"`
	// Sharded is "seller" where the database spreads its tables over machines by their seller, as Vitess does: a transaction of
	// leads is then of one seller only. Empty lets leads of several share one: LEADMILL_SHARDED.
	Sharded string `env:"LEADMILL_SHARDED"`
	// LogLevel is debug, info, warn or error: LEADMILL_LOG_LEVEL.
	LogLevel slog.Level `env:"LEADMILL_LOG_LEVEL" envDefault:"info"`
	// LogFormat is text, or json for a JSON object a line: LEADMILL_LOG_FORMAT.
	LogFormat string `env:"LEADMILL_LOG_FORMAT" envDefault:"text"`
	// PublicURL is the address under which clients reach the API, for links in responses; empty takes the
	// request's host while that is loopback, and makes links paths otherwise: LEADMILL_PUBLIC_URL.
	PublicURL string `env:"LEADMILL_PUBLIC_URL"`
	// TrustedProxies are the networks of proxies whose X-Forwarded-For says where a request comes from, such as
	// 10.0.0.0/8,192.168.1.7/32; empty takes the address of the connection: LEADMILL_TRUSTED_PROXIES.
	TrustedProxies []netip.Prefix `env:"LEADMILL_TRUSTED_PROXIES"`
	// TLSCert and TLSKey are the PEM files of the certificate with which the API is served by https, and of its key; they are read again
	// when they change. Without both it is served by http: LEADMILL_TLS_CERT, LEADMILL_TLS_KEY.
	TLSCert string `env:"LEADMILL_TLS_CERT"`
	TLSKey  string `env:"LEADMILL_TLS_KEY"`
	// RedisURL is the Redis in which instances count rate limits together, such as redis://:password@host:6379/0; empty counts in each
	// instance: LEADMILL_REDIS_URL.
	RedisURL string `env:"LEADMILL_REDIS_URL"`
	// SecretKey is what secrets are sealed with that must be readable again; empty takes the key in a file beside an SQLite database, and
	// there is none on a server: LEADMILL_SECRET_KEY.
	SecretKey string `env:"LEADMILL_SECRET_KEY"`
	// OutboundAllow are the networks that requests to addresses of sellers may reach although they are private, and by http too, such as
	// 10.20.0.0/16: LEADMILL_OUTBOUND_ALLOW.
	OutboundAllow []netip.Prefix `env:"LEADMILL_OUTBOUND_ALLOW"`
	// SMTPURL is the mail server by which invitations go out, such as smtp://user:pass@host:587; empty writes them as files
	// into MailDir: LEADMILL_SMTP_URL.
	SMTPURL string `env:"LEADMILL_SMTP_URL"`
	// MailDir is where mails are written when there is no mail server: LEADMILL_MAIL_DIR.
	MailDir string `env:"LEADMILL_MAIL_DIR" envDefault:"data/mail"`
	// MailFrom is the sender of mails, such as "ACME Partners <partners@acme.example>": LEADMILL_MAIL_FROM.
	MailFrom string `env:"LEADMILL_MAIL_FROM" envDefault:"Leadmill <leadmill@localhost>"`
	// OIDCIssuer is the identity provider that people may sign in by beside their passwords, by the address it names itself by; OIDCClientID and
	// OIDCClientSecret are what it gave Leadmill. Empty: there is none: LEADMILL_OIDC_ISSUER, LEADMILL_OIDC_CLIENT_ID, LEADMILL_OIDC_CLIENT_SECRET.
	OIDCIssuer       string `env:"LEADMILL_OIDC_ISSUER"`
	OIDCClientID     string `env:"LEADMILL_OIDC_CLIENT_ID"`
	OIDCClientSecret string `env:"LEADMILL_OIDC_CLIENT_SECRET"`
	// EventsSink is where the public events of the log go besides the feed, with commas between: file:<folder>, http(s)://…, kafka://host:9092/topic,
	// nats://host:4222/STREAM, amqp(s)://…, redis(s)://…: LEADMILL_EVENTS_SINK.
	EventsSink string `env:"LEADMILL_EVENTS_SINK"`
	// EventsRetention is how many days events stay in the log before they are archived; 0 keeps all: LEADMILL_EVENTS_RETENTION.
	EventsRetention int `env:"LEADMILL_EVENTS_RETENTION"`
	// ArchiveDir is the folder of archived events: LEADMILL_ARCHIVE_DIR.
	ArchiveDir string `env:"LEADMILL_ARCHIVE_DIR"`
	// Drain is how long an instance that is told to stop still takes requests, though it is not ready any more, so that a balancer
	// stops sending them before they are refused: LEADMILL_DRAIN.
	Drain time.Duration `env:"LEADMILL_DRAIN" envDefault:"2s"`
	// MetricsAddr is where Prometheus metrics are served, apart from the API; empty serves none: LEADMILL_METRICS_ADDR.
	MetricsAddr string `env:"LEADMILL_METRICS_ADDR"`
}

// The defaults for empty members of a Config that was not read from the environment.
const (
	defaultMailDir  = "data/mail"
	defaultMailFrom = "Leadmill <leadmill@localhost>"
)

// The ways of Config.LogFormat; an empty one is text.
const (
	logText = "text"
	logJSON = "json"
)

// shardedBySeller is the only way of Config.Sharded.
const shardedBySeller = "seller"

// The bounds of DatabasePool. Fewer would have leads wait for the background work.
const (
	minPool = 8
	maxPool = 10_000
)

// maxDrain bounds Drain: orchestrators kill what has not ended soon.
const maxDrain = time.Minute

// maxRetention bounds EventsRetention: a hundred years.
const maxRetention = 36_500

// maxBatch bounds BatchMax and so how long one transaction holds its locks.
const maxBatch = 2000

// LoadConfig reads the environment. Its error lists all settings at fault.
func LoadConfig() (Config, error) { return parseConfig(env.Options{}) }

func parseConfig(o env.Options) (Config, error) {
	c, err := env.ParseAsWithOptions[Config](o)
	var problems []error
	var all env.AggregateError
	switch {
	case errors.As(err, &all):
		for _, e := range all.Errors {
			problems = append(problems, settingError(e))
		}
	case err != nil:
		problems = append(problems, err)
	}
	wrong := func(name, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s %s", name, fmt.Sprintf(format, args...)))
	}
	checkAddr := func(name, addr string) {
		if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
			wrong(name, "must be host:port, for example 127.0.0.1:8080")
		}
	}
	checkAddr("LEADMILL_HTTP_ADDR", c.HTTPAddr)
	if c.MetricsAddr != "" {
		checkAddr("LEADMILL_METRICS_ADDR", c.MetricsAddr)
	}
	if err := dialect.CheckURL(c.DatabaseURL); err != nil {
		wrong("LEADMILL_DATABASE_URL", "%v", err)
	}
	c.checkKeys(wrong)
	if c.BatchMax < 1 || c.BatchMax > maxBatch {
		if !mentions(problems, "LEADMILL_BATCH_MAX") {
			wrong("LEADMILL_BATCH_MAX", "must be between 1 and %d", maxBatch)
		}
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
			wrong("LEADMILL_PUBLIC_URL", "must be an absolute http or https URL without query")
		}
	}
	c.checkTLS(wrong)
	if (c.EventsRetention < 0 || c.EventsRetention > maxRetention) && !mentions(problems, "LEADMILL_EVENTS_RETENTION") {
		wrong("LEADMILL_EVENTS_RETENTION", "must be between 1 and %d days, or empty", maxRetention)
	}
	if c.LogFormat != "" && c.LogFormat != logText && c.LogFormat != logJSON {
		wrong("LEADMILL_LOG_FORMAT", "must be %s or %s", logText, logJSON)
	}
	c.checkMachines(problems, wrong)
	c.checkSinks(wrong)
	if err := c.checkArchive(); err != nil {
		problems = append(problems, err)
	}
	c.checkMail(wrong)
	c.checkOIDC(wrong)
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	return c, errors.Join(problems...)
}

// checkMachines calls wrong for each setting of several instances and machines that is wrong and not among the problems yet.
func (c Config) checkMachines(problems []error, wrong func(name, format string, args ...any)) {
	if c.RedisURL != "" {
		if err := ratelimit.CheckRedisURL(c.RedisURL); err != nil {
			wrong("LEADMILL_REDIS_URL", "%v", err)
		}
	}
	if c.Sharded != "" && c.Sharded != shardedBySeller {
		wrong("LEADMILL_SHARDED", "must be %s, or empty", shardedBySeller)
	}
	if (c.DatabasePool < minPool || c.DatabasePool > maxPool) && !mentions(problems, "LEADMILL_DATABASE_POOL") {
		wrong("LEADMILL_DATABASE_POOL", "must be between %d and %d", minPool, maxPool)
	}
	if (c.Drain < 0 || c.Drain > maxDrain) && !mentions(problems, "LEADMILL_DRAIN") {
		wrong("LEADMILL_DRAIN", "must be between 0s and 60s")
	}
}

// checkKeys calls wrong for each key that is wrong.
func (c Config) checkKeys(wrong func(name, format string, args ...any)) {
	if c.AdminKey != "" && (len(c.AdminKey) < 32 || len(c.AdminKey) > 255 || strings.ContainsFunc(c.AdminKey, func(r rune) bool { return r <= ' ' || r > '~' })) {
		wrong("LEADMILL_ADMIN_KEY", "must be 32 to 255 visible ASCII characters")
	}
	if c.SecretKey != "" {
		if err := secret.CheckKey(c.SecretKey); err != nil {
			wrong("LEADMILL_SECRET_KEY", "%v", err)
		}
	}
}

// checkTLS calls wrong for each setting of TLS that is wrong. The files are read at the start.
func (c Config) checkTLS(wrong func(name, format string, args ...any)) {
	for _, file := range []struct{ name, path, other string }{{"LEADMILL_TLS_CERT", c.TLSCert, c.TLSKey}, {"LEADMILL_TLS_KEY", c.TLSKey, c.TLSCert}} {
		switch {
		case strings.ContainsRune(file.path, 0):
			wrong(file.name, "must be the path of a PEM file")
		case file.path == "" && file.other != "":
			wrong(file.name, "must be set too: a certificate and its key belong together")
		}
	}
}

// checkOIDC calls wrong for each setting of the identity provider that is wrong.
func (c Config) checkOIDC(wrong func(name, format string, args ...any)) {
	if c.OIDCIssuer == "" && c.OIDCClientID == "" && c.OIDCClientSecret == "" {
		return
	}
	for _, setting := range []struct {
		name, value string
		check       func(string) error
	}{
		{"LEADMILL_OIDC_ISSUER", c.OIDCIssuer, oidc.CheckIssuer},
		{"LEADMILL_OIDC_CLIENT_ID", c.OIDCClientID, oidc.CheckClient},
		{"LEADMILL_OIDC_CLIENT_SECRET", c.OIDCClientSecret, oidc.CheckClient},
	} {
		if setting.value == "" {
			wrong(setting.name, "must be set too: LEADMILL_OIDC_ISSUER, LEADMILL_OIDC_CLIENT_ID and LEADMILL_OIDC_CLIENT_SECRET belong together")
		} else if err := setting.check(setting.value); err != nil {
			wrong(setting.name, "%v", err)
		}
	}
	if c.PublicURL == "" {
		wrong("LEADMILL_PUBLIC_URL", "must be set together with LEADMILL_OIDC_ISSUER: the provider sends browsers back to it")
	}
	if c.SecretKey == "" && c.keyFile() == "" {
		wrong("LEADMILL_SECRET_KEY", "must be set together with LEADMILL_OIDC_ISSUER where the database is a server")
	}
}

// checkArchive refuses to delete events that are archived nowhere.
func (c Config) checkArchive() error {
	switch {
	case strings.ContainsRune(c.ArchiveDir, 0):
		return errors.New("LEADMILL_ARCHIVE_DIR must be the path of a folder")
	case c.EventsRetention > 0 && c.ArchiveDir == "":
		return errors.New("LEADMILL_ARCHIVE_DIR must be set together with LEADMILL_EVENTS_RETENTION: events are archived there before they are deleted")
	}
	return nil
}

// checkMail calls wrong for each setting of mails that is wrong.
func (c Config) checkMail(wrong func(name, format string, args ...any)) {
	if c.SMTPURL != "" {
		if err := mail.CheckURL(c.SMTPURL); err != nil {
			wrong("LEADMILL_SMTP_URL", "%v", err)
		}
	}
	if strings.ContainsRune(c.MailDir, 0) {
		wrong("LEADMILL_MAIL_DIR", "must be the path of a folder")
	}
	if err := mail.CheckFrom(c.MailFrom); err != nil {
		wrong("LEADMILL_MAIL_FROM", "%v", err)
	}
	if c.SMTPURL != "" && c.PublicURL == "" {
		wrong("LEADMILL_PUBLIC_URL", "must be set together with LEADMILL_SMTP_URL: mails hold links")
	}
	if c.SMTPURL != "" && c.MailFrom == defaultMailFrom {
		wrong("LEADMILL_MAIL_FROM", "must be set together with LEADMILL_SMTP_URL")
	}
}

// settingError names the environment variable of a value that could not be read; the value itself may be a secret.
func settingError(err error) error {
	var parse env.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	switch parse.Name {
	case "BatchMax":
		return fmt.Errorf("LEADMILL_BATCH_MAX must be between 1 and %d", maxBatch)
	case "DatabasePool":
		return fmt.Errorf("LEADMILL_DATABASE_POOL must be between %d and %d", minPool, maxPool)
	case "EventsRetention":
		return fmt.Errorf("LEADMILL_EVENTS_RETENTION must be between 1 and %d days, or empty", maxRetention)
	case "TrustedProxies":
		return errors.New("LEADMILL_TRUSTED_PROXIES must be networks such as 10.0.0.0/8, with commas between them")
	case "OutboundAllow":
		return errors.New("LEADMILL_OUTBOUND_ALLOW must be networks such as 10.0.0.0/8, with commas between them")
	case "Drain":
		return errors.New("LEADMILL_DRAIN must be between 0s and 60s")
	case "LogLevel":
		return errors.New("LEADMILL_LOG_LEVEL must be debug, info, warn or error")
	}
	return fmt.Errorf("%s cannot be read", parse.Name)
}

func mentions(problems []error, name string) bool {
	for _, p := range problems {
		if strings.Contains(p.Error(), name) {
			return true
		}
	}
	return false
}
