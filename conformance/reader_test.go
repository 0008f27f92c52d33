package conformance

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"hyperplane/cellstate"
	"hyperplane/golden"
	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

// What a script says is the packet that packettest builds.
func TestReadPacket(t *testing.T) {
	n := newNames()
	n.ports["$p1"] = 4242
	udp := packettest.UDP("10.0.0.1:7", "10.0.0.2:4242", packettest.Payload(40))
	spoilt := slices.Clone(udp)
	spoilt[20+7] ^= 0x55
	six := packettest.UDP6("[2001:db8::1]:7", "[2001:db8::2]:4242", packettest.Payload(40))
	spoilt6 := slices.Clone(six)
	spoilt6[40+7] ^= 0x55
	for text, want := range map[string][]byte{
		"tcp 10.0.0.1:7 > 10.0.0.2:80 SA seq 1 ack 2 win 3 mss 4 ttl 5 id 6 df len 7": packettest.TCP("10.0.0.1:7", "10.0.0.2:80", "SA", packettest.Payload(7),
			packettest.WithSeq(1), packettest.WithAck(2), packettest.WithWindow(3), packettest.WithMSS(4), packettest.WithTTL(5), packettest.WithID(6), packettest.WithDF()),
		"tcp 10.0.0.1:7 > 10.0.0.2:80 -":                                                           packettest.TCP("10.0.0.1:7", "10.0.0.2:80", "", nil),
		"udp 10.0.0.1:7 > 10.0.0.2:$p1 len 40":                                                     udp,
		"udp 10.0.0.1:7 > 10.0.0.2:$p1 data 0102":                                                  packettest.UDP("10.0.0.1:7", "10.0.0.2:4242", []byte{1, 2}),
		"udp 10.0.0.1:7 > 10.0.0.2:$p1 csum none":                                                  packettest.UDP("10.0.0.1:7", "10.0.0.2:4242", nil, packettest.WithoutUDPChecksum()),
		"udp 10.0.0.1:7 > 10.0.0.2:$p1 len 40 csum bad":                                            spoilt,
		"udp 10.0.0.1:7 > 10.0.0.2:$p1 len 40 trunc 9":                                             udp[:9],
		"udp 10.0.0.1:7 > 10.0.0.2:$p1 len 40 frag 8 16":                                           packettest.Fragment(udp, 8, 16),
		"echo 10.0.0.1 > 10.0.0.2 id $p1 seq 3":                                                    packettest.EchoRequest("10.0.0.1", "10.0.0.2", 4242, 3, nil),
		"reply 10.0.0.1 > 10.0.0.2 id 9 ipid 8":                                                    packettest.EchoReply("10.0.0.1", "10.0.0.2", 9, 0, nil, packettest.WithID(8)),
		"icmp 10.0.0.1 > 10.0.0.2 3 4 info 1400 quote 28 { udp 10.0.0.1:7 > 10.0.0.2:$p1 len 40 }": packettest.ICMPError("10.0.0.1", "10.0.0.2", 3, 4, 1400, udp[:28]),
		"raw 45ff": {0x45, 0xff},

		"tcp [2001:db8::1]:7 > [64:ff9b::cb00:710a]:80 SA seq 1 ack 2 win 3 mss 4 ttl 5 tos 6 flow 7 len 7": packettest.TCP6("[2001:db8::1]:7", "[64:ff9b::cb00:710a]:80", "SA", packettest.Payload(7),
			packettest.WithSeq(1), packettest.WithAck(2), packettest.WithWindow(3), packettest.WithMSS(4), packettest.WithTTL(5), packettest.WithTOS(6), packettest.WithFlowLabel(7)),
		"udp [2001:db8::1]:7 > [2001:db8::2]:$p1 len 40":                    six,
		"udp [2001:db8::1]:7 > [2001:db8::2]:$p1 csum none":                 packettest.UDP6("[2001:db8::1]:7", "[2001:db8::2]:4242", nil, packettest.WithoutUDPChecksum()),
		"udp [2001:db8::1]:7 > [2001:db8::2]:$p1 len 40 csum bad":           spoilt6,
		"udp [2001:db8::1]:7 > [2001:db8::2]:$p1 len 40 partial":            packettest.UDP6("[2001:db8::1]:7", "[2001:db8::2]:4242", packettest.Payload(40), packettest.WithPartial()),
		"udp [2001:db8::1]:7 > [2001:db8::2]:$p1 len 40 frag 8 16 id 70000": packettest.Fragment6(six, 8, 16, 70000),
		"udp [2001:db8::1]:7 > [2001:db8::2]:$p1 len 40 ext 0 0000010400000000 ext 60 0000010400000000": packettest.Extend(
			packettest.Extend(six, 60, 0, 0, 1, 4, 0, 0, 0, 0), 0, 0, 0, 1, 4, 0, 0, 0, 0),
		"udp [2001:db8::1]:7 > [2001:db8::2]:$p1 len 40 frag 8 16 id 9 ext 0 0000010400000000": packettest.Extend(
			packettest.Fragment6(six, 8, 16, 9), 0, 0, 0, 1, 4, 0, 0, 0, 0),
		"echo 2001:db8::1 > 2001:db8::2 id $p1 seq 3": packettest.ICMP6("2001:db8::1", "2001:db8::2", 128, 0, 4242<<16|3, nil),
		"reply 2001:db8::1 > 2001:db8::2 id 9 len 4":  packettest.ICMP6("2001:db8::1", "2001:db8::2", 129, 0, 9<<16, packettest.Payload(4)),
		"icmp 2001:db8::1 > 2001:db8::2 2 0 info 1400 quote 48 { udp [2001:db8::1]:7 > [2001:db8::2]:$p1 len 40 }": packettest.ICMP6(
			"2001:db8::1", "2001:db8::2", 2, 0, 1400, six[:48]),
	} {
		ps, err := n.packets(text, "")
		if err != nil || len(ps) != 1 || !slices.Equal(ps[0].Data, want) {
			t.Errorf("%s:\n%v %s\nwant %s", text, err, lines(ps), packettest.Line(want))
		}
	}
}

func lines(ps []packet.Packet) (s string) {
	for _, p := range ps {
		s += packettest.Line(p.Data) + "\n"
	}
	return s
}

// Fragments are cut and put in the order asked for.
func TestReadFragments(t *testing.T) {
	ps, err := newNames().packets("udp 10.0.0.1:7 > 10.0.0.2:8 len 40 cut 16 order 3 1", "")
	if err != nil || len(ps) != 2 || packet.IPv4(ps[0].Data).FragmentOffset() != 32 || packet.IPv4(ps[1].Data).FragmentOffset() != 0 {
		t.Errorf("%v\n%s", err, lines(ps))
	}
}

// A script that is not understood is refused: nothing of it is left out silently.
func TestReadRefuses(t *testing.T) {
	for _, text := range []string{
		"", "gre 10.0.0.1 > 10.0.0.2", "udp 10.0.0.1 > 10.0.0.2:5", "udp 10.0.0.1:5 10.0.0.2:5", "udp 10.0.0.1:70000 > 10.0.0.2:5",
		"udp 10.0.0.1:5 > ::1", "tcp 10.0.0.1:5 > 10.0.0.2:5", "tcp 10.0.0.1:5 > 10.0.0.2:5 X", "udp 10.0.0.1:5 > 10.0.0.2:5 len",
		"udp 10.0.0.1:5 > 10.0.0.2:5 colour 5", "udp 10.0.0.1:5 > 10.0.0.2:5 }", "icmp 10.0.0.1 > 10.0.0.2 3 1 quote { udp", "raw 4",
		"udp [2001:db8::1]:5 > 10.0.0.2:5", "udp 2001:db8::1:5 > 2001:db8::2:5", "udp [10.0.0.1]:5 > [10.0.0.2]:5", "echo [2001:db8::1] > 2001:db8::2",
		"udp [2001:db8::1]:5 > [2001:db8::2]:5 df", "udp [2001:db8::1]:5 > [2001:db8::2]:5 ipcsum bad", "udp [2001:db8::1]:5 > [2001:db8::2]:5 ipopts 00",
		"udp [2001:db8::1]:5 > [2001:db8::2]:5 id 4", "udp [2001:db8::1]:5 > [2001:db8::2]:5 ext 0 0102", "udp [2001:db8::1]:5 > [2001:db8::2]:5 flow 1048576",
		"udp 10.0.0.1:5 > 10.0.0.2:5 flow 5", "udp 10.0.0.1:5 > 10.0.0.2:5 ext 0 0000000000000000",
		"udp 10.0.0.1:5 > 10.0.0.2:5 csum good", "udp 10.0.0.1:5 > 10.0.0.2:5 len 40 cut 16 order 9",
	} {
		if ps, err := newNames().packets(text, ""); err == nil {
			t.Errorf("%q is taken for %s", text, lines(ps))
		}
	}
	if _, err := newNames().packets("udp 10.0.0.1:5 > 10.0.0.2:$p1", ""); !errors.Is(err, errNoName) {
		t.Errorf("a name that nothing has: %v", err)
	}
}

// A header that claims what no document asks, or says nothing of why, is refused.
func TestHeader(t *testing.T) {
	h, err := parseHeader(golden.Parse("# Guards I1: a thing,\n# and more.\n# requirement: RFC 4787 REQ-12 met\n# requirement: RFC 5382 REQ-8 deviates: it is not built\n# profile: aws\n# oracle: kernel\n\ndrops\n----\n"))
	want := []claim{{"RFC 4787", "REQ-12", "", ""}, {"RFC 5382", "REQ-8", "", "it is not built"}}
	if err != nil || h.guards != "I1: a thing, and more." || !slices.Equal(h.claims, want) || h.profile != "aws" || !h.kernel {
		t.Errorf("%+v, %v", h, err)
	}
	for _, line := range []string{
		"", "# requirement: RFC 4787 REQ-99 met", "# requirement: RFC 9 REQ-1 met", "# requirement: RFC 4787 REQ-1", "# requirement: RFC 4787 REQ-1 deviates: ",
		"# requirement: RFC 4787 REQ-1 met\n# profile: none", "# requirement: RFC 4787 REQ-1 met\n# oracle: moon", "drops",
	} {
		if h, err := parseHeader(golden.Parse("# Guards nothing.\n" + line)); err == nil {
			t.Errorf("%q is taken for %+v", line, h)
		}
	}
}

// One script that deviates is not outweighed by those that meet the requirement.
func TestResult(t *testing.T) {
	said := func(why string) told {
		return told{name: "a", path: "p", header: header{claims: []claim{{"RFC 4787", "REQ-1", "", why}}}}
	}
	for _, c := range []struct {
		all  []told
		want string
	}{
		{nil, "no test"},
		{[]told{said("")}, "met"},
		{[]told{said(""), said("so"), said("so"), said("and so")}, "**deviates:** so; and so"},
	} {
		if got, by := resultOf("RFC 4787", "REQ-1", profiles, c.all); got != c.want || strings.Count(by, "[a](p)") != len(c.all) {
			t.Errorf("%q by %q, want %q", got, by, c.want)
		}
	}
}

// What is said of one profile is not said of the other.
func TestResultOfOneProfile(t *testing.T) {
	all := []told{
		{header: header{profile: "aws", claims: []claim{{"RFC 4787", "REQ-1", "", "it depends"}}}},
		{header: header{claims: []claim{{"RFC 4787", "REQ-1", "rfc", ""}}}},
	}
	aws, _ := resultOf("RFC 4787", "REQ-1", profiles[:1], all)
	rfc, _ := resultOf("RFC 4787", "REQ-1", profiles[1:], all)
	if aws != "**deviates:** it depends" || rfc != "met" {
		t.Errorf("aws %q, rfc %q", aws, rfc)
	}
}

// A part of a state file is merged by names; a list without them is replaced.
func TestWorldMerges(t *testing.T) {
	s, err := world(2, "rfc", "internet: {mtu: 1400}\nnat_gateways:\n- {name: nat-blue, public_addresses: [198.51.100.1, 198.51.100.3], timeouts: {udp_idle: 7s}}\ninstances:\n- {name: blue-3, vpc: blue, address: 10.0.1.12, host: host-1}\n")
	if err != nil {
		t.Fatal(err)
	}
	gw := s.Gateway(1)
	if s.InternetMTU != 1400 || len(gw.Public) != 2 || gw.Timeouts.UDPIdle.Seconds() != 7 || gw.Mapping != cellstate.MapIndependent || gw.Timeouts.TCPIdle.Minutes() != 124 || len(s.Instances) != 3+1+2 {
		t.Errorf("MTU %d, gateway %+v, %d instances", s.InternetMTU, gw, len(s.Instances))
	}
	if _, err := world(0, "aws", "nonsense: 1"); err == nil {
		t.Error("an unknown field is taken")
	}
}

// IPv6 comes to the default network by a part of a state file, which further edits change.
func TestWorldOfBothFamilies(t *testing.T) {
	six, err := os.ReadFile(dualStack)
	if err != nil {
		t.Fatal(err)
	}
	s, err := world(0, "rfc", string(six), "vpcs:\n- {name: green, nat64_prefix: 2001:db8:64::/64, route_tables: [{name: main, routes: [{destination: 2001:db8:64::/64, nat_gateway: nat-green}]}]}\ninstances:\n- {name: six-1, mtu: 1400}\n")
	if err != nil {
		t.Fatal(err)
	}
	blue, green, one := s.VPC(100), s.VPC(200), s.Instance6(packettest.Addr6("2001:db8:1:1::20"))
	if blue.NAT64.Netip() != packet.WellKnownPrefix64 || green.NAT64.Netip().String() != "2001:db8:64::/64" || one == nil || one.MTU != 1400 || one.Addr != 0 || s.Instances[0].Addr == 0 || !s.Instances[0].Has6() {
		t.Errorf("prefixes %v and %v, six-1 %+v", blue.NAT64, green.NAT64, one)
	}
}

// A public end has one name, whichever family shows it.
func TestNamesOfBothFamilies(t *testing.T) {
	n := newNames()
	public := netip.MustParseAddr("198.51.100.1")
	n.publics[public], n.publics[netip.MustParseAddr("64:ff9b::198.51.100.1")] = public, public
	for _, c := range []struct {
		data []byte
		want string
	}{
		{packettest.UDP("198.51.100.1:4242", "10.0.0.1:7", nil), "IP 198.51.100.1:$p1 > 10.0.0.1:7:"},
		{packettest.UDP6("[64:ff9b::c633:6401]:4242", "[2001:db8::1]:7", nil), "IP6 [64:ff9b::c633:6401]:$p1 > [2001:db8::1]:7:"},
		{packettest.ICMP6("64:ff9b::c633:6401", "2001:db8::1", 128, 0, 4242<<16, nil), "echo request id $p1 "},
		{packettest.ICMP6("64:ff9b::cb00:710a", "2001:db8::1", 129, 0, 4242<<16, nil), "echo reply id 4242 "},
		{packettest.Fragment6(packettest.UDP6("[2001:db8::1]:1", "[2001:db8::2]:2", make([]byte, 100)), 0, 80, 9), "proto 17 id any (hlim"},
		{packettest.PartialTCP("10.0.0.1:1", "10.0.0.2:2", "S", nil).Data, "csum bad"},
	} {
		if got := n.line(packet.Packet{Data: c.data}); !strings.Contains(got, c.want) {
			t.Errorf("%q does not contain %q", got, c.want)
		}
	}
	for _, p := range []packet.Packet{
		packettest.SuperUDP6("[2001:db8::1]:1", "[2001:db8::2]:2", nil, 0, packettest.WithPartial()),
		packettest.SuperTCP6("[2001:db8::1]:1", "[2001:db8::2]:2", "S", nil, 0, packettest.WithPartial()),
	} {
		if got := n.line(p); !strings.Contains(got, "csum ok") || !strings.HasSuffix(got, " partial") {
			t.Errorf("a partial checksum: %q", got)
		}
	}
}
