package leadmill

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/seller"
)

func (c *cli) keys() *cobra.Command {
	var code string
	subs := []*cobra.Command{c.createKey(&code), c.listKeys(&code), c.rotateKey(&code), c.revokeKey(&code)}
	for _, cmd := range subs {
		cmd.Flags().StringVar(&code, "seller", "", "code of the seller")
		_ = cmd.MarkFlagRequired("seller")
	}
	return group("keys", "Make, list, rotate and revoke API keys without the API", subs...)
}

func (c *cli) createKey(code *string) *cobra.Command {
	var request accountcommand.APIKeyRequest
	var rate, expires string
	create := &cobra.Command{
		Use: "create", Short: "Make an API key of a seller and print it", Args: cobra.NoArgs,
		RunE: c.run(func(ctx context.Context, k *core, _ []string) error {
			actor, err := k.operator(ctx, *code)
			if err != nil {
				return err
			}
			var err1, err2 error
			request.Limit, err1 = parseRate(rate)
			request.ExpiresAt, err2 = parseExpires(expires, k.Clock.Now())
			if err := errors.Join(err1, err2); err != nil {
				return &usageError{err}
			}
			var made accountcommand.APIKeyCreated
			if _, err := k.Account.CreateAPIKey.Handle(ctx, accountcommand.CreateAPIKey{Actor: actor, Request: request, Once: keep(&made)}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.stdout, "%s\n", made.Key)
			return err
		}),
	}
	create.Flags().StringVar(&request.Scope, "scope", "program", "program, supplier, form, site, events, or one that a module of this build declares")
	create.Flags().StringVar(&request.Name, "name", "", "a name to know the key by")
	create.Flags().StringVar(&request.Partner.ID, "partner", "", "id of the partner a supplier key belongs to")
	create.Flags().StringVar(&request.CampaignID, "campaign", "", "id of the campaign that a form key posts leads to")
	create.Flags().StringSliceVar(&request.Origins, "origin", nil, "origin of a page that may use a form or site key, such as https://www.example.com; may be repeated")
	create.Flags().StringVar(&rate, "rate", "", "requests/seconds, such as 600/60; none for no limit (default 60/60, 10/60 an address for a form or site key)")
	create.Flags().StringVar(&expires, "expires", "", expiresUsage)
	return create
}

func (c *cli) listKeys(code *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List a seller's keys that are in force", Args: cobra.NoArgs,
		RunE: c.run(func(ctx context.Context, k *core, _ []string) error {
			actor, err := k.operator(ctx, *code)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "ID\tSCOPE\tPARTNER\tNAME\tCREATED\tEXPIRES\tLAST USED\tLEADS")
			for page := (application.Page{Limit: application.MaxLimit, Number: 1}); ; {
				found, err := k.Account.APIKeys.Handle(ctx, accountquery.APIKeys{Actor: actor, Page: page})
				if err != nil {
					return err
				}
				for _, key := range found.Items {
					_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", key.ID, key.Scope, key.PartnerID, key.Name, stamp(key.CreatedAt), stamp(key.ExpiresAt),
						stamp(key.LastUsedAt), key.Leads)
				}
				if page.After = found.Next; page.After == "" {
					return w.Flush()
				}
			}
		}),
	}
}

func (c *cli) rotateKey(code *string) *cobra.Command {
	var overlap time.Duration
	var expires string
	rotate := &cobra.Command{
		Use: "rotate ID", Short: "Make a key like another and print it; the other ends when the overlap is over", Args: cobra.ExactArgs(1),
		RunE: c.run(func(ctx context.Context, k *core, args []string) error {
			actor, err := k.operator(ctx, *code)
			if err != nil {
				return err
			}
			expiresAt, err := parseExpires(expires, k.Clock.Now())
			if err != nil {
				return &usageError{err}
			}
			var made accountcommand.APIKeyCreated
			_, err = k.Account.RotateAPIKey.Handle(ctx, accountcommand.RotateAPIKey{Actor: actor, ID: args[0], Overlap: overlap, ExpiresAt: expiresAt, Once: keep(&made)})
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(c.stderr, "%s ends at %s.\n", made.Replaces, stamp(made.ReplacedUntil))
			_, err = fmt.Fprintf(c.stdout, "%s\n", made.Key)
			return err
		}),
	}
	rotate.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the former key stays in force, at most 2160h; 0 for not at all")
	rotate.Flags().StringVar(&expires, "expires", "", expiresUsage)
	return rotate
}

func (c *cli) revokeKey(code *string) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a seller's key", Args: cobra.ExactArgs(1),
		RunE: c.run(func(ctx context.Context, k *core, args []string) error {
			actor, err := k.operator(ctx, *code)
			if err != nil {
				return err
			}
			var none struct{}
			_, err = k.Account.RevokeAPIKey.Handle(ctx, accountcommand.RevokeAPIKey{Actor: actor, ID: args[0], Once: keep(&none)})
			return err
		}),
	}
}

const expiresUsage = "when the key ends: a time such as 2027-01-31T00:00:00Z, or from now, such as 720h (default never)"

// parseExpires reads "2027-01-31T00:00:00Z" or "720h", which counts from now; an empty text is never.
func parseExpires(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(d), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, errors.New("--expires must be a time such as 2027-01-31T00:00:00Z, or from now, such as 720h")
	}
	return at.UTC(), nil
}

// parseRate reads "600/60" (requests a window in seconds); an empty text is the default limit (nil), "none" is no limit.
func parseRate(s string) (*seller.RateLimit, error) {
	switch s {
	case "":
		return nil, nil
	case "none":
		return &seller.RateLimit{}, nil
	}
	requests, seconds, ok := strings.Cut(s, "/")
	n, err1 := strconv.ParseInt(requests, 10, 64)
	w, err2 := strconv.ParseInt(seconds, 10, 32)
	if !ok || err1 != nil || err2 != nil || n < 1 || w < 1 {
		return nil, errors.New("--rate must be requests/seconds such as 600/60, or none")
	}
	return &seller.RateLimit{Requests: n, Window: time.Duration(w) * time.Second}, nil
}
