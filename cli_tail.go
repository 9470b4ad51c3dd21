package leadmill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/seller"
	feedhttp "github.com/leadmill/leadmill/ports/http/feed"
)

// tailPoll is how often the command line looks for new events.
const tailPoll = 250 * time.Millisecond

// tailing is what "leadmill events tail" was told.
type tailing struct {
	types           []string // of the flags: names or patterns
	seller, subject string
	after, last     int64
	asJSON, once    bool
}

func (c *cli) tail() *cobra.Command {
	var t tailing
	cmd := &cobra.Command{
		Use: "tail", Short: "Show public events as they happen, of all sellers", Args: cobra.NoArgs,
		Long: "Show public events as they happen, of all sellers, until it is interrupted. Without --after and --last it begins with what happens from\n" +
			"now on. In a terminal lines are coloured, unless NO_COLOR is set.",
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&t.types, "type", nil, "show these types only, such as lead.sold or 'lead.*'; may be repeated")
	flags.StringVar(&t.seller, "seller", "", "show those of the seller with this code only")
	flags.StringVar(&t.subject, "subject", "", "show those about this lead, partner, customer, buyer or campaign only, by its id")
	flags.Int64Var(&t.after, "after", -1, "begin behind this position; 0 for the first event")
	flags.Int64Var(&t.last, "last", 0, "begin so many positions before the end of the log")
	flags.BoolVar(&t.asJSON, "json", false, "print each event as a CloudEvent, one in a line")
	flags.BoolVar(&t.once, "no-follow", false, "end at the end of the log")
	cmd.MarkFlagsMutuallyExclusive("after", "last")
	cmd.RunE = c.run(func(ctx context.Context, k *core, _ []string) error {
		types, err := t.chosen(k.Feed.Catalogue)
		if err != nil {
			return &usageError{err}
		}
		if t.last < 0 || t.after < -1 {
			return &usageError{errors.New("--after and --last are numbers from 0")}
		}
		w := &tailWriter{k: k, out: c.stdout, asJSON: t.asJSON, colours: colours(c.stdout), base: k.base(k.Config.HTTPAddr), subject: t.subject, types: types}
		if t.seller != "" {
			actor, err := k.operator(ctx, t.seller)
			if err != nil {
				return err
			}
			w.seller = actor.SellerID
		}
		return t.follow(ctx, k, w, c.stderr)
	})
	return cmd
}

// chosen returns the types that match the flags, or all public ones.
func (t *tailing) chosen(catalogue *eventsv1.Catalogue) (types []string, err error) {
	all := catalogue.Types()
	if len(t.types) == 0 {
		return all, nil
	}
	for _, pattern := range t.types {
		found := false
		for _, typ := range all {
			name := typ[:strings.LastIndex(typ, ".")] // without its version
			one, wrong := path.Match(pattern, typ)
			other, _ := path.Match(pattern, name)
			if wrong != nil {
				return nil, fmt.Errorf("--type %q is no pattern", pattern)
			}
			if one || other {
				found = true
				types = append(types, typ)
			}
		}
		if !found {
			return nil, fmt.Errorf("--type %q is no type of public events; see docs/events.md", pattern)
		}
	}
	slices.Sort(types)
	return slices.Compact(types), nil
}

// follow writes what is in the log and, unless it is asked for once, what comes, until ctx ends.
func (t *tailing) follow(ctx context.Context, k *core, w *tailWriter, warnings io.Writer) error {
	head, err := k.Log.head.Read(ctx)
	if err != nil {
		return err
	}
	at := head
	switch {
	case t.after > head:
		return &usageError{fmt.Errorf("--after %d is beyond the end of the log, which is %d", t.after, head)}
	case t.after >= 0:
		at = t.after
	case t.last > 0:
		at = max(0, head-t.last)
	}
	mask := eventsv1.Mask(w.types...)
	for {
		err := eventlog.Walk(ctx, k.DB, at, head, mask, func(list []application.StoredEvent) error { return w.write(ctx, list) }, func(e *eventlog.SegmentError) error {
			_, err := fmt.Fprintf(warnings, "%v\n", e)
			return err
		})
		if err != nil || t.once {
			return ended(ctx, err)
		}
		for at = head; head <= at; {
			err := lease.Pause(ctx, tailPoll)
			if err == nil {
				head, err = k.Log.head.Read(ctx)
			}
			if err != nil {
				return ended(ctx, err)
			}
		}
	}
}

// ended is nil when it was the operator who ended a command.
func ended(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

// tailWriter writes events for people or for programs.
type tailWriter struct {
	k               *core
	out             io.Writer
	base            string
	asJSON, colours bool
	seller, subject string // empty: all
	types           []string
	codes           map[string]string // of sellers, by id
}

func (w *tailWriter) write(ctx context.Context, list []application.StoredEvent) error {
	var b []byte
	for i := range list {
		e := &list[i]
		if w.seller != "" && e.SellerID != w.seller || w.subject != "" && e.AggregateID != w.subject || !slices.Contains(w.types, e.Type) {
			continue
		}
		code, err := w.code(ctx, e.SellerID)
		if err != nil {
			return err
		}
		if w.asJSON {
			b = append(feedhttp.Envelope(e, code, w.base).AppendJSON(b), '\n')
			continue
		}
		b = w.line(b, e, code)
	}
	_, err := w.out.Write(b)
	return err
}

// The colours of a terminal.
const (
	plain  = "\x1b[0m"
	dim    = "\x1b[2m"
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

// tones are the colours of what happened, by the end of its type's name; all else is cyan.
var tones = map[string]string{
	"sold": green, "approved": green, "delivered": green, "converted": green, "funded": green,
	"rejected": red, "delivery_failed": red, "returned": red, "balance_low": red, "deleted": red, "erased": red,
	"pending": yellow, "quarantined": yellow, "duplicate": yellow, "unsold": yellow, "paused": yellow, "requested": yellow,
}

// line appends an event for people: when, where in the log, what, whose, about what, and its data.
func (w *tailWriter) line(b []byte, e *application.StoredEvent, code string) []byte {
	tone := cyan
	if parts := strings.Split(e.Type, "."); len(parts) > 1 && tones[parts[len(parts)-2]] != "" {
		tone = tones[parts[len(parts)-2]]
	}
	paint := func(colour, text string) string {
		if !w.colours {
			return text
		}
		return colour + text + plain
	}
	return fmt.Appendf(b, "%s %s %s %s %s %s\n", paint(dim, e.OccurredAt.UTC().Format("2006-01-02T15:04:05.000Z")), paint(dim, fmt.Sprintf("#%d", e.Position)),
		paint(bold+tone, e.Type), code, e.AggregateID, paint(dim, string(e.Payload)))
}

// code returns the code of a seller.
func (w *tailWriter) code(ctx context.Context, id string) (string, error) {
	if code, ok := w.codes[id]; ok {
		return code, nil
	}
	w.codes = map[string]string{id: ""} // one that is not there any more has none
	for page := (application.Page{Limit: application.MaxLimit, Number: 1}); ; {
		found, err := w.k.Account.Sellers.Handle(ctx, accountquery.Sellers{Actor: application.Actor{Scope: seller.Admin}, Page: page})
		if err != nil {
			return "", err
		}
		for _, s := range found.Items {
			w.codes[s.ID] = s.Code
		}
		if page.After = found.Next; page.After == "" {
			return w.codes[id], nil
		}
	}
}

// colours reports whether what is written is seen in a terminal by somebody who wants colours (https://no-color.org).
func colours(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
