// Package job holds the repeated jobs of the partner program: one file a job.
//
// Stability: unsupported; it may change at any time.
package job

import (
	"context"
	"errors"
	"log/slog"

	"github.com/leadmill/leadmill/application/bus"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	"github.com/leadmill/leadmill/domain/fault"
)

// SendMails is the job that sends the mails that are due. The log line of a mail that could not be sent holds nothing of the
// mail.
func SendMails(send bus.Handler[programcommand.SendMails, []programcommand.UnsentMail], logger *slog.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		unsent, err := send.Handle(ctx, programcommand.SendMails{})
		for _, m := range unsent {
			attrs := []any{slog.String("event_id", m.EventID), slog.String("code", string(fault.CodeOf(m.Err))), slog.Any("cause", errors.Unwrap(m.Err))}
			if m.GivenUp {
				logger.WarnContext(ctx, "mail not sent and given up; invite the partner again", attrs...)
				continue
			}
			logger.WarnContext(ctx, "mail not sent; it is tried again", attrs...)
		}
		return err
	}
}
