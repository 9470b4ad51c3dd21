package leadmill

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/outbound"
	"github.com/leadmill/leadmill/adapters/webhook"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/ports/sandbox"
)

// aSandbox is "leadmill sandbox buyer" as it runs. end stops it and returns its exit code and what it printed after its address.
func aSandbox(t *testing.T, args ...string) (address string, end func() (code int, printed string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- New().Main(ctx, append([]string{"sandbox", "buyer", "--listen", "127.0.0.1:0"}, args...), in, in)
		_ = in.Close()
	}()
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	require.NoError(t, err)
	address, found := strings.CutPrefix(strings.TrimSpace(first), "The sandbox buyer listens on ")
	require.True(t, found, first)
	rest := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(lines)
		rest <- string(text)
	}()
	t.Cleanup(cancel)
	return address, func() (int, string) {
		cancel()
		return <-code, <-rest
	}
}

// TestTheSandboxIsABuyer sends to it what deliveries send, by the client and with the signatures that they use.
func TestTheSandboxIsABuyer(t *testing.T) {
	t.Parallel()
	former, secret, other := webhook.NewSecret(), webhook.NewSecret(), webhook.NewSecret()
	address, end := aSandbox(t, "--secret", former, "--secret", secret)
	client := outbound.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "test")
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	send := func(path, id, signedWith string) (application.OutboundAnswer, error) {
		body := []byte(`{"lead_id":"lead_1","fields":{"phone":"canary"}}`)
		h := webhook.Sign(signedWith, id, time.Now(), body)
		h.Set("Content-Type", "application/json")
		h.Set("Idempotency-Key", id)
		return client.Send(t.Context(), application.OutboundRequest{URL: address + path, Header: h, Body: body, Timeout: time.Minute})
	}
	for _, c := range []struct{ path, id, secret, answer string }{
		{"/accept", "sale_1", secret, `{"status":"accepted","reference":"ref_1"}`},
		{"/accept", "sale_1", former + " " + other, `{"status":"accepted","reference":"ref_1"}`},
		{"/reject", "sale_2", other, `{"status":"rejected"}`},
		{"/flaky?n=1", "sale_3", secret, `{"error":"not now"}`},
		{"/flaky?n=1", "sale_3", secret, `{"status":"accepted","reference":"ref_4"}`},
		{"/bid?amount=12.50", "ping_1", secret, `{"bid":12.50,"reference":"ref_6"}`},
	} {
		answer, err := send(c.path, c.id, c.secret)
		require.NoError(t, err)
		assert.Equal(t, c.answer, string(answer.Body))
	}
	_, err := send("/lost", "sale_4", secret)
	require.ErrorIs(t, err, application.ErrOutboundFailed)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/arrivals", http.NoBody)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	var all sandbox.Arrivals
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&all))
	require.NoError(t, answer.Body.Close())
	var signatures []string
	for _, a := range all.Arrivals {
		signatures = append(signatures, a.ID+" "+a.Signature)
		assert.Equal(t, []sandbox.Field{{Name: "fields.phone", Value: "canary"}, {Name: "lead_id", Value: "lead_1"}}, a.Fields)
	}
	assert.Equal(t, []string{"sale_4 ok", "ping_1 ok", "sale_3 ok", "sale_3 ok", "sale_2 the signature is wrong", "sale_1 ok", "sale_1 ok"}, signatures)
	assert.Equal(t, 2, all.Repeated)

	code, printed := end()
	assert.Zero(t, code)
	assert.Equal(t, 7, strings.Count(printed, "\n"), printed)
	assert.Contains(t, printed, `/reject id="sale_2" signature="the signature is wrong" answer=200 "rejected"`)
	assert.NotContains(t, printed, "canary")
	_, err = net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	require.Error(t, err, "it is gone")
}

// TestTheSandboxStopsWhileSomebodyWaits: what it lets wait is answered, and it ends at once.
func TestTheSandboxStopsWhileSomebodyWaits(t *testing.T) {
	t.Parallel()
	address, end := aSandbox(t)
	answered := make(chan int, 1)
	go func() {
		answer, err := http.Post(address+"/slow?ms=60000", "application/json", strings.NewReader("{}"))
		if assert.NoError(t, err) {
			answered <- answer.StatusCode
			_ = answer.Body.Close()
		}
	}()
	require.Eventually(t, func() bool {
		answer, err := http.Get(address + "/arrivals")
		require.NoError(t, err)
		defer func() { _ = answer.Body.Close() }()
		var all sandbox.Arrivals
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&all))
		return all.Count == 1 && all.Arrivals[0].Answer == "waits"
	}, time.Minute, time.Millisecond)
	code, printed := end()
	assert.Zero(t, code)
	assert.Equal(t, http.StatusServiceUnavailable, <-answered)
	assert.Contains(t, printed, `answer=503 "gave up waiting"`)
}

func TestTheSandboxSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"sandbox"}, 2, "a command is missing"},
		{[]string{"sandbox", "buyer", "more"}, 2, "unknown command"},
		{[]string{"sandbox", "buyer", "--listen", "8090"}, 2, "--listen must be host:port, for example 127.0.0.1:8090"},
		{[]string{"sandbox", "buyer", "--secret", "canary"}, 2, "--secret must be whsec_ with 24 to 64 bytes in base64 behind it"},
		{[]string{"sandbox", "buyer", "--secret", ""}, 2, "--secret must be whsec_"},
		{[]string{"sandbox", "buyer", "--listen", taken.Addr().String()}, 1, "address already in use"},
	} {
		code, stdout, stderr := run(t, New(), c.args...)
		assert.Equal(t, c.code, code, "%v", c.args)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, c.want)
		assert.NotContains(t, stderr, "canary")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, problems strings.Builder
	New().Main(ctx, []string{"sandbox", "buyer", "--listen", "0.0.0.0:0"}, &out, &problems)
	assert.Contains(t, problems.String(), "Others can reach this sandbox and read the personal data that it shows.")
}
