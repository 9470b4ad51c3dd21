// Command pocketbase is PocketBase with one collection that has the fields of a lead, for make bench to compare with
// (docs/benchmarks.md). It is a Go module of its own, so that Leadmill does not depend on PocketBase.
//
//	pocketbase serve --dir DIR --http 127.0.0.1:0
//
// It prints a line with its address when it listens.
package main

import (
	"fmt"
	"log"
	"net"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
)

// collection is the name of the collection; records are posted to /api/collections/leads/records.
const collection = "leads"

// fields are those of the leads that the bench posts.
var fields = []string{"seller", "category", "firstName", "lastName", "phone", "email", "state", "zip"}

func main() {
	app := pocketbase.NewWithConfig(pocketbase.Config{HideStartBanner: true})
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		if err := prepare(e.App); err != nil {
			return err
		}
		listener, err := net.Listen("tcp", e.Server.Addr)
		if err != nil {
			return err
		}
		// The installer opens a browser for the first administrator; there is none.
		e.Listener, e.InstallerFunc = listener, nil
		if err := e.Next(); err != nil {
			return err
		}
		_, err = fmt.Println("PocketBase listens on http://" + listener.Addr().String())
		return err
	})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}

// prepare makes the collection, which everybody may write and read, and turns off what costs a request more than the record
// does: the log of requests, which goes to a database, and limits of rates. How it keeps its databases is PocketBase's own.
func prepare(app core.App) error {
	settings := app.Settings()
	settings.Logs.MaxDays = 0
	settings.RateLimits.Enabled = false
	if err := app.Save(settings); err != nil {
		return fmt.Errorf("save the settings: %w", err)
	}
	leads := core.NewBaseCollection(collection)
	leads.CreateRule, leads.ListRule = new(""), new("")
	for _, name := range fields {
		leads.Fields.Add(&core.TextField{Name: name})
	}
	if err := app.Save(leads); err != nil {
		return fmt.Errorf("make the collection: %w", err)
	}
	return nil
}
