package application

import "context"

// Person is somebody who signed in to the pages, and as whom they act.
type Person struct {
	ID    string
	Name  string // may be empty
	Email string
	// Actor is what the pages send commands and queries as: of the seller whose pages are open, with the person's id and role.
	Actor Actor
	// SessionID names the session in lists of sessions. It opens nothing.
	SessionID string
	// FormToken is what forms of the session carry for the seller whose pages are open, so that another site's page cannot send them, and a form
	// that was made for one seller does nothing at another.
	FormToken string
	// Zone is the time zone of the seller whose pages are open.
	Zone string
	// Sellers are all whose pages the person may open, by name.
	Sellers []PersonSeller
}

// PersonSeller is a seller whose pages a person may open.
type PersonSeller struct {
	Code string
	Name string
	Role string
}

// Sessions says who is signed in.
type Sessions interface {
	// PersonOf returns whose session the value of a cookie opens. An error of kind unauthenticated says that nobody's does: it never
	// was one, has ended, or its person may no longer sign in.
	PersonOf(ctx context.Context, cookie string) (Person, error)
	// Look is PersonOf for what a page asks for by itself: it is no use of the session, which lasts no longer by it.
	Look(ctx context.Context, cookie string) (Person, error)
}
