package application

import "github.com/leadmill/leadmill/domain/seller"

// Scope says who may send a command or ask a query. The zero Scope is invalid: with a message that needs it Leadmill does
// not start.
type Scope string

// The built-in scopes. Admin, Program, Supplier, Form and Site are those of API keys; an actor has exactly one of them, or one that a
// team declares (see KeyScope).
const (
	Admin    = Scope(seller.Admin)    // whoever runs the installation
	Program  = Scope(seller.Program)  // everything of one seller
	Supplier = Scope(seller.Supplier) // sending leads to one seller
	Form     = Scope(seller.Form)     // sending leads from pages to one campaign, with a key that everybody can read
	Site     = Scope(seller.Site)     // what a seller's web pages tell of their visitors, with a key that everybody can read
	Visitor  = Scope("visitor")       // anybody, without an API key; the message itself may carry a token
	Internal = Scope("internal")      // Leadmill itself: its reactions and jobs
)
