package leadmill

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The example of the specification of Standard Webhooks.
const (
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	body      = `{"test": 2432232314}`
	another   = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

func TestWebhook(t *testing.T) {
	t.Parallel()
	sent := time.Unix(1614265330, 0)
	for name, c := range map[string]struct {
		secrets         []string
		id, time, signs string
		body            string
		now             time.Time
		want            error
	}{
		"as signed":             {[]string{secret}, "", "", signature, body, sent, nil},
		"one of two signatures": {[]string{secret}, "", "", "v1,AAAA v2,x " + signature, body, sent, nil},
		"one of two secrets":    {[]string{another, secret}, "", "", signature, body, sent, nil},
		"late":                  {[]string{secret}, "", "", signature, body, sent.Add(WebhookTolerance), nil},
		"too late":              {[]string{secret}, "", "", signature, body, sent.Add(WebhookTolerance + time.Second), ErrTimestamp},
		"too early":             {[]string{secret}, "", "", signature, body, sent.Add(-WebhookTolerance - time.Second), ErrTimestamp},
		"another secret":        {[]string{another}, "", "", signature, body, sent, ErrSignature},
		"another body":          {[]string{secret}, "", "", signature, body + " ", sent, ErrSignature},
		"another id":            {[]string{secret}, "msg_2", "", signature, body, sent, ErrSignature},
		"another time":          {[]string{secret}, "", "1614265331", signature, body, sent, ErrSignature},
		"no time":               {[]string{secret}, "", "now", signature, body, sent, ErrSignature},
		"another version":       {[]string{secret}, "", "", strings.Replace(signature, "v1", "v2", 1), body, sent, ErrSignature},
		"no signature":          {[]string{secret}, "", "", "", body, sent, ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := NewWebhook(c.secrets...)
			if err != nil {
				t.Fatal(err)
			}
			w.now = func() time.Time { return c.now }
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set("webhook-id", c.id)
			r.Header.Set("webhook-timestamp", c.time)
			if c.id == "" {
				r.Header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
			}
			if c.time == "" {
				r.Header.Set("webhook-timestamp", "1614265330")
			}
			r.Header.Set("webhook-signature", c.signs)
			m, err := w.Read(r)
			if !errors.Is(err, c.want) {
				t.Fatalf("ends with %v, want %v", err, c.want)
			}
			if err == nil && (m.ID != "msg_p5jXN8AQM9LWM0D4loKWxJek" || !m.Sent.Equal(sent) || string(m.Body) != body) {
				t.Errorf("reads %+v", m)
			}
		})
	}
}

func TestSecretsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{nil, {""}, {"whsec_"}, {secret, "whsec_%"}} {
		if _, err := NewWebhook(secrets...); err == nil {
			t.Errorf("takes %q", secrets)
		}
	}
}

func TestAMessageThatIsNoEvent(t *testing.T) {
	t.Parallel()
	if _, err := (Message{Body: []byte("[]")}).Event(); err == nil {
		t.Error("reads a list as an event")
	}
	e, err := Message{Body: []byte(`{"id":"evt_1","type":"lead.sold.v1","data":{"lead_id":"lead_1"}}`)}.Event()
	if err != nil || e.Id != "evt_1" || string(e.Data) != `{"lead_id":"lead_1"}` {
		t.Errorf("reads %+v, %v", e, err)
	}
}
