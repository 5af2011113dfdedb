package webhook

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lindero/fault"
)

func TestPermits(t *testing.T) {
	t.Parallel()
	refused := `
		0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254
		169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1
		192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
		100.100.100.200 168.63.129.16
		:: ::1 ::ffff:8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 ::8.8.8.8
		64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::a00:1 100::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1
		2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1 3fff::1 4000::1 5f00::1`
	for text := range strings.FieldsSeq(refused) {
		if (Policy{}).Permits(netip.MustParseAddr(text)) {
			t.Errorf("%s is permitted", text)
		}
	}
	permitted := `1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255 169.255.0.0
		172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
		2606:4700:4700::1111 2a00:1450:4009::200e 2001:200::1 2001:4860:4860::8888 2003::1`
	for text := range strings.FieldsSeq(permitted) {
		if !(Policy{}).Permits(netip.MustParseAddr(text)) {
			t.Errorf("%s is refused", text)
		}
	}
	if (Policy{}).Permits(netip.Addr{}) || (Policy{Allow: Loopback}).Permits(netip.MustParseAddr("fe80::1%eth0")) {
		t.Error("no address, or one of an interface, is permitted")
	}
}

func TestAllowedNetworks(t *testing.T) {
	t.Parallel()
	p := Policy{Allow: append([]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}, Loopback...)}
	for text, want := range map[string]bool{
		"10.1.2.3": true, "10.2.0.1": false, "fd00:1::5": true, "fd00:2::5": false, "127.0.0.1": true, "::1": true,
		"169.254.169.254": false, "::ffff:10.1.2.3": false, "8.8.8.8": true,
	} {
		if got := p.Permits(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestPermitsOnlyGlobalUnicast compares with what the standard library knows of addresses, whichever is drawn.
func TestPermitsOnlyGlobalUnicast(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		addr, _ := netip.AddrFromSlice(rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 4, 4), rapid.SliceOfN(rapid.Byte(), 16, 16)).Draw(t, "addr"))
		if (Policy{}).Permits(addr) && (!addr.IsGlobalUnicast() || addr.IsPrivate() || addr.IsLoopback() || addr.Is4In6()) {
			t.Fatalf("%s is permitted", addr)
		}
	})
}

func TestControlJudgesTheAddressDialled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		network, address string
		ok               bool
	}{
		{"tcp4", "8.8.8.8:443", true}, {"tcp6", "[2606:4700:4700::1111]:80", true},
		{"tcp4", "127.0.0.1:80", false}, {"tcp6", "[::1]:80", false}, {"tcp6", "[fe80::1%eth0]:80", false},
		{"tcp4", "example.com:80", false}, {"tcp4", "8.8.8.8", false}, {"unix", "/run/x.sock", false}, {"udp4", "8.8.8.8:53", false}, {"", "", false},
	} {
		if err := (Policy{}).control(c.network, c.address, nil); (err == nil) != c.ok {
			t.Errorf("%s %s: %v", c.network, c.address, err)
		}
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://example.com/hook": true, "http://8.8.8.8/": true, "https://[2606:4700:4700::1111]:8443/": true,
		"http://127.0.0.1:8080/": false, "http://[::1]/": false, "http://localhost/": false, "http://LocalHost./": false, "http://x.localhost/": false,
		"http://10.0.0.1/": false, "http://169.254.169.254/latest/meta-data": false, "http://[::ffff:127.0.0.1]/": false, "http://[fe80::1%25eth0]/": false,
	} {
		err := (Policy{}).CheckURL(url)
		if (err == nil) != ok || !ok && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := (Policy{Allow: Loopback}).CheckURL("http://localhost:9000/"); err != nil {
		t.Error(err)
	}
}
