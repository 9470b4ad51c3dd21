// Package job holds the repeated jobs of the partner program: one file a job.
//
// Stability: unsupported; it may change at any time.
package job

import (
	"context"
	"log/slog"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	programcommand "github.com/leadmill/leadmill/application/program/command"
)

// SendMails is the job that sends the mails that are due.
func SendMails(send bus.Handler[programcommand.SendMails, []application.UnsentMail], logger *slog.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		unsent, err := send.Handle(ctx, programcommand.SendMails{})
		application.LogUnsentMails(ctx, logger, "invitation", unsent)
		return err
	}
}
