package apptest

import (
	"context"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
)

// Poison is what PanickingRule panics at.
const Poison = "Poison"

// PanickingRule is an intake rule that panics at leads whose first name holds Poison, with their phone in what it says.
type PanickingRule struct{}

// Code implements lead.IntakeRule.
func (PanickingRule) Code() fault.Code { return "test_panics" }

// Order implements lead.IntakeRule.
func (PanickingRule) Order() int { return 1 }

// Check implements lead.IntakeRule.
func (PanickingRule) Check(f lead.Facts) error {
	if strings.Contains(f.Fields()["firstName"].Text, Poison) {
		panic("a rule panics at " + f.Fields()["phone"].Text)
	}
	return nil
}

// Unswept is an interceptor that keeps the sweep of pending leads away, so that leads are matched only because something
// happened. MatchPending waits while Matching is locked.
type Unswept struct{ Matching sync.Mutex }

// Code implements bus.Interceptor.
func (*Unswept) Code() string { return "test_unswept" }

// Order implements bus.Interceptor.
func (*Unswept) Order() int { return 401 }

// Intercept implements bus.Interceptor.
func (u *Unswept) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	switch op.Name {
	case "SweepPending":
		return op.Answer(marketcommand.Matched{})
	case "MatchPending":
		u.Matching.Lock()
		defer u.Matching.Unlock()
	}
	return next(ctx)
}

// StoresLeads reports whether a transaction's statements store leads.
func StoresLeads(statements []string) bool {
	return slices.ContainsFunc(statements, func(q string) bool { return strings.HasPrefix(q, "INSERT INTO leads ") })
}

// OrLost is what a commit or rollback returns when the connection breaks after it: err when it failed by itself.
func OrLost(err error) error {
	if err != nil {
		return err
	}
	return driver.ErrBadConn
}

// Unrun is an interceptor that keeps the jobs of sellers from being run until Run is called.
type Unrun struct{ run atomic.Bool }

// Run lets jobs be run.
func (u *Unrun) Run() { u.run.Store(true) }

// Code implements bus.Interceptor.
func (*Unrun) Code() string { return "test_unrun" }

// Order implements bus.Interceptor.
func (*Unrun) Order() int { return 401 }

// Intercept implements bus.Interceptor.
func (u *Unrun) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	if op.Name == "RunSellerJobs" && !u.run.Load() {
		return op.Answer(marketcommand.SellerJobsRun{})
	}
	return next(ctx)
}
