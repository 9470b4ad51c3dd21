package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/net/idna"

	"github.com/leadmill/leadmill/application"
)

// public is where all addresses of the public internet of version 6 are, as far as they are given out.
var public = netip.MustParsePrefix("2000::/3")

// special are the networks that are not the public internet, or lead out of it again by another way (the registries of IANA for special
// purposes), and addresses at which clouds tell machines their secrets.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32",           // the metadata of Azure, in a public network
	"2001::/23", "2001:db8::/32", // protocols such as Teredo, documentation
	"2002::/16", "3fff::/20", // 6to4, documentation
)

func prefixes(list ...string) []netip.Prefix {
	made := make([]netip.Prefix, len(list))
	for i, p := range list {
		made[i] = netip.MustParsePrefix(p)
	}
	return made
}

func within(list []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// The ports of the web; below firstFree are those of other services, of which some do what they find in a request.
const (
	portHTTP  = 80
	portHTTPS = 443
	firstFree = 1024
)

// may reports whether a request may go to an address at all. An IPv4 address that is written as one of version 6 is what it holds.
func (c *Client) may(to netip.AddrPort) bool {
	ip := to.Addr().Unmap()
	if within(c.allow, ip) {
		return true
	}
	port := to.Port()
	return ip.Zone() == "" && (ip.Is4() || public.Contains(ip)) && !within(special, ip) &&
		(port == portHTTP || port == portHTTPS || port >= firstFree)
}

// mayPlain reports whether a request may go to an address without TLS.
func (c *Client) mayPlain(to netip.AddrPort) bool { return within(c.allow, to.Addr().Unmap()) }

var errDialled = errors.New("its host has an address that is not reached from here")

// dial connects to one of a host's addresses that may be reached. They are looked at when the socket is made, behind the look-up of the
// name: whoever owns a name may answer otherwise each time it is looked up.
func (c *Client) dial(ctx context.Context, network, address string, may func(netip.AddrPort) bool) (net.Conn, error) {
	if within, is := ctx.Value(exchange{}).(context.Context); is {
		ctx = within
	}
	d := net.Dialer{Resolver: c.resolver, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !may(to) {
			return application.ErrAddressRefused.Because(errDialled)
		}
		return nil
	}}
	return d.DialContext(ctx, network, address)
}

// Check implements application.Outbound.
func (c *Client) Check(address string) error {
	_, err := c.parse(address)
	return err
}

// parse reads an address and refuses what need not be looked up.
func (c *Client) parse(address string) (*url.URL, error) {
	refused := func(why string) (*url.URL, error) { return nil, application.ErrAddressRefused.Because(errors.New(why)) }
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return refused("it is no absolute URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return refused("its scheme is not https")
	case u.User != nil:
		return refused("it holds credentials")
	case u.Scheme == "http" && len(c.allow) == 0:
		return refused("its scheme is not https")
	}
	port := portHTTPS
	if u.Scheme == "http" {
		port = portHTTP
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return refused("it has a port that does not exist")
		}
	}
	ip, literal, err := literalHost(u.Hostname())
	if err != nil {
		return refused(err.Error())
	}
	if !literal { // only a look-up tells
		return u, nil
	}
	may := c.may
	if u.Scheme == "http" {
		may = c.mayPlain
	}
	if !may(netip.AddrPortFrom(ip, uint16(port))) {
		return refused("it is an address that is not reached from here")
	}
	return u, nil
}

var errHost = errors.New("its host is no name of the internet")

// literalHost returns the address that a host is without being looked up; literal is false for names.
func literalHost(host string) (ip netip.Addr, literal bool, err error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Is4In6() || ip.Zone() != "" {
			return ip, true, errHost
		}
		return ip, true, nil
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil {
		ascii = strings.TrimSuffix(host, ".")
		if strings.ContainsFunc(ascii, func(r rune) bool { return r > '~' }) {
			return ip, false, errHost
		}
	}
	if ascii = strings.ToLower(ascii); strings.Contains(ascii, "..") {
		return ip, false, errHost
	}
	if ip, err := netip.ParseAddr(ascii); err == nil {
		return ip, true, nil
	}
	if ascii == "localhost" || strings.HasSuffix(ascii, ".localhost") {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true, nil
	}
	// Names end in a word. What ends in a number is an address in a spelling of its own, such as 0x7f.1 or 2130706433.
	last := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if _, err := strconv.ParseUint(last, 0, 64); last == "" || err == nil || strings.Trim(last, "0123456789") == "" {
		return ip, false, errHost
	}
	return ip, false, nil
}
