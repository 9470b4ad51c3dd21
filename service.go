package leadmill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/ports/events"
)

// serve listens, runs the background work, calls ready with the address for clients, and works until ctx ends. Then it takes
// no more requests, finishes those it has, and stops the background work.
func (k *core) serve(ctx context.Context, ready func(ctx context.Context, base string) error) error {
	server, err := k.server()
	if err != nil {
		return err
	}
	if k.Config.EventsRetention > 0 { // told now, and not by a job that fails
		if _, _, err := openArchive(k.Config, k.DB, k.Clock, k.Logger); err != nil {
			return err
		}
	}
	if err := k.Runner.Prepare(ctx); err != nil { // so that what they need is not archived
		return err
	}
	if err := events.Prepare(ctx, k.Subscriptions); err != nil { // what is answered from now on is for every reaction
		return err
	}
	if err := k.Jobs.Prepare(ctx); err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", k.Config.HTTPAddr)
	if err != nil {
		return fmt.Errorf("listen on LEADMILL_HTTP_ADDR: %w", err)
	}
	k.Address.set(k.base(listener.Addr().String()))
	k.Logger.Info("rules in force", slog.Any("intake_rules", k.Rules.Codes()), slog.Any("facts", k.Facts.Names()),
		slog.Any("strategies", k.Strategies.Listing()), slog.Any("attribution_policies", k.Policies.Listing()), slog.Any("interceptors", k.Chain.Codes()),
		slog.Any("projections", k.Runner.Names()), slog.Any("reactions", k.reactions()), slog.Any("replaced", k.Assembly.replacements()))
	k.warnOfMissingStrategies(ctx)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	w := newWork(background, workPatience)
	w.begin("collector", tuneGC)
	w.begin("event head", k.Log.head.Run)
	w.begin("sequencer", k.Log.sequencer.Run)
	w.begin("projections", k.Runner.Run)
	w.begin("reactions", k.react)
	w.begin("event streams", k.Streams.Run)
	w.begin("jobs", k.Jobs.Run)
	w.begin("key usage", k.storeUsage)
	if k.Config.MetricsAddr != "" {
		w.begin("metrics", k.serveMetrics)
	}

	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	served := make(chan error, 1)
	go func() { served <- server.Serve(serving, listener) }()
	err = ready(serving, k.base(listener.Addr().String()))
	if err == nil {
		select {
		case err = <-w.failed:
		case err = <-served:
			served <- nil
		case <-ctx.Done():
		}
	}
	stopServing()
	err = errors.Join(err, <-served)
	stop()
	return errors.Join(err, w.end())
}

// base returns the address under which clients reach the API that listens on an address, as far as this instance knows it:
// links in mails need LEADMILL_PUBLIC_URL.
func (k *core) base(listens string) string {
	if k.Config.PublicURL != "" {
		return k.Config.PublicURL
	}
	scheme := "http://"
	if k.Config.TLSCert != "" {
		scheme = "https://"
	}
	if at, err := netip.ParseAddrPort(listens); err == nil && at.Addr().IsUnspecified() {
		return scheme + "127.0.0.1:" + strconv.Itoa(int(at.Port())) // the server listens on all addresses of this machine, and this one always works
	}
	return scheme + listens
}

// react runs the router of reactions until ctx ends.
func (k *core) react(ctx context.Context) error {
	router, err := events.NewRouter(k.Subscriptions, eventlog.Middleware, k.Logger)
	if err != nil {
		return err
	}
	return router.Run(ctx)
}

// isReady reports whether the database answers and has the schema of this binary and its modules.
func (k *core) isReady(ctx context.Context) error {
	if err := cmp.Or(k.DB.Reads.Err(), k.DB.Writes.Err()); err != nil {
		return err
	}
	return sqlstore.CheckVersion(ctx, k.DB, k.Assembly.migrations...)
}

// serveMetrics serves Prometheus metrics on an address of their own until ctx ends.
func (k *core) serveMetrics(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(k.Registry, promhttp.HandlerOpts{}))
	server := &http.Server{
		Addr: k.Config.MetricsAddr, Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
