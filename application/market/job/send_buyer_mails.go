package job

import (
	"context"
	"log/slog"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
)

// SendBuyerMails is the job that sends the mails to buyers that are due.
func SendBuyerMails(send bus.Handler[marketcommand.SendBuyerMails, []application.UnsentMail], logger *slog.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		unsent, err := send.Handle(ctx, marketcommand.SendBuyerMails{})
		application.LogUnsentMails(ctx, logger, "buyer's balance", unsent)
		return err
	}
}
