package outbound_test

import (
	"errors"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
)

// private are addresses that no request reaches, in what the system is told.
var private = []string{
	"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.254",
	"168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1",
	"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
	"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
	"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::5db8:d70e", "64:ff9b:1::7f00:1", "100::1", "100:0:0:1::1",
	"2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "3fff::1", "5f00::1",
	"fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1",
}

var internet = []string{
	"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
	"172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:1.1.1.1",
	"2001:200::1", "2001:4860:4860::8888", "2606:4700:4700::1111", "2a00::1",
}

func TestAddressesThatNothingReaches(t *testing.T) {
	t.Parallel()
	c := client(t)
	for _, ip := range private {
		assert.False(t, c.May(netip.AddrPortFrom(netip.MustParseAddr(ip), 443)), ip)
	}
	for _, ip := range internet {
		a := netip.MustParseAddr(ip)
		assert.True(t, c.May(netip.AddrPortFrom(a, 443)), ip)
		assert.False(t, c.MayPlain(netip.AddrPortFrom(a, 80)), "%s without TLS", ip)
		for port, want := range map[uint16]bool{22: false, 25: false, 79: false, 80: true, 444: false, 1023: false, 1024: true, 8443: true, 65535: true} {
			assert.Equal(t, want, c.May(netip.AddrPortFrom(a, port)), "%s:%d", ip, port)
		}
	}
	c = client(t, netip.MustParsePrefix("10.20.3.4/16"), netip.MustParsePrefix("fd00::/8"))
	for _, ip := range []string{"10.20.255.1", "::ffff:10.20.0.1", "fd00:ec2::254"} {
		assert.True(t, c.May(netip.MustParseAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 22).String())), ip)
		assert.True(t, c.MayPlain(netip.AddrPortFrom(netip.MustParseAddr(ip), 8080)), ip)
	}
	for _, ip := range []string{"10.21.0.1", "10.19.255.255", "fc00::1", "127.0.0.1"} {
		assert.False(t, c.May(netip.AddrPortFrom(netip.MustParseAddr(ip), 443)), ip)
	}
}

// refused are addresses that are refused before anything is looked up.
var refused = []string{
	"", " ", "/", "//example.com", "example.com", "https:", "https://", "https:///a", "https:example.com", "https://:443/",
	"http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com:25/_x", "javascript:alert(1)", "HTTP://example.com",
	"https://user@example.com/", "https://user:pass@example.com/", "https://@example.com/", "https://example.com@127.0.0.1/",
	"https://localhost/", "https://LOCALHOST:8443/", "https://localhost./", "https://a.localhost/", "https://127.0.0.1/", "https://127.0.0.1./",
	"https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://017700000001/", "https://0177.0.0.1/",
	"https://0/", "https://1.2.3.4.5/", "https://example.0x1/", "https://example.08/", "https://１２７.０.０.１/", "https://127。0。0。1/",
	"https://[::1]/", "https://[::]/", "https://[fe80::1%25eth0]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:1.1.1.1]/", "https://[64:ff9b::7f00:1]/",
	"https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "https://[fd00:ec2::254]/", "https://1.1.1.1:22/", "https://1.1.1.1:0/", "https://1.1.1.1:65536/",
	"https://example.com:99999/", "https://example..com./..", "https://exa mple.com/", "https://example.com\r\nHost: a/", "https://%00/", "https://..",
}

func TestAddressesRefusedAsInput(t *testing.T) {
	t.Parallel()
	c := client(t)
	for _, address := range refused {
		assert.ErrorIs(t, c.Check(address), application.ErrAddressRefused, "%q", address)
		_, err := c.Send(t.Context(), application.OutboundRequest{URL: address})
		assert.ErrorIs(t, err, application.ErrAddressRefused, "%q", address)
	}
	for _, address := range []string{
		"https://example.com", "https://example.com/a?b=c#d", "HTTPS://Example.COM:8443/", "https://example.com./", "https://bücher.example/", "https://xn--bcher-kva.example/",
		"https://1.1.1.1/", "https://1.1.1.1:8443/", "https://[2606:4700:4700::1111]/", "https://a_b.example.com/", "https://3com.com/", "https://1.2.3.4.example/",
	} {
		assert.NoError(t, c.Check(address), "%q", address)
	}
	c = client(t, here)
	for _, address := range []string{"http://127.0.0.1:8090/accept", "http://localhost:8090/", "https://127.0.0.1:22/", "http://buyer.example/"} {
		assert.NoError(t, c.Check(address), "%q", address)
	}
	for _, address := range []string{"http://127.0.0.2:8090/", "http://1.1.1.1/", "http://u:p@127.0.0.1/"} {
		assert.ErrorIs(t, c.Check(address), application.ErrAddressRefused, "%q", address)
	}
}

// TestRefusalsTellNothing: the reason is a sentence of ours, whatever the address holds.
func TestRefusalsTellNothing(t *testing.T) {
	t.Parallel()
	c := client(t)
	for _, address := range []string{
		"https://user:canary@example.com/", "ftp://canary/", "https://exa mple.com/?canary", "http://example.com/?token=canary", "https://127.0.0.1/canary?canary",
		"canary", "https://[canary/", "https://canary:canary/",
	} {
		err := c.Check(address)
		require.ErrorIs(t, err, application.ErrAddressRefused, address)
		for ; err != nil; err = errors.Unwrap(err) {
			assert.NotContains(t, err.Error(), "canary")
		}
	}
}

func TestNamesThatLeadInside(t *testing.T) {
	t.Parallel()
	inside := serve(t, true, func(http.ResponseWriter, *http.Request) {})
	for _, ip := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "169.254.169.254", "10.1.2.3", "fd00::1", "64:ff9b::7f00:1"} {
		n := &names{answers: [][]string{{ip}}}
		c := client(t).With(n.resolver(t), nil)
		_, err := c.Send(t.Context(), application.OutboundRequest{URL: "https://buyer.example:" + inside.port() + "/?canary", Timeout: time.Minute})
		require.ErrorIs(t, err, application.ErrAddressRefused, ip)
		assert.Equal(t, "its host has an address that is not reached from here", errors.Unwrap(err).Error(), "the same for all")
	}
	assert.Zero(t, inside.connections.Load())
}

// TestANameThatIsAnsweredOtherwise: what counts is the address to which the connection is made, not one that was looked up before.
func TestANameThatIsAnsweredOtherwise(t *testing.T) {
	t.Parallel()
	site := serve(t, false, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	n := &names{answers: [][]string{{"127.0.0.1"}, {"127.0.0.2"}, {"127.0.0.2", "127.0.0.1"}, {"::1"}, {"169.254.169.254"}}}
	c := client(t, here).With(n.resolver(t), nil)
	address := "http://buyer.example:" + site.port() + "/"
	require.NoError(t, c.Check(address))
	for i, reached := range []bool{true, false, true, false, false} {
		answer, err := c.Send(t.Context(), application.OutboundRequest{URL: address, Timeout: time.Minute})
		if !reached {
			require.ErrorIs(t, err, application.ErrAddressRefused, "%d", i)
			continue
		}
		require.NoError(t, err, "%d", i)
		assert.Equal(t, http.StatusOK, answer.Status)
	}
	assert.EqualValues(t, 2, site.connections.Load())
}
