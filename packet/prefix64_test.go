package packet_test

import (
	"net/netip"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"

	"pgregory.net/rapid"
)

// RFC 6052, section 2.4, table 1 and 2: the examples for 192.0.2.33.
func TestPrefix64RFC6052Section24(t *testing.T) {
	for prefix, want := range map[string]string{
		"2001:db8::/32":                "2001:db8:c000:221::",
		"2001:db8:100::/40":            "2001:db8:1c0:2:21::",
		"2001:db8:122::/48":            "2001:db8:122:c000:2:2100::",
		"2001:db8:122:300::/56":        "2001:db8:122:3c0:0:221::",
		"2001:db8:122:344::/64":        "2001:db8:122:344:c0:2:2100::",
		"2001:db8:122:344::/96":        "2001:db8:122:344::192.0.2.33",
		"64:ff9b::/96":                 "64:ff9b::192.0.2.33",
		"64:ff9b:1::/48":               "64:ff9b:1:c000:2:2100::", // RFC 8215: any address
		"2001:db8:122:344:0:1:2:3/96":  "2001:db8:122:344:0:1:c000:221",
		"2001:db8:122:344:55:6:7:8/64": "2001:db8:122:344:c0:2:2100::", // bits beyond the length
	} {
		p, ok := packet.NewPrefix64(netip.MustParsePrefix(prefix), true)
		if !ok {
			t.Errorf("%s was refused", prefix)
			continue
		}
		a := packettest.Addr("192.0.2.33")
		got, ok := p.Embed(a)
		if !ok || got != packettest.Addr6(want) || !p.Contains(got) {
			t.Errorf("%s: %s %v, want %s", prefix, got, ok, want)
		}
		if back, ok := p.Extract(got); !ok || back != a {
			t.Errorf("%s: %s %v", prefix, back, ok)
		}
	}
}

func TestPrefix64Refuses(t *testing.T) {
	for _, prefix := range []string{
		"2001:db8::/31", "2001:db8::/33", "2001:db8::/72", "2001:db8::/128", "::/0", "10.0.0.0/8", "::ffff:0:0/96",
		"2001:db8:0:0:100::/96", // octet u
	} {
		if _, ok := packet.NewPrefix64(netip.MustParsePrefix(prefix), false); ok {
			t.Errorf("%s was accepted", prefix)
		}
	}
	if _, ok := packet.NewPrefix64(netip.Prefix{}, false); ok {
		t.Error("no prefix was accepted")
	}
	var none packet.Prefix64
	if _, ok := none.Embed(packettest.Addr("8.8.8.8")); ok || none.Contains(packet.Addr6{}) {
		t.Error("the zero value holds an address")
	}
	for prefix, addr := range map[string]string{
		"2001:db8:122:344::/64": "2001:db8:122:344:1c0:2:2100::",  // octet u
		"2001:db8:122:300::/56": "2001:db8:122:3c0:0:221::1",      // suffix
		"2001:db8:122::/48":     "2001:db8:122:c000:2:2100:0:100", // suffix
		"2001:db8::/32":         "2001:db9:c000:221::",            // another prefix
	} {
		p, _ := packet.NewPrefix64(netip.MustParsePrefix(prefix), false)
		if a, ok := p.Extract(packettest.Addr6(addr)); ok {
			t.Errorf("%s: %s became %s", prefix, addr, a)
		}
	}
}

// RFC 6052, section 3.1: the well-known prefix and non-global addresses.
func TestWellKnownPrefix64(t *testing.T) {
	strict, _ := packet.NewPrefix64(packet.WellKnownPrefix64, false)
	lax, _ := packet.NewPrefix64(packet.WellKnownPrefix64, true)
	own, _ := packet.NewPrefix64(netip.MustParsePrefix("2001:db8:64::/96"), false)
	for s, global := range map[string]bool{
		"8.8.8.8": true, "9.255.255.255": true, "10.0.0.0": false, "10.255.255.255": false, "11.0.0.0": true,
		"100.63.255.255": true, "100.64.0.0": false, "100.127.255.255": false, "100.128.0.0": true,
		"0.1.2.3": false, "127.0.0.1": false, "169.254.1.1": false, "172.15.0.1": true, "172.16.0.1": false,
		"172.31.255.255": false, "172.32.0.0": true, "192.0.0.1": false, "192.0.1.1": true, "192.0.2.1": false,
		"192.88.99.1": true, "192.168.0.1": false, "198.17.0.1": true, "198.18.0.1": false, "198.19.255.255": false,
		"198.20.0.0": true, "198.51.100.1": false, "203.0.113.1": false, "203.0.114.1": true,
		"224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
	} {
		a := packettest.Addr(s)
		if a.Global() != global {
			t.Errorf("%s is global: %v", s, !global)
		}
		in, _ := lax.Embed(a)
		if got, ok := strict.Embed(a); ok != global || ok && got != in {
			t.Errorf("%s embedded: %s %v", s, got, ok)
		}
		if got, ok := strict.Extract(in); ok != global || ok && got != a {
			t.Errorf("%s extracted: %s %v", in, got, ok)
		}
		for _, p := range []packet.Prefix64{lax, own} {
			if v, ok := p.Embed(a); !ok || !p.Contains(v) {
				t.Errorf("%s has no address under another prefix", s)
			}
		}
	}
}

// Embedding and extracting are inverse for every prefix (I2).
func TestPrefix64ThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "prefix")
		raw[0], raw[8] = 0x20, 0
		bits := rapid.SampledFrom([]int{32, 40, 48, 56, 64, 96}).Draw(t, "bits")
		p, ok := packet.NewPrefix64(netip.PrefixFrom(netip.AddrFrom16([16]byte(raw)), bits), false)
		if !ok {
			t.Fatal("refused")
		}
		a := packet.Addr4(rapid.Uint32().Draw(t, "addr"))
		in, ok := p.Embed(a)
		if !ok || in[8] != 0 || !p.Contains(in) {
			t.Fatalf("%s %v", in, ok)
		}
		if back, ok := p.Extract(in); !ok || back != a {
			t.Fatalf("%s became %s", a, back)
		}
		other := packet.Addr6(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "other"))
		if a, ok := p.Extract(other); ok {
			if again, _ := p.Embed(a); again != other {
				t.Fatalf("%s became %s", other, again)
			}
		}
	})
}
