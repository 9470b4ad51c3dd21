package leadmill

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (c *cli) healthcheck() *cobra.Command {
	var base string
	var live bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "healthcheck", Short: "Ask an instance whether it is ready; exit 1 when it is not", Args: cobra.NoArgs,
		Long: "Ask an instance whether it is ready: for containers without curl. Without --url it asks the one of LEADMILL_HTTP_ADDR on this\n" +
			"machine. It uses no database.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := LoadConfig()
			if err != nil {
				return &usageError{err}
			}
			own := false
			if base == "" {
				if base, err = ownAddress(config.HTTPAddr); err != nil {
					return &usageError{err}
				}
				if config.TLSCert != "" {
					base, own = "https"+strings.TrimPrefix(base, "http"), true
				}
			}
			if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || timeout <= 0 {
				return &usageError{errors.New("--url must be an http or https URL such as http://127.0.0.1:8080, --timeout above 0")}
			}
			path := "/readyz"
			if live {
				path = "/livez"
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			status, err := ask(ctx, strings.TrimRight(base, "/")+path, own)
			if err != nil {
				return err
			}
			if status != http.StatusOK {
				return fmt.Errorf("%s answers %d", path, status)
			}
			_, err = fmt.Fprintf(c.stdout, "%s answers 200.\n", path)
			return err
		},
	}
	cmd.Flags().StringVar(&base, "url", "", "address of the instance (default that of LEADMILL_HTTP_ADDR)")
	cmd.Flags().BoolVar(&live, "live", false, "ask whether it runs, and not whether its database answers")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long to wait for the answer")
	return cmd
}

// ownAddress returns the URL by which this machine reaches what listens on an address.
func ownAddress(listens string) (string, error) {
	host, port, err := net.SplitHostPort(listens)
	if err != nil || port == "0" {
		return "", errors.New("LEADMILL_HTTP_ADDR does not say which port the instance has; use --url")
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1" // it listens on all addresses of this machine, and this one always works
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// ask returns the status that a URL answers, without the help of a proxy. own is this machine's instance, whose certificate is for the name
// under which others reach it: nothing is sent to it that is worth a check.
func ask(ctx context.Context, address string, own bool) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	certificates := &tls.Config{InsecureSkipVerify: own} //nolint:gosec // see above
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: certificates}, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	return answer.StatusCode, errors.Join(err, answer.Body.Close())
}
