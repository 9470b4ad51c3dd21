package feed

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/receiver"
	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/webhook"
)

// postTimeout is how long a receiver has to answer.
const postTimeout = 15 * time.Second

// Poster tells webhooks of events.
type Poster struct {
	Outbound application.Outbound
	Sealer   application.Sealer
	Signer   Signer
	Clock    application.Clock
}

// OpenWebhook is a webhook with its secrets readable.
type OpenWebhook struct {
	seller, url string
	format      webhook.Format
	secrets     []string
	// FailingSince is that of the webhook when it was read.
	FailingSince time.Time
}

// Open reads the secrets of a webhook. Errors are those of application.Sealer.
func (p Poster) Open(w webhook.Snapshot) (OpenWebhook, error) {
	o := OpenWebhook{seller: w.SellerID, url: w.URL, format: w.Format, FailingSince: w.FailingSince}
	sealed := [][]byte{w.Secret}
	if p.Clock.Now().Before(w.OldSecretUntil) {
		sealed = append(sealed, w.OldSecret)
	}
	for _, s := range sealed {
		plain, err := p.Sealer.Open(s, SealWebhookSecret, w.ID)
		if err != nil {
			return OpenWebhook{}, err
		}
		o.secrets = append(o.secrets, string(plain))
	}
	return o, nil
}

// Posted is what became of an attempt. Answer is what is kept of the answer. Unsent says that there was no attempt: too much was under way.
type Posted struct {
	attempt.Outcome

	Unsent bool
	Status int
	At     time.Time
	Took   time.Duration // with the wait for its place, which is a second at most
	Answer []byte
}

// Post makes one attempt to tell a webhook of an event.
func (p Poster) Post(ctx context.Context, w OpenWebhook, eventID string, body []byte) (done Posted) {
	done.At = p.Clock.Now()
	began := application.Elapsed(p.Clock)
	defer func() { done.Took = application.Elapsed(p.Clock) - began }()
	answer, err := p.Outbound.Send(ctx, application.OutboundRequest{For: w.seller, URL: w.url, Header: p.headers(w, eventID, done.At, body), Body: body, Timeout: postTimeout, Webhook: true})
	if err != nil {
		done.Reason, done.Unsent = receiver.ReasonOf(err), errors.Is(err, application.ErrOutboundBusy)
		return done
	}
	done.Status = answer.Status
	if len(answer.Body) > 0 {
		done.Answer = market.NewMasker(nil, w.told()...).Hide(ctx, answer.Body)
	}
	switch {
	case answer.Status >= 200 && answer.Status <= 299:
		done.OK = true
	case answer.Status == receiver.StatusGone:
		done.Reason, done.Final = attempt.Gone, true
	default:
		done.Reason, done.RetryAfter = attempt.Refused, receiver.RetryAfter(answer.Header.Get("Retry-After"), done.At)
	}
	return done
}

// headers are those of a request. Partnero signs with the newest secret alone: its receivers compare one signature.
func (p Poster) headers(w OpenWebhook, eventID string, at time.Time, body []byte) map[string][]string {
	if w.format == webhook.Partnero {
		mac := hmac.New(sha256.New, []byte(w.secrets[0]))
		_, _ = mac.Write(body)
		return map[string][]string{"Content-Type": {"application/json"}, "Signature": {hex.EncodeToString(mac.Sum(nil))}, "Webhook-Id": {eventID}}
	}
	header := map[string][]string{"Content-Type": {"application/cloudevents+json"}}
	maps.Copy(header, p.Signer.Sign(strings.Join(w.secrets, " "), eventID, at, body))
	return header
}

// told are the secrets that the receiver knows: those that sign, and what stands in the query of its address.
func (w OpenWebhook) told() []string {
	told := slices.Clone(w.secrets)
	if u, err := url.Parse(w.url); err == nil {
		for _, values := range u.Query() {
			for _, v := range values {
				if len(v) >= shortestSecret {
					told = append(told, v)
				}
			}
		}
	}
	return told
}

// shortestSecret is how long a value in a query is that may be a secret.
const shortestSecret = 4
