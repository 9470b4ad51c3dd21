package market

import (
	"context"
	"errors"
	"maps"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/receiver"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// mailTimeout is how long a Mailer may take that has no limit of its own; the one for SMTP gives up sooner, whatever a contract says.
const mailTimeout = 30 * time.Second

// mostSent is how large what is sent may be, in bytes: several times what a lead is, so that it is the contract that makes it large.
const mostSent = 512 << 10

// Poster tells buyers of sales.
type Poster struct {
	Outbound application.Outbound
	Mailer   application.Mailer
	Sealer   application.Sealer
	Signer   DeliverySigner
	Clock    application.Clock
}

// OpenDelivery is how a contract delivers, with what is secret readable.
type OpenDelivery struct {
	*campaign.Delivery

	seller  string
	secrets string
	headers map[string][]string
	within  time.Duration // of the next attempt; zero is without an end
}

// Open reads what is secret of a contract's delivery. Errors are those of application.Sealer.
func (p Poster) Open(contract application.Ref, d *campaign.Delivery) (OpenDelivery, error) {
	contractID := contract.ID
	o := OpenDelivery{Delivery: d, seller: contract.SellerID, headers: map[string][]string{}}
	sealed := [][]byte{d.Secret}
	if p.Clock.Now().Before(d.OldSecretUntil) {
		sealed = append(sealed, d.OldSecret)
	}
	var secrets []string
	for _, s := range sealed {
		if len(s) == 0 {
			continue
		}
		plain, err := p.Sealer.Open(s, SealDeliverySecret, contractID)
		if err != nil {
			return OpenDelivery{}, err
		}
		secrets = append(secrets, string(plain))
	}
	o.secrets = strings.Join(secrets, " ")
	for _, h := range d.Headers {
		plain, err := p.Sealer.Open(h.Sealed, SealDeliveryHeader, HeaderSeal(contractID, h.Name))
		if err != nil {
			return OpenDelivery{}, err
		}
		o.headers[textproto.CanonicalMIMEHeaderKey(h.Name)] = []string{string(plain)}
	}
	return o, nil
}

// Within is how a contract delivers with no more than some time for a request, with the wait for its place.
func (o OpenDelivery) Within(d time.Duration) OpenDelivery {
	o.within = max(d, time.Millisecond)
	if d < o.Timeout {
		short := *o.Delivery
		short.Timeout = o.within
		o.Delivery = &short
	}
	return o
}

// HeaderSeal is the id that a header of a contract is sealed for.
func HeaderSeal(contractID, name string) string { return contractID + "/" + strings.ToLower(name) }

// Posted is what became of an attempt. Request and Answer are what is kept of them. Unsent says that there was none: too much was under way.
type Posted struct {
	delivery.Outcome

	Unsent bool

	// Said is what a buyer that is asked to confirm answered; the zero value where it is told only.
	Said delivery.Answer

	Status          int
	At              time.Time
	Took            time.Duration // with the wait for its place, which is a second at most
	Request, Answer []byte
}

// Post makes one attempt to deliver, under an id that is the same whenever it is tried.
func (p Poster) Post(ctx context.Context, o OpenDelivery, id string, c DeliveryContent) (done Posted) {
	done.At = p.Clock.Now()
	began := application.Elapsed(p.Clock)
	defer func() { done.Took = application.Elapsed(p.Clock) - began }()
	if o.Email != "" {
		return p.mail(ctx, o, id, c, done)
	}
	contentType, body := c.Body(o.Delivery)
	_, masked := c.Masked().Body(o.withoutStatic())
	done.Request = Masker{}.Hide(ctx, masked)
	if len(body) > mostSent {
		done.Reason, done.Final = delivery.TooLarge, true
		return done
	}
	header := map[string][]string{"Content-Type": {contentType}, "Idempotency-Key": {c.SaleID}}
	maps.Copy(header, o.headers)
	maps.Copy(header, p.Signer.Sign(o.secrets, id, done.At, body))
	answer, err := p.Outbound.Send(ctx, application.OutboundRequest{For: o.seller, URL: o.URL, Header: header, Body: body, Timeout: o.Timeout, Within: o.within, Waited: c.Asks})
	if err != nil {
		done.Reason, done.Unsent = receiver.ReasonOf(err), errors.Is(err, application.ErrOutboundBusy)
		return done
	}
	done.Status = answer.Status
	var masker Masker
	if len(answer.Body) > 0 {
		masker = NewMasker(c.Fields, o.told()...)
		done.Answer = masker.Hide(ctx, answer.Body)
	}
	if c.Asks {
		return said(o, c, answer, done, func(text string) string { return string(masker.Hide(ctx, []byte(text))) })
	}
	switch {
	case answer.Status >= 200 && answer.Status <= 299:
		done.OK = true
	case answer.Status == receiver.StatusGone:
		done.Reason, done.Final = delivery.Gone, true
	default:
		done.Reason, done.RetryAfter = delivery.Refused, receiver.RetryAfter(answer.Header.Get("Retry-After"), done.At)
	}
	return done
}

// said reads what a buyer answered that was asked. Who answers 4xx may say no by it, but not yes: a refusal charges nobody.
func said(o OpenDelivery, c DeliveryContent, answer application.OutboundAnswer, done Posted, hide func(string) string) Posted {
	well := answer.Status >= 200 && answer.Status <= 299
	currency, err := money.ParseCurrency(c.Currency)
	if err == nil && (well || answer.Status >= 400 && answer.Status <= 499) {
		done.Said = readAnswer(o.Response, answer.Body, currency, hide)
	}
	if done.Said.Verdict == delivery.Accepted && !well {
		done.Said = delivery.Answer{}
	}
	switch {
	case done.Said.Verdict == delivery.Accepted:
		done.OK = true
	case done.Said.Verdict != delivery.Unsure:
		done.Reason, done.Final = delivery.Reason("buyer_"+string(done.Said.Verdict)), true
	case well:
		done.Reason = delivery.Unclear
	case answer.Status == receiver.StatusGone:
		done.Reason, done.Final = delivery.Gone, true
	default:
		done.Reason, done.RetryAfter = delivery.Refused, receiver.RetryAfter(answer.Header.Get("Retry-After"), done.At)
	}
	return done
}

// withoutStatic is how a contract delivers, for what is kept of a request: what is sent as it is may be a key.
func (o OpenDelivery) withoutStatic() *campaign.Delivery {
	d := *o.Delivery
	d.Static = maps.Clone(d.Static)
	for name := range d.Static {
		d.Static[name] = hidden
	}
	return &d
}

// told are the secrets that the receiver is sent or knows. Of static members and of the URL's query each may be one that is no shorter than
// what is hidden within words.
func (o OpenDelivery) told() []string {
	told := strings.Fields(o.secrets)
	for _, values := range o.headers {
		told = append(told, values...)
		for _, v := range values { // a scheme and its credentials
			told = append(told, strings.Fields(v)...)
		}
	}
	more := slices.Collect(maps.Values(o.Static))
	if u, err := url.Parse(o.URL); err == nil {
		for _, values := range u.Query() {
			more = append(more, values...)
		}
	}
	for _, v := range more {
		if len(v) >= wholeWord {
			told = append(told, v)
		}
	}
	return told
}

func (p Poster) mail(ctx context.Context, o OpenDelivery, id string, c DeliveryContent, done Posted) Posted {
	done.Request = Masker{}.Hide(ctx, []byte(c.Masked().Text(o.withoutStatic())))
	text := c.Text(o.Delivery)
	if len(text) > mostSent {
		done.Reason, done.Final = delivery.TooLarge, true
		return done
	}
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	subject := "Lead: " + c.Category
	if c.Test {
		subject = "Test lead: " + c.Category
	}
	err := p.Mailer.Send(ctx, application.Mail{ID: id, To: o.Email, Subject: subject, Text: text})
	switch {
	case err == nil:
		done.OK = true
	case fault.KindOf(err) == fault.RuleViolated:
		done.Reason, done.Final = delivery.MailRefused, true
	default:
		done.Reason = receiver.ReasonOf(err)
	}
	return done
}

// TestContent is a made-up lead for a contract, which says that it is a test.
func TestContent(id, category, currency string, k campaign.ContractSnapshot, at time.Time) DeliveryContent {
	fields := field.Set{}
	for name, value := range map[string]string{
		field.FirstName: "Test", field.LastName: "Lead", field.Phone: "+12025550123", field.EmailName: "test.lead@example.com", field.State: "TX",
		field.Zip: "75201", field.City: "Dallas",
	} {
		fields[name] = field.TextValue(value)
	}
	return DeliveryContent{
		LeadID: "lead_test_" + id, SaleID: "sale_test_" + id, Category: category, Currency: currency, Price: k.Price, SoldAt: at,
		Test: true, Asks: k.Delivery != nil && k.Delivery.Confirm, Fields: fields,
	}
}
