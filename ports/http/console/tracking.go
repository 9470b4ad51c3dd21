package consolehttp

import (
	"slices"
	"strings"
	"time"

	accountquery "github.com/leadmill/leadmill/application/account/query"

	"github.com/leadmill/leadmill/application"
)

type trackingContent struct {
	*Visit

	Snippet string // with a key that is still to be put in
	Site    string // the origin of the seller's website
	Keys    []accountquery.APIKey
	Heard   time.Time // when a page with a site key was last heard from
}

// heardLately is how long ago a page may have been heard from so that the snippet counts as working: what keys were used for is stored each minute.
const heardLately = 10 * time.Minute

// tracking shows what goes into the seller's pages, and whether they were heard from.
func tracking(v *Visit) {
	content := trackingContent{Visit: v}
	settings, err := v.Settings()
	if err != nil {
		v.Fail(err)
		return
	}
	list, err := Ask[application.List[accountquery.APIKey]](v, accountquery.APIKeys{Actor: v.Who(), Page: application.Page{Limit: application.MaxLimit, Number: 1}})
	if err != nil {
		v.Fail(err)
		return
	}
	content.Keys = slices.DeleteFunc(list.Items, func(k accountquery.APIKey) bool { return k.Scope != "site" })
	for _, k := range content.Keys {
		if k.LastUsedAt.After(content.Heard) {
			content.Heard = k.LastUsedAt
		}
	}
	if scheme, rest, has := strings.Cut(settings.Website, "://"); has {
		host, _, _ := strings.Cut(rest, "/")
		content.Site = scheme + "://" + host
	}
	content.Snippet = snippet(v.call.Base())
	v.Show("tracking", content)
}

// snippet is what goes into every page of the seller's site.
func snippet(base string) string {
	return `<script src="` + base + `/track.js" data-program="YOUR_SITE_KEY" async></script>
<!-- and in the form by which people sign up, for your server: -->
<input type="hidden" name="partnero_partner"><input type="hidden" name="partnero_clicked_at">`
}

// Lately reports whether a page with the snippet was heard from just now.
func (c trackingContent) Lately() bool {
	return !c.Heard.IsZero() && c.Visit.Now().Sub(c.Heard) < heardLately
}
