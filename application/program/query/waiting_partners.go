package query

import "github.com/leadmill/leadmill/application"

// WaitingPartners asks how many partners wait to be approved, among the newest MostPartnersLooked of the actor's program: those who joined by
// themselves or were added while the program approves by hand. Who was invited and did not accept yet waits for nobody here.
type WaitingPartners struct{ application.Actor }

// Needs implements application.Message.
func (WaitingPartners) Needs() application.Scope { return application.Program }

// MostPartnersLooked is among how many partners WaitingPartners looks.
const MostPartnersLooked = 1_000

// PartnersWaiting is what WaitingPartners answers. PartnerID is the newest of them, empty when there is none.
type PartnersWaiting struct {
	Partners  int64
	PartnerID string
}
