package leadmill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/seller"
)

// erasedLine is a line of the file that keeps erased what was erased: ids only.
type erasedLine struct {
	Seller   string    `json:"seller"`
	Kind     string    `json:"kind"` // lead or customer
	ID       string    `json:"id"`
	ErasedAt time.Time `json:"erased_at"`
}

// The kinds of lines.
const (
	erasedLead     = "lead"
	erasedCustomer = "customer"
)

// erasedChunk is how many leads or customers are looked at or erased at a time.
const erasedChunk = 500

func (c *cli) erasures() *cobra.Command {
	export := &cobra.Command{
		Use: "export FILE", Short: "List all erased leads and customers in a file, by their ids", Args: cobra.ExactArgs(1),
		RunE: c.run(func(ctx context.Context, k *core, args []string) error {
			n := 0
			err := writeWhole(args[0], func(w io.Writer) error {
				lines := json.NewEncoder(w)
				return k.eachErased(ctx, func(l erasedLine) error {
					n++
					return lines.Encode(l)
				})
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.stdout, "%d erased leads and customers are listed in %s.\n", n, args[0])
			return err
		}),
	}
	apply := &cobra.Command{
		Use: "apply FILE", Short: "Erase again what a restored database holds of the leads and customers in a file", Args: cobra.ExactArgs(1),
		RunE: c.run(func(ctx context.Context, k *core, args []string) error { return c.applyErasures(ctx, k, args[0]) }),
	}
	return group("erasures", "Keep erased what was erased, through a restore of the database", export, apply)
}

// eachErased tells all leads and customers that are erased, for whatever reason.
func (k *core) eachErased(ctx context.Context, tell func(erasedLine) error) error {
	for page := (application.Page{Limit: application.MaxLimit, Number: 1}); ; {
		sellers, err := k.Account.Sellers.Handle(ctx, accountquery.Sellers{Actor: application.Actor{Scope: seller.Admin}, Page: page})
		if err != nil {
			return err
		}
		for _, s := range sellers.Items {
			if err := k.eachErasedOf(ctx, s.ID, tell); err != nil {
				return err
			}
		}
		if page.After = sellers.Next; page.After == "" {
			return nil
		}
	}
}

func (k *core) eachErasedOf(ctx context.Context, sellerID string, tell func(erasedLine) error) error {
	for after := ""; ; {
		leads, last, err := k.Erasing.Reader.ErasedLeadsAfter(ctx, sellerID, after, erasedChunk)
		if err != nil {
			return err
		}
		for _, l := range leads {
			if err := tell(erasedLine{sellerID, erasedLead, l.ID, l.At}); err != nil {
				return err
			}
		}
		if after = last; last == "" {
			break
		}
	}
	for after := ""; ; {
		customers, err := k.Erasing.Customers.CustomersAfter(ctx, sellerID, after, erasedChunk)
		if err != nil || len(customers) == 0 {
			return err
		}
		for _, c := range customers {
			if after = c.ID; c.DeletedAt.IsZero() {
				continue
			}
			if err := tell(erasedLine{sellerID, erasedCustomer, c.ID, c.DeletedAt}); err != nil {
				return err
			}
		}
	}
}

// writeWhole makes a file that only its owner may read, or leaves what was there as it is.
func writeWhole(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".erasures-*.tmp") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	w := bufio.NewWriter(f)
	if err := errors.Join(write(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// applyErasures erases what is listed in a file. Lines that cannot be read are named and passed over: what the others list is erased.
func (c *cli) applyErasures(ctx context.Context, k *core, name string) error {
	f, err := os.Open(name) //nolint:gosec // the operator's own file
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	var done marketcommand.ErasuresApplied
	batch := marketcommand.ApplyErasures{}
	send := func() error {
		if len(batch.Leads)+len(batch.Customers) == 0 {
			return nil
		}
		n, err := k.Erasures.Apply.Handle(ctx, batch)
		done.Erased, done.Already, done.Unknown = done.Erased+n.Erased, done.Already+n.Already, done.Unknown+n.Unknown
		batch = marketcommand.ApplyErasures{}
		return err
	}
	unreadable := 0
	lines := bufio.NewReader(f)
	for n := 1; ; n++ {
		text, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		ended := err != nil
		if text = bytes.TrimSpace(text); len(text) > 0 {
			l, err := readErased(text)
			if err != nil {
				unreadable++
				_, _ = fmt.Fprintf(c.stderr, "line %d of %s: %v\n", n, name, err)
			} else {
				if l.Seller != batch.SellerID || len(batch.Leads)+len(batch.Customers) == erasedChunk {
					if err := send(); err != nil {
						return err
					}
				}
				batch.SellerID = l.Seller
				if l.Kind == erasedLead {
					batch.Leads = append(batch.Leads, l.ID)
				} else {
					batch.Customers = append(batch.Customers, l.ID)
				}
			}
		}
		if ended {
			break
		}
	}
	if err := send(); err != nil {
		return err
	}
	if _, err := k.Erasures.Run.Handle(ctx, marketcommand.RunErasures{}); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c.stdout, "%d leads and customers erased, with their claims, stored answers and mails. %d were erased already, %d are not in this database.\n",
		done.Erased, done.Already, done.Unknown); err != nil {
		return err
	}
	if unreadable > 0 {
		return fmt.Errorf("%d lines of %s cannot be read; all others are done", unreadable, name)
	}
	return nil
}

// readErased reads a line. What an error says repeats nothing of it.
func readErased(text []byte) (l erasedLine, err error) {
	if err := json.Unmarshal(text, &l); err != nil {
		return l, errors.New("is no JSON object of this list")
	}
	switch {
	case l.Kind != erasedLead && l.Kind != erasedCustomer:
		return l, errors.New("has a kind that is neither lead nor customer")
	case !sqlstore.IsID(l.Seller) || !sqlstore.IsID(l.ID):
		return l, errors.New("lacks the id of a seller, or of a lead or customer")
	}
	return l, nil
}
