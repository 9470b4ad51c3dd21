package query

type (
	Leads      struct{}
	LeadByID   struct{}
	SalesOfAPI struct{}
)

func (Leads) Needs() string       { return "program" }
func (LeadByID) Needs() string    { return "program" } // want one-file-a-use-case
func (*SalesOfAPI) Needs() string { return "program" } // want one-file-a-use-case
