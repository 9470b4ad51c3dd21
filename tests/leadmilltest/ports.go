package leadmilltest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/seller"
)

// TestClock checks that clocks keep the contract of application.Clock: UTC, whole microseconds, never running backwards.
// newClock is called for each subtest.
func TestClock(t *testing.T, newClock func(t *testing.T) application.Clock) {
	t.Helper()
	t.Run("shows UTC in whole microseconds", func(t *testing.T) {
		now := newClock(t).Now()
		assert.Equal(t, time.UTC, now.Location())
		assert.Zero(t, now.Nanosecond()%1000, "%v", now)
		assert.Equal(t, now.Round(0), now, "without the reading of the monotonic clock, so that times can be compared")
	})
	t.Run("never measures backwards", func(t *testing.T) {
		c := newClock(t)
		Parallel(4, func(int) {
			last := application.Elapsed(c)
			for range 1000 {
				next := application.Elapsed(c)
				assert.GreaterOrEqual(t, next, last)
				last = next
			}
		})
	})
}

// TestPasswordHasher checks that hashers keep the contract of application.PasswordHasher: a hash tells nothing of the password,
// and fits into the database. newHasher is called for each subtest.
func TestPasswordHasher(t *testing.T, newHasher func(t *testing.T) application.PasswordHasher) {
	t.Helper()
	t.Run("hashes what people choose", func(t *testing.T) {
		h := newHasher(t)
		for _, password := range []string{"Passw0rd-1", "Passwörd 密码 🔑", strings.Repeat("long enough ", 20)} {
			hash, err := h.Hash(password)
			require.NoError(t, err, "a password of %d bytes", len(password))
			assert.NotContains(t, hash, password)
			if verifier, ok := h.(application.PasswordVerifier); ok {
				same, err := verifier.Verify(password, hash)
				require.NoError(t, err)
				assert.True(t, same, "a password has its own hash")
				same, err = verifier.Verify(password+"x", hash)
				require.NoError(t, err)
				assert.False(t, same, "another password has not")
			}
			assert.NotEmpty(t, hash)
			assert.LessOrEqual(t, len(hash), 255, "it is stored in a column of that size")
			assert.Negative(t, strings.IndexFunc(hash, func(r rune) bool { return r < ' ' || r > '~' }), "it is stored as ASCII: %q", hash)
		}
	})
	t.Run("has a salt of its own each time", func(t *testing.T) {
		h := newHasher(t)
		first, err := h.Hash("Passw0rd-1")
		require.NoError(t, err)
		second, err := h.Hash("Passw0rd-1")
		require.NoError(t, err)
		assert.NotEqual(t, first, second, "equal passwords of two people must not look equal")
	})
	t.Run("may be used concurrently", func(t *testing.T) {
		h := newHasher(t)
		Parallel(4, func(int) {
			_, err := h.Hash("Passw0rd-1")
			assert.NoError(t, err)
		})
	})
}

// TestRateLimiter checks that limiters keep the contract of application.RateLimiter: fixed windows that start with the first
// request under a name and follow the clock. newLimiter is called for each subtest; the limiter must not have counted anything.
func TestRateLimiter(t *testing.T, newLimiter func(t *testing.T, c application.Clock) application.RateLimiter) {
	t.Helper()
	limit := seller.RateLimit{Requests: 3, Window: time.Minute}
	start := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
	state := func(remaining int64, reset time.Time, allowed bool) application.RateState {
		return application.RateState{Limit: 3, Remaining: remaining, Window: time.Minute, ResetAt: reset, Allowed: allowed}
	}
	t.Run("a window starts with the first request", func(t *testing.T) {
		c := NewClock(start)
		l := newLimiter(t, c)
		assert.Equal(t, state(3, start.Add(time.Minute), true), l.Peek("a", limit), "looking starts nothing")
		c.Advance(10 * time.Second)
		end := c.Now().Add(time.Minute)
		assert.Equal(t, state(2, end, true), l.Take("a", limit))
		c.Advance(59 * time.Second)
		assert.Equal(t, state(1, end, true), l.Take("a", limit), "fixed, not sliding")
		c.Advance(time.Second - time.Microsecond)
		assert.Equal(t, state(0, end, true), l.Take("a", limit))
		assert.False(t, l.Take("a", limit).Allowed)
		c.Advance(time.Microsecond)
		assert.Equal(t, state(2, c.Now().Add(time.Minute), true), l.Take("a", limit), "it is over exactly at its end")
	})
	t.Run("refused requests are not counted", func(t *testing.T) {
		c := NewClock(start)
		l := newLimiter(t, c)
		end := start.Add(time.Minute)
		for range 3 {
			l.Take("a", limit)
		}
		for range 5 {
			assert.Equal(t, state(0, end, false), l.Take("a", limit))
		}
		assert.Equal(t, state(0, end, true), l.Peek("a", limit), "looking is always allowed")
		higher := limit
		higher.Requests = 4
		assert.True(t, l.Take("a", higher).Allowed)
		assert.False(t, l.Take("a", higher).Allowed)
	})
	t.Run("many at once are counted, or none", func(t *testing.T) {
		c := NewClock(start)
		l := newLimiter(t, c)
		end := start.Add(time.Minute)
		assert.False(t, application.TakeMany(l, "a", limit, 4).Allowed)
		assert.Equal(t, state(1, end, true), application.TakeMany(l, "a", limit, 2))
		assert.Equal(t, state(1, end, false), application.TakeMany(l, "a", limit, 2))
		assert.Equal(t, state(0, end, true), application.TakeMany(l, "a", limit, 1))
		assert.Equal(t, application.RateState{Allowed: true}, application.TakeMany(l, "a", seller.RateLimit{}, 1000))
	})
	t.Run("each name has a window of its own", func(t *testing.T) {
		c := NewClock(start)
		l := newLimiter(t, c)
		for range 4 {
			l.Take("a", limit)
		}
		assert.Equal(t, state(2, start.Add(time.Minute), true), l.Take("b", limit))
	})
	t.Run("the zero limit is none", func(t *testing.T) {
		l := newLimiter(t, NewClock(start))
		for range 1000 {
			require.Equal(t, application.RateState{Allowed: true}, l.Take("a", seller.RateLimit{}))
		}
	})
	t.Run("counts exactly under load", func(t *testing.T) {
		l := newLimiter(t, NewClock(start))
		var allowed atomic.Int64
		Parallel(8, func(int) {
			for range 100 {
				if l.Take("a", seller.RateLimit{Requests: 500, Window: time.Minute}).Allowed {
					allowed.Add(1)
				}
			}
		})
		assert.Equal(t, int64(500), allowed.Load())
	})
}

// TestInvitationText checks that texts keep the contract of program.InvitationText: a mail with a subject, the link and the
// names as they are. newText is called for each subtest.
func TestInvitationText(t *testing.T, newText func(t *testing.T) program.InvitationText) {
	t.Helper()
	invitation := program.Invitation{
		Name: `Jane <b>"x"`, Surname: "Doe & Sons", Program: "Tom & Co <i>",
		Link: "https://example.com/portal/invitations/abc_DEF-123", Lasts: 7 * 24 * time.Hour,
	}
	write := func(t *testing.T) application.Mail {
		m, err := newText(t).Write(invitation)
		require.NoError(t, err)
		return m
	}
	t.Run("says what mail programs need", func(t *testing.T) {
		m := write(t)
		assert.NotEmpty(t, strings.TrimSpace(m.Subject))
		assert.NotContains(t, m.Subject, "\n", "a subject is one line")
		assert.NotContains(t, m.Subject, "\r", "a subject is one line")
		assert.NotEmpty(t, m.Text+m.HTML, "one of the parts may be empty, not both")
	})
	t.Run("leads to where the partner joins", func(t *testing.T) {
		m := write(t)
		if m.Text != "" {
			assert.Contains(t, Mail{Text: m.Text}.Links(), invitation.Link)
		}
		if m.HTML != "" {
			assert.Contains(t, Mail{HTML: m.HTML}.Links(), invitation.Link)
		}
	})
	t.Run("escapes names in HTML only", func(t *testing.T) {
		m := write(t)
		for _, markup := range []string{"Jane <b>", "Co <i>"} {
			assert.NotContains(t, m.HTML, markup, "whoever names itself so could write into the mail")
		}
		for _, escaped := range []string{"&lt;", "&amp;", "&#34;", "&quot;"} {
			assert.NotContains(t, m.Subject+m.Text, escaped, "a plain text shows names as they are")
		}
	})
	t.Run("leaves the recipient to the caller", func(t *testing.T) {
		m := write(t)
		assert.Empty(t, m.To)
		assert.Empty(t, m.ToName)
		assert.Empty(t, m.ID)
	})
}

// MailerUnderTest is a mailer and what it delivered.
type MailerUnderTest struct {
	Mailer application.Mailer
	// Sent returns what was delivered so far, in the order of delivery: see [ParseMail]. Nil when it cannot be seen; then only
	// the errors are looked at.
	Sent func(t *testing.T) []Mail
}

// TestMailer checks that mailers keep the contract of application.Mailer: what is delivered, which error says what, and that no
// error tells anything of a mail. newMailer is called for each subtest; its mailer must deliver to addresses of the domain
// people.example.
func TestMailer(t *testing.T, newMailer func(t *testing.T) MailerUnderTest) {
	t.Helper()
	t.Run("delivers", func(t *testing.T) {
		m := newMailer(t)
		text := "Hello 👩‍👩‍👧 שלום,\n\n.\n..dots\nFrom here = there\n" + strings.Repeat("long ", 300) + "\nend\n"
		sent := application.Mail{
			ID: "evt_1", To: "john.o'neil+a@people.example", ToName: `מרים "O", <Inc>`,
			Subject: "Привет 🚀 " + strings.Repeat("été ", 40) + "end", Text: text, HTML: "<p dir=\"rtl\">مرحبا 🚀 &amp; =3D</p>\n",
		}
		require.NoError(t, m.Mailer.Send(t.Context(), sent))
		got := m.sent(t, 1)
		if got == nil {
			return
		}
		assert.Equal(t, []string{sent.To, sent.ToName, sent.Subject}, []string{got[0].To, got[0].ToName, got[0].Subject})
		assert.Equal(t, strings.TrimRight(sent.Text, "\n"), strings.TrimRight(got[0].Text, "\n"))
		assert.Equal(t, strings.TrimRight(sent.HTML, "\n"), strings.TrimRight(got[0].HTML, "\n"))
	})
	t.Run("delivers one part alone", func(t *testing.T) {
		m := newMailer(t)
		plain, html := aMail("evt_1"), aMail("evt_2")
		plain.HTML, html.Text = "", ""
		require.NoError(t, m.Mailer.Send(t.Context(), plain))
		require.NoError(t, m.Mailer.Send(t.Context(), html))
		if got := m.sent(t, 2); got != nil {
			assert.Contains(t, got[0].Text, mailSecret)
			assert.Empty(t, got[0].HTML)
			assert.Contains(t, got[1].HTML, mailSecret)
			assert.Empty(t, got[1].Text)
		}
	})
	t.Run("a mail that is sent twice can be recognised", func(t *testing.T) {
		m := newMailer(t)
		for range 2 {
			require.NoError(t, m.Mailer.Send(t.Context(), aMail("evt_1")))
		}
		require.NoError(t, m.Mailer.Send(t.Context(), aMail("evt_2")))
		if got := m.sent(t, 2); got != nil { // twice the same may be delivered once
			assert.NotEmpty(t, got[0].ID)
			assert.NotEqual(t, got[0].ID, got[len(got)-1].ID)
			assert.Equal(t, got[0].ID, got[len(got)-2].ID)
		}
	})
	t.Run("a name cannot add a header", func(t *testing.T) {
		m := newMailer(t)
		evil := aMail("evt_1")
		evil.ToName = "John\r\nBcc: x@evil.example"
		evil.Subject = "Hello\r\nBcc: x@evil.example\n\nbody"
		require.NoError(t, m.Mailer.Send(t.Context(), evil))
		if got := m.sent(t, 1); got != nil {
			assert.Empty(t, got[0].Header.Get("Bcc"))
			assert.NotContains(t, got[0].Subject, "\n")
			assert.Equal(t, evil.To, got[0].To)
			assert.Contains(t, got[0].Text, mailSecret)
		}
	})
	t.Run("an address that is none is refused for good", func(t *testing.T) {
		m := newMailer(t)
		for _, to := range []string{"", "john", "john@people.example\r\nBcc: x@evil.example", "john@people.example, x@evil.example"} {
			mail := aMail("evt_1")
			mail.To = to
			err := m.Mailer.Send(t.Context(), mail)
			require.ErrorIs(t, err, application.ErrMailRefused, "%q", to)
			discreet(t, err)
		}
		m.sent(t, 0)
	})
	t.Run("a mail without an ID or a text is a mistake of the caller", func(t *testing.T) {
		m := newMailer(t)
		nameless, silent := aMail(""), aMail("evt_1")
		silent.Text, silent.HTML = "", ""
		for _, mail := range []application.Mail{nameless, silent} {
			err := m.Mailer.Send(t.Context(), mail)
			require.Error(t, err)
			require.NotErrorIs(t, err, application.ErrUnavailable, "sending it again would not help")
			require.NotErrorIs(t, err, application.ErrMailRefused, "nobody was asked")
			discreet(t, err)
		}
		m.sent(t, 0)
	})
	t.Run("what was cancelled may be sent again later", func(t *testing.T) {
		m := newMailer(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := m.Mailer.Send(ctx, aMail("evt_1"))
		require.ErrorIs(t, err, application.ErrUnavailable)
		discreet(t, err)
	})
	t.Run("may be used concurrently", func(t *testing.T) {
		m := newMailer(t)
		var mu sync.Mutex
		want := map[string]bool{}
		Parallel(16, func(i int) {
			mail := aMail(fmt.Sprintf("evt_%d", i))
			mail.Text = fmt.Sprintf("%s %d.", mailSecret, i)
			assert.NoError(t, m.Mailer.Send(t.Context(), mail))
			mu.Lock()
			defer mu.Unlock()
			want[mail.Text] = true
		})
		for _, mail := range m.sent(t, 16) {
			assert.True(t, want[strings.TrimSpace(mail.Text)], "%q", mail.Text)
		}
	})
}

const mailSecret = "https://leads.example/TOKENTOKENTOKEN"

func aMail(id string) application.Mail {
	return application.Mail{
		ID: id, To: "john@people.example", ToName: "Johnny", Subject: "Your secret subject",
		Text: "Follow " + mailSecret + "\n", HTML: "<p>Follow " + mailSecret + "</p>\n",
	}
}

// sent returns what was delivered, which must be at least n mails, and none when n is 0; nil when that cannot be seen.
func (m MailerUnderTest) sent(t *testing.T, n int) []Mail {
	t.Helper()
	if m.Sent == nil {
		return nil
	}
	got := m.Sent(t)
	if n == 0 {
		require.Empty(t, got, "delivered, although Send failed")
	}
	require.GreaterOrEqual(t, len(got), n)
	return got
}

// discreet fails when an error of a chain holds anything of a mail.
func discreet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	said := fmt.Sprintf("%v %+v %q", err, err, err)
	for _, secret := range []string{"john", "Johnny", "people.example", "evil.example", "TOKEN", "secret subject"} {
		assert.NotContains(t, said, secret)
	}
	if many, is := err.(interface{ Unwrap() []error }); is {
		for _, e := range many.Unwrap() {
			discreet(t, e)
		}
	}
	discreet(t, errors.Unwrap(err))
}
