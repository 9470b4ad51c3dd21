package browser_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// The pages ask this server only, and nothing in them breaks their Content-Security-Policy: a tab fails a test when a page
// complains.
func TestDocumentationInTheBrowser(t *testing.T) {
	t.Parallel()
	app := leadmilltest.Start(t)
	const elsewhere = "performance.getEntriesByType('resource').filter(e => !e.name.startsWith(location.origin) && !/^(data|blob):/.test(e.name)).length"
	for name, page := range map[string]struct{ path, shown string }{
		"the API":             {"/docs", "The database answers and has the schema of this version"},
		"the events":          {"/docs?api=events", "lead.sold.v1"},
		"guide for suppliers": {"/docs/suppliers", "Sending leads: a guide for suppliers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			require.NoError(t, b.try(chromedp.EmulateViewport(1400, 1000)))
			b.open(app.URL + page.path)
			b.wait(fmt.Sprintf("document.body.textContent.includes(%q)", page.shown), true)
			b.want(elsewhere, 0.0)
		})
	}
}
