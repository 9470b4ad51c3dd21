package leadmill

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

func (c *cli) people() *cobra.Command {
	var code string
	subs := []*cobra.Command{c.invitePerson(&code), c.listPeople(&code), c.removePerson(&code)}
	for _, cmd := range subs {
		cmd.Flags().StringVar(&code, "seller", "", "code of the seller")
		_ = cmd.MarkFlagRequired("seller")
	}
	return group("people", "Invite, list and remove the people who sign in to a seller's pages", append(subs, c.resetSecondFactor())...)
}

func (c *cli) resetSecondFactor() *cobra.Command {
	var email string
	reset := &cobra.Command{
		Use: "reset-second-factor", Short: "Take the second factor from somebody who lost it, and end all sessions", Args: cobra.NoArgs,
		RunE: c.run(func(ctx context.Context, k *core, _ []string) error {
			actor := application.Actor{Scope: seller.Admin, KeyID: "cli"}
			if _, err := k.People.ResetSecondFactor.Handle(ctx, accountcommand.ResetSecondFactor{Actor: actor, Email: email}); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.stdout, "The second factor is taken away, and all sessions have ended. The password signs in.")
			return err
		}),
	}
	reset.Flags().StringVar(&email, "email", "", "the person's email address")
	_ = reset.MarkFlagRequired("email")
	return reset
}

func (c *cli) invitePerson(code *string) *cobra.Command {
	var email, name, role string
	var mail bool
	invite := &cobra.Command{
		Use: "invite", Short: "Invite somebody and print the link to join by, or have it mailed", Args: cobra.NoArgs,
		RunE: c.run(func(ctx context.Context, k *core, _ []string) error {
			actor, err := k.operator(ctx, *code)
			if err != nil {
				return err
			}
			invited, err := k.People.InvitePerson.Handle(ctx, accountcommand.InvitePerson{Actor: actor, Email: email, Name: name, Role: role, Link: !mail})
			if err != nil {
				return err
			}
			if mail {
				_, err = fmt.Fprintf(c.stdout, "%s is invited. A mail is sent by the instance that serves.\n", invited.PersonID)
				return err
			}
			_, _ = fmt.Fprintf(c.stderr, "%s is invited. The link works once and until %s.\n", invited.PersonID, stamp(invited.ExpiresAt))
			_, err = fmt.Fprintf(c.stdout, "%s/join/%s\n", k.base(k.Config.HTTPAddr), invited.Token)
			return err
		}),
	}
	invite.Flags().StringVar(&email, "email", "", "the person's email address")
	invite.Flags().StringVar(&name, "name", "", "the person's name")
	invite.Flags().StringVar(&role, "role", string(operator.Operator), "owner, operator or viewer")
	invite.Flags().BoolVar(&mail, "mail", false, "send the link by mail instead of printing it")
	_ = invite.MarkFlagRequired("email")
	return invite
}

func (c *cli) listPeople(code *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List a seller's people and who is invited", Args: cobra.NoArgs,
		RunE: c.run(func(ctx context.Context, k *core, _ []string) error {
			actor, err := k.operator(ctx, *code)
			if err != nil {
				return err
			}
			found, err := k.People.PeopleOfSeller.Handle(ctx, accountquery.PeopleOfSeller{Actor: actor})
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "ID\tROLE\tEMAIL\tNAME\tINVITED\tJOINED\tLAST SEEN")
			for _, p := range found {
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Role, p.Email, p.Name, stamp(p.InvitedAt), stamp(p.AcceptedAt), stamp(p.LastSeenAt))
			}
			return w.Flush()
		}),
	}
}

func (c *cli) removePerson(code *string) *cobra.Command {
	return &cobra.Command{
		Use: "remove ID|EMAIL", Short: "Take somebody, or an invitation, from a seller's people", Args: cobra.ExactArgs(1),
		RunE: c.run(func(ctx context.Context, k *core, args []string) error {
			actor, err := k.operator(ctx, *code)
			if err != nil {
				return err
			}
			id := args[0]
			if strings.Contains(id, "@") {
				found, err := k.People.PeopleOfSeller.Handle(ctx, accountquery.PeopleOfSeller{Actor: actor})
				if err != nil {
					return err
				}
				for _, p := range found {
					if strings.EqualFold(p.Email, id) {
						id = p.ID
					}
				}
			}
			_, err = k.People.RemovePerson.Handle(ctx, accountcommand.RemovePerson{Actor: actor, ID: id})
			return err
		}),
	}
}
