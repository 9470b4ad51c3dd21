package application

import "github.com/leadmill/leadmill/domain/seller"

// Scope says who may send a command or ask a query. The zero Scope is nobody's: a message that needs it is refused at the
// start.
type Scope string

// The scopes. Admin, Program and Supplier are those of API keys; an actor has exactly one.
const (
	Admin    = Scope(seller.Admin)    // whoever runs the installation
	Program  = Scope(seller.Program)  // everything of one seller
	Supplier = Scope(seller.Supplier) // sending leads to one seller
	Visitor  = Scope("visitor")       // whoever asks: no key is needed, a token of the message's own may be
	Internal = Scope("internal")      // Leadmill itself: what reacts to events and what runs by the clock
)
