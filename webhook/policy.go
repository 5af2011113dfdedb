package webhook

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"lindero/fault"
)

// Policy says which addresses deliveries may go to: public ones, and those that the operator allows besides. The
// zero Policy allows public ones only.
type Policy struct {
	Allow []netip.Prefix // such as 10.1.0.0/16, for receivers in the operator's own network
}

// Loopback is this machine, for trying webhooks out.
var Loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// Permits reports whether a connection to the address may be made.
func (p Policy) Permits(addr netip.Addr) bool {
	// A zone names an interface of this machine: nothing public has one.
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	if slices.ContainsFunc(p.Allow, func(network netip.Prefix) bool { return network.Contains(addr) }) {
		return true
	}
	if addr.Is4() {
		return !within(addr, special4)
	}
	return public6.Contains(addr) && !within(addr, special6)
}

// CheckURL refuses a URL whose host is an address that Permits refuses, or this machine by name, where its caller
// can still mend it. Other names are judged when they are resolved, at each attempt. The URL must have passed
// store.WebhookSpec.Validate.
func (p Policy) CheckURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return fault.InvalidField("body.url", nil, "must look like https://example.com/path")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	if addr, err := netip.ParseAddr(host); err == nil && !p.Permits(addr) {
		return fault.InvalidField("body.url", nil, "must lead to a public address")
	}
	return nil
}

func within(addr netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// special4 are the IPv4 networks that are not the public internet: IANA's special-purpose registry, multicast,
// the reserved class E with the broadcast address, and an address at which Azure serves its machines' metadata
// although it is registered as public. The other clouds' metadata lie in the link-local, shared and 192.0.0.0/24
// ranges.
var special4 = prefixes(`
	0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
	192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
	168.63.129.16/32`)

// public6 is what IANA has given out of IPv6 as global unicast. Outside lie loopback, the unspecified address,
// IPv4-mapped and -compatible addresses, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique local, link-local, site-local
// and multicast addresses.
var public6 = netip.MustParsePrefix("2000::/3")

// special6 are the parts of it that are not public: protocol assignments (among them Teredo, which carries IPv4
// addresses), documentation, and 6to4, which carries IPv4 addresses too.
var special6 = prefixes(`2001::/23 2001:db8::/32 2002::/16 3fff::/20`)

func prefixes(list string) []netip.Prefix {
	var parsed []netip.Prefix
	for text := range strings.FieldsSeq(list) {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}
