package mail_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/mail"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"smtp://u:p@mail.example:587":                    "",
		"smtp://u:p@mail.example":                        "",
		"smtp://u:p@mail.example/":                       "",
		"smtp://mail.example":                            "",
		"smtps://u:p@mail.example:465":                   "",
		"smtps://u%40x:p%2F%23%3F@[::1]:2465":            "",
		"smtp://localhost:25?tls=none":                   "",
		"smtp://localhost/?tls=opportunistic":            "",
		"":                                               "must be smtp://",
		"mail.example:25":                                "must be smtp://",
		"http://mail.example":                            "must be smtp://",
		"smtp:mail.example":                              "names no host",
		"smtp://":                                        "names no host",
		"smtp://u:s3cret@:587":                           "names no host",
		"smtp://u:s3cret@mail.example:0":                 "a port from 1 to 65535",
		"smtp://u:s3cret@mail.example:65536":             "a port from 1 to 65535",
		"smtp://u:s3cret@mail.example:":                  "a port from 1 to 65535",
		"smtp://u:s3cret@mail.example:s3cret":            "cannot be read as a URL",
		"smtp://u:s3cr#s3cret@mail.example:587":          "cannot be read as a URL",
		"smtp://u:s3cret%zz@mail.example":                "cannot be read as a URL",
		"smtp://u:s3cret\n@mail.example":                 "cannot be read as a URL",
		"smtp://u:587/s3cret@mail.example":               "must end after host and port",
		"smtp://u:587#s3cret@mail.example":               "must end after host and port",
		"smtp://u:587?s3cret@mail.example":               "no parameter but one tls",
		"smtp://mail.example?tls=none&s3cret=1":          "no parameter but one tls",
		"smtp://mail.example?tls=none&tls=none":          "no parameter but one tls",
		"smtp://mail.example?tls=none;s3cret":            "no parameter but one tls",
		"smtp://mail.example?tls=s3cret":                 "?tls=none or ?tls=opportunistic only",
		"smtp://mail.example?tls=":                       "?tls=none or ?tls=opportunistic only",
		"smtps://mail.example?tls=none":                  "with smtp:// only",
		"smtp://u@mail.example":                          "both user and password",
		"smtp://u:@mail.example":                         "both user and password",
		"smtp://:s3cret@mail.example":                    "both user and password",
		"smtp://@mail.example":                           "both user and password",
		"smtp://u:s3cret%0d%0a@mail.example":             "no control characters",
		"smtp://u:s3cret%00@mail.example":                "no control characters",
		"smtp://u:s3cret@localhost?tls=none":             "no user and password with ?tls=",
		"smtp://u:s3cret@mail.example?tls=opportunistic": "no user and password with ?tls=",
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			err := mail.CheckURL(url)
			_, made := mail.NewSMTP(url, sender, clock.NewManual(noon))
			if want == "" {
				require.NoError(t, err)
				require.NoError(t, made)
				return
			}
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, made, want)
			for _, e := range []error{err, made} {
				assert.NotContains(t, e.Error(), "s3cr")
				assert.NotContains(t, e.Error(), "mail.example")
			}
		})
	}
}

func TestCheckFrom(t *testing.T) {
	t.Parallel()
	for from, good := range map[string]bool{
		"leads@seller.example":                 true,
		"Leads <leads@seller.example>":         true,
		`"Leads, Inc." <leads@seller.example>`: true,
		"Größe 🚀 <leads@seller.example>":       true,
		"leadmill@localhost":                   true,
		"":                                     false,
		"Leads":                                false,
		"leads@":                               false,
		"a@seller.example, b@seller.example":   false,
		"Leads <leads@größe.example>":          false,
		"Leads <leads@seller.example>\r\nBcc: x@evil.example": false,
		"Leads\r\nBcc: x@evil.example <leads@seller.example>": false,
		"Leads\x00 <leads@seller.example>":                    false,
		"Leads\xff <leads@seller.example>":                    false,
	} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			err := mail.CheckFrom(from)
			_, made := mail.NewSMTP("smtp://mail.example", from, clock.NewManual(noon))
			if good {
				require.NoError(t, err)
				require.NoError(t, made)
				return
			}
			for _, e := range []error{err, made} {
				require.ErrorContains(t, e, "must be an ASCII email address")
				assert.NotContains(t, e.Error(), "seller.example")
			}
		})
	}
}
