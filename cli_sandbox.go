package leadmill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/webhook"
	"github.com/leadmill/leadmill/ports/sandbox"
)

func (c *cli) sandbox() *cobra.Command {
	return group("sandbox", "Play the systems of others, for tests", c.sandboxBuyer())
}

func (c *cli) sandboxBuyer() *cobra.Command {
	var listen string
	var secrets []string
	cmd := &cobra.Command{
		Use: "buyer", Short: "Play a buyer that takes leads, and show what arrives", Args: cobra.NoArgs,
		Long: `Play a buyer that takes leads: the path to which a lead is sent says what becomes of it, and the page at / shows what arrived.

It is for tests only: it shows personal data to everybody who can open the page, and keeps the last 1,000 leads in memory.
So it listens on this machine alone, unless --listen says otherwise. To have leads sent to it, start "leadmill serve" with
LEADMILL_OUTBOUND_ALLOW=127.0.0.1/32. It uses no database.

  /accept?price=40.00     accepts; without price for that of the contract
  /reject, /duplicate     takes it not, or has it already
  /slow?ms=8000           accepts later
  /broken, /garbage       answers 500, or something that is no JSON
  /lost                   keeps the lead, and closes the connection without an answer
  /flaky?n=2              answers 503 to the first requests with a webhook-id, then accepts
  /bid?amount=12.50&ms=0  bids
  /nobid                  bids nothing
  GET, DELETE /arrivals   what arrived, as JSON; forgets it`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			host, port, err := net.SplitHostPort(listen)
			if err != nil || port == "" {
				return &usageError{errors.New("--listen must be host:port, for example 127.0.0.1:8090")}
			}
			config := sandbox.BuyerConfig{Clock: clock.NewSystem(), Host: host, Told: func(line string) { _, _ = fmt.Fprintln(c.stdout, line) }}
			if len(secrets) > 0 {
				all := strings.Join(secrets, " ")
				if err := webhook.CheckSecret(all); err != nil {
					return &usageError{fmt.Errorf("--secret %w", err)}
				}
				config.Verify = func(h http.Header, body []byte) error { return webhook.Verify(all, h, config.Clock.Now(), body) }
			}
			if !onLoopback(host) {
				_, _ = fmt.Fprintln(c.stderr, "Others can reach this sandbox and read the personal data that it shows. Use it for tests only.")
			}
			return c.serveSandbox(cmd.Context(), listen, sandbox.NewBuyer(config))
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8090", "address to listen on; port 0 takes a free one")
	cmd.Flags().StringArrayVar(&secrets, "secret", nil, "secret whsec_… to verify signatures with; may be given several times")
	return cmd
}

func onLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}

// sandboxStop is how long requests under way are waited for when a sandbox is told to stop.
const sandboxStop = 5 * time.Second

// serveSandbox serves until ctx ends; what it lets wait is answered then.
func (c *cli) serveSandbox(ctx context.Context, listen string, h http.Handler) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	server := &http.Server{
		Handler: h, BaseContext: func(net.Listener) context.Context { return running }, ErrorLog: log.New(io.Discard, "", 0),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 90 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	_, _ = fmt.Fprintf(c.stdout, "The sandbox buyer listens on http://%s\n", l.Addr()) // before lines of requests
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop()
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), sandboxStop)
	defer cancel()
	if err := server.Shutdown(within); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
