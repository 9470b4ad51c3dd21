package leadmill

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/ports/events"
)

// How often an instance does what no request asks for.
const (
	sweepEvery = 5 * time.Second
	mailEvery  = time.Second
	purgeEvery = time.Minute
)

// serve listens, runs what works in the background, calls ready with the address clients use, and goes on until ctx ends.
// Then it stops taking requests, finishes those it has, and lets the background come to rest.
func (k *core) serve(ctx context.Context, ready func(ctx context.Context, base string) error) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", k.config.HTTPAddr)
	if err != nil {
		return fmt.Errorf("listen on LEADMILL_HTTP_ADDR: %w", err)
	}
	server, err := k.server()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	k.address.set(k.base(listener))
	k.logger.Info("rules in force", "intake_rules", k.rules.Codes(), "strategies", k.strategies.Codes(), "attribution_policies", k.policies.Codes(), "interceptors", k.chain.Codes(),
		"projections", k.runner.Names())
	tuneGC()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var running sync.WaitGroup
	failed := make(chan error, 16)
	work := func(name string, run func(context.Context) error) {
		running.Go(func() {
			if err := run(background); err != nil && background.Err() == nil {
				failed <- fmt.Errorf("%s stopped: %w", name, err)
			}
		})
	}
	work("event head", k.log.head.Run)
	work("sequencer", k.log.sequencer.Run)
	work("projections", k.runner.Run)
	work("reactions", k.react)
	work("sweep", k.every(sweepEvery, "sweep pending leads", k.sweepPending))
	work("mails", k.every(mailEvery, "send mails", k.sendMails))
	work("purge", k.every(purgeEvery, "purge expired claims", k.purge))
	if k.config.MetricsAddr != "" {
		work("metrics", k.serveMetrics)
	}

	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	served := make(chan error, 1)
	go func() { served <- server.Serve(serving, listener) }()
	err = ready(serving, k.base(listener))
	if err == nil {
		select {
		case err = <-failed:
		case err = <-served:
			served <- nil
		case <-ctx.Done():
		}
	}
	stopServing()
	err = errors.Join(err, <-served)
	k.batcher.Close()
	stop()
	running.Wait()
	return err
}

// tuneGC lets the heap grow to five times what is live before it is collected, unless GOGC says otherwise. What is live is
// a few megabytes; collecting less often saved 14 % of the processor time a lead (docs/benchmarks.md).
func tuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// base is the address under which clients reach the API, as far as this instance knows: mails need LEADMILL_PUBLIC_URL.
func (k *core) base(l net.Listener) string {
	if k.config.PublicURL != "" {
		return k.config.PublicURL
	}
	if at, err := netip.ParseAddrPort(l.Addr().String()); err == nil && at.Addr().IsUnspecified() {
		return "http://127.0.0.1:" + strconv.Itoa(int(at.Port())) // every address of this machine, of which this one is sure
	}
	return "http://" + l.Addr().String()
}

// react runs the router of reactions until ctx ends.
func (k *core) react(ctx context.Context) error {
	router, err := events.NewRouter(events.Reactions{Middleware: eventlog.Middleware, MatchPending: k.match, OnMatchPending: k.log.matching,
		QueueInvitation: k.post.queue, OnInvitation: k.log.inviting}, k.logger)
	if err != nil {
		return err
	}
	return router.Run(ctx)
}

// every calls do again and again with a pause between. An error is logged where it happens and does not end it.
func (k *core) every(pause time.Duration, name string, do func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			if err := do(ctx); err != nil && ctx.Err() == nil {
				k.logger.Warn(name+" failed; it is tried again", "error", err)
			}
		}
	}
}

func (k *core) sweepPending(ctx context.Context) error {
	_, err := k.sweep.Handle(ctx, command.SweepPending{})
	return err
}

func (k *core) sendMails(ctx context.Context) error {
	unsent, err := k.post.send.Handle(ctx, command.SendMails{})
	for _, m := range unsent {
		message := "mail not sent; it is tried again"
		if m.GivenUp {
			message = "mail not sent and given up; invite the partner again"
		}
		k.logger.Warn(message, "event_id", m.EventID, "code", string(fault.CodeOf(m.Err)), "cause", errors.Unwrap(m.Err))
	}
	return err
}

func (k *core) purge(ctx context.Context) error {
	_, err := k.store.PurgeExpired(ctx, k.clock.Now())
	return err
}

// isReady reports whether the database answers and has the schema of this binary.
func (k *core) isReady(ctx context.Context) error { return sqlstore.CheckVersion(ctx, k.db) }

// serveMetrics serves Prometheus metrics on an address of their own until ctx ends.
func (k *core) serveMetrics(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(k.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Addr: k.config.MetricsAddr, Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
