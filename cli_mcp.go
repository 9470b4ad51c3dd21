package leadmill

import (
	"context"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/adapters/random"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/ports/mcp"
)

// mcpPatience is how long an assistant's call may take: longer than the API holds a page of events.
const mcpPatience = time.Minute

func (c *cli) mcp() *cobra.Command {
	var commands bool
	cmd := &cobra.Command{
		Use: "mcp", Short: "Give an assistant tools that read a server (Model Context Protocol)", Args: cobra.NoArgs,
		Long: `Give an assistant tools that read a Leadmill server, by the Model Context Protocol over standard input and output.

An assistant's program starts it. It calls the HTTP API of the server that LEADMILL_URL names with the key in LEADMILL_KEY, and sees
what that key may see. It uses no database and keeps nothing.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := mcp.New(mcp.Config{
				URL: os.Getenv(settingPrefix + "URL"), Key: os.Getenv(settingPrefix + "KEY"), Document: httpport.OpenAPI(), Version: Version(), Commands: commands,
				NewKey: random.Secrets{}.New, HTTP: &http.Client{Timeout: mcpPatience},
			})
			if err != nil {
				return &usageError{err}
			}
			return serveStdio(cmd.Context(), server, c.stdout)
		},
	}
	cmd.Flags().BoolVar(&commands, "commands", false, "also give it tools that change something, such as to approve a partner or to offer a lead again")
	return cmd
}

// serveStdio talks with who started this program.
func serveStdio(ctx context.Context, server *mcp.Server, out io.Writer) error {
	return server.Serve(ctx, os.Stdin, openWriter{out})
}

// openWriter stays open: what it writes to belongs to the caller.
type openWriter struct{ io.Writer }

// Close implements io.Closer.
func (openWriter) Close() error { return nil }
