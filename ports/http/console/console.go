// Package consolehttp is the pages on which people run a seller's business, and those of the seller's partners. They are made on the server; every button sends a command of
// the API, and a page never writes by itself.
//
// A page is a line in the file of its area (area_*.go), a function and a template of the same name beside it. It works without
// JavaScript; with it, parts of it follow what happens (see live.go).
//
// Stability: unsupported; it may change at any time.
package consolehttp

import (
	"net/http"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// Console is what the pages need.
type Console struct {
	// Operations are the commands and queries of all rooms, which pages send.
	Operations *application.Operations
	// Sessions says who is signed in.
	Sessions application.Sessions
	// Catalogue knows the public events.
	Catalogue *eventsv1.Catalogue
	// Head is the position of the last event in the log, as far as this instance knows.
	Head func() int64
	// Provider says that people may sign in by an identity provider too.
	Provider bool

	lives  *lives
	boards *boards
}

// Routes are the routes of the pages, of what they load, and of signing in.
func (c Console) Routes() []httpport.Route {
	c.lives, c.boards = &lives{}, &boards{}
	routes := []httpport.Route{
		{Method: http.MethodGet, Path: "/", Handle: c.open(func(v *Visit) { v.call.SeeOther(signInPath) })},
		{Method: http.MethodGet, Path: assetsPath + "/:version/:name", Handle: serveAsset},
		{Method: http.MethodGet, Path: livePath, Handle: c.serve(Page{Method: http.MethodGet, Path: livePath, Needs: application.Viewer, Handle: live})},
	}
	for _, p := range signInPages() {
		routes = append(routes, httpport.Route{Method: p.Method, Path: p.Path, Handle: c.open(p.Handle)})
	}
	for _, p := range Pages() {
		routes = append(routes, httpport.Route{Method: p.Method, Path: p.Path, Handle: c.serve(p)})
	}
	for i := range routes {
		routes[i].Needs, routes[i].ErrorPage, routes[i].Below = application.Visitor, errorPage, true
		if isBelow(routes[i].Path, buyerPath) {
			routes[i].ErrorPage = outsideErrorPage
		}
	}
	return slices.Concat(routes, c.partnerRoutes(), c.brandRoutes())
}

// Pages are all pages that somebody must be signed in for.
func Pages() []Page {
	return slices.Concat(todayPages(), leadPages(), campaignPages(), buyerPages(), partnerPages(), reportPages(), eventPages(), settingsPages(), buyerPortalPages())
}
