package leadmill

import (
	"embed"
	"io/fs"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	docshttp "github.com/leadmill/leadmill/ports/http/docs"
)

//go:embed docs/suppliers.md docs/supplier-api.md docs/errors.md
var documentation embed.FS

// docsPages are the pages that explain an installation to those who use it.
var docsPages = ownModule("docs",
	Share(newDocuments),
	AsRoutes(docshttp.Documents.Routes),
)

func newDocuments(c *eventsv1.Catalogue) (docshttp.Documents, error) {
	files, err := fs.Sub(documentation, "docs")
	return docshttp.Documents{Files: files, Catalogue: c}, err
}
