package acme

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// doNotCall asks a list of phone numbers that must not be called. It is asked before the lead is decided, so that no
// transaction waits for it; what it answers is in the facts of rules and strategies under its name.
type doNotCall struct {
	client *http.Client
	url    string
}

func newHTTPClient() *http.Client { return &http.Client{Timeout: 10 * time.Second} }

func newDoNotCall(c *http.Client, s Settings) doNotCall { return doNotCall{c, s.DoNotCall} }

// Name implements application.FactProvider.
func (doNotCall) Name() string { return "do_not_call" }

// Timeout implements application.FactProvider.
func (doNotCall) Timeout() time.Duration { return time.Second }

// Ask implements application.FactProvider.
func (d doNotCall) Ask(ctx context.Context, f lead.Facts) (field.Set, error) {
	phone := f.Field("phone")
	if d.url == "" || phone.Empty() {
		return field.Set{"listed": {Kind: field.Bool, Text: "false"}}, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+"?phone="+url.QueryEscape(phone.Text), nil)
	if err != nil {
		return nil, err
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return field.Set{"listed": {Kind: field.Bool, Text: "true"}}, nil
	case http.StatusNotFound:
		return field.Set{"listed": {Kind: field.Bool, Text: "false"}}, nil
	default:
		return nil, fmt.Errorf("the list answered %d", response.StatusCode)
	}
}

// errListed rejects a lead. errListAway does not: an error of kind fault.Unavailable is answered with 503, and the supplier
// sends the lead again.
var (
	errListed   = fault.New(fault.RuleViolated, "acme_do_not_call", "This person asked not to be called.")
	errListAway = fault.New(fault.Unavailable, "acme_list_away", "The do-not-call list does not answer.")
)

// notListed is the intake rule that reads the list's answer.
type notListed struct{}

func newNotListed() notListed { return notListed{} }

// Code implements lead.IntakeRule.
func (notListed) Code() fault.Code { return errListed.Code }

// Order implements lead.IntakeRule.
func (notListed) Order() int { return 1001 }

// Check implements lead.IntakeRule. It decides what an absent answer means: Acme does not sell without one.
func (notListed) Check(f lead.Facts) error {
	answer, asked := f.Outside("do_not_call")
	switch {
	case !asked:
		return errListAway
	case answer["listed"].Text == "true":
		return errListed
	}
	return nil
}
