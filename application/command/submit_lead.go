package command

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// SubmitLead posts a supplier's lead to be sold at once or to wait (api/lead-ingestion.md). Fields are the merged fields of
// body and query without seller, category, test and external_id. Fingerprint identifies the whole request.
type SubmitLead struct {
	application.Actor

	Seller         string
	Category       string
	Fields         field.Set
	ExternalID     string
	Test           bool
	IdempotencyKey string
	Fingerprint    [sha256.Size]byte
	Trail          application.Trail
	Render         func(SubmitLeadResult) application.Response
}

// SubmitLeadResult is what became of a lead. Price is what its supplier is shown, in micro-units of Currency.
type SubmitLeadResult struct {
	LeadID   string
	Status   string
	Test     bool
	Price    money.Micros
	HasPrice bool
	Currency money.Currency
	BuyerIDs []string
	Code     fault.Code // why the lead is a duplicate or rejected
	Reason   string
}

// ErrWrongSeller says that the seller named is not the key's. It is told as an invalid key, so that nobody learns which
// sellers exist.
var ErrWrongSeller = application.ErrInvalidKey

// merged identifies what was sent whatever its encoding: the same merged fields within 60 seconds are a double click.
func (c *SubmitLead) merged() string {
	h := sha256.New()
	var length [8]byte
	write := func(s string) {
		binary.BigEndian.PutUint64(length[:], uint64(len(s)))
		h.Write(length[:])
		h.Write([]byte(s))
	}
	write(c.Seller)
	write(c.Category)
	write(c.ExternalID)
	if c.Test {
		write("test")
	}
	for _, name := range c.Fields.Names() {
		v := c.Fields[name]
		write(name)
		h.Write([]byte{byte(v.Kind)})
		write(v.Text)
	}
	return string(h.Sum(nil))
}
