// Command acme is Acme's build of Leadmill.
package main

import (
	"os"
	"time"

	"github.com/leadmill/leadmill"

	"example.com/acme"
)

func main() {
	leadmill.New(acme.Module(acme.Settings{
		DoNotCall: os.Getenv("LEADMILL_X_DO_NOT_CALL_URL"), CRM: os.Getenv("LEADMILL_X_CRM_URL"), Mail: os.Getenv("LEADMILL_X_MAIL_URL"),
		MinimumAge: 18, CaseLasts: 30 * 24 * time.Hour,
	})).Run()
}
