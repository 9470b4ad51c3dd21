package mail

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// server holds the parts of LEADMILL_SMTP_URL.
type server struct {
	host           string
	port           int
	implicit       bool // TLS from the first byte
	policy         gomail.TLSPolicy
	user, password string
}

// CheckURL reports what is wrong with LEADMILL_SMTP_URL, without showing any of it:
//
//	smtp://user:password@host:587       STARTTLS, mandatory
//	smtps://user:password@host:465      TLS from the first byte
//	smtp://host:25?tls=opportunistic    STARTTLS when offered, for a relay nearby; a certificate that is offered must be valid
//	smtp://host:25?tls=none             no TLS, for a relay on the same machine
//
// User and password may be left out; without mandatory TLS they must be. The ports shown are the defaults.
func CheckURL(smtpURL string) error {
	_, err := parseURL(smtpURL)
	return err
}

// The errors never wrap those of url.Parse, which repeat the URL with its password.
func parseURL(smtpURL string) (server, error) {
	u, err := url.Parse(smtpURL)
	if err != nil {
		return server{}, errors.New("cannot be read as a URL: write special characters of user and password percent-encoded, such as %40 for @")
	}
	s := server{host: u.Hostname()}
	switch u.Scheme {
	case "smtp":
		s.port, s.policy = 587, gomail.TLSMandatory
	case "smtps":
		s.port, s.implicit = 465, true
	default:
		return server{}, errors.New("must be smtp://user:password@host:587, smtps://user:password@host:465 or smtp://host:25?tls=none")
	}
	if s.host == "" {
		return server{}, errors.New("names no host")
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return server{}, errors.New("must end after host and port: write / and # in user and password as %2F and %23")
	}

	query, err := url.ParseQuery(u.RawQuery)
	tls := query["tls"]
	switch {
	case err != nil || len(query) > 1 || len(query) == 1 && len(tls) != 1:
		return server{}, errors.New("may have no parameter but one tls: write ? in user and password as %3F")
	case len(tls) == 0:
	case s.implicit:
		return server{}, errors.New("may have ?tls= with smtp:// only")
	case tls[0] == "none":
		s.port, s.policy = 25, gomail.NoTLS
	case tls[0] == "opportunistic":
		s.port, s.policy = 25, gomail.TLSOpportunistic
	default:
		return server{}, errors.New("may have ?tls=none or ?tls=opportunistic only")
	}

	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return server{}, errors.New("must have a port from 1 to 65535")
		}
		s.port = int(n)
	} else if strings.HasSuffix(u.Host, ":") {
		return server{}, errors.New("must have a port from 1 to 65535")
	}

	if u.User != nil {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
		switch {
		case s.user == "" || s.password == "":
			return server{}, errors.New("must have both user and password, or neither")
		case strings.ContainsFunc(s.user+s.password, breaks):
			return server{}, errors.New("must have no control characters in user and password")
		case len(tls) > 0:
			return server{}, errors.New("must have no user and password with ?tls=: they would travel readable")
		}
	}
	return s, nil
}
