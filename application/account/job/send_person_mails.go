// Package job holds the repeated jobs about sellers' people: one file a job.
//
// Stability: unsupported; it may change at any time.
package job

import (
	"context"
	"log/slog"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	"github.com/leadmill/leadmill/application/bus"
)

// SendPersonMails is the job that sends the mails to people that are due.
func SendPersonMails(send bus.Handler[accountcommand.SendPersonMails, []application.UnsentMail], logger *slog.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		unsent, err := send.Handle(ctx, accountcommand.SendPersonMails{})
		application.LogUnsentMails(ctx, logger, "person's", unsent)
		return err
	}
}
