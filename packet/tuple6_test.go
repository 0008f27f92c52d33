package packet_test

import (
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

func TestTuple6(t *testing.T) {
	a, b := packettest.Addr6("2001:db8::1"), packettest.Addr6("64:ff9b::cb00:710a")
	tuple := packet.Tuple6{Net: packet.ProtoTCP, Src: a, Dst: b, SrcPort: 4000, DstPort: 80}.WithVNI(100)
	if tuple.VNI() != 100 || tuple.Proto() != packet.ProtoTCP {
		t.Errorf("%+v", tuple)
	}
	back := packet.Tuple6{Net: tuple.Net, Src: b, Dst: a, SrcPort: 80, DstPort: 4000}
	if tuple.Reverse() != back || back.Reverse() != tuple {
		t.Errorf("%s", tuple.Reverse())
	}
	for want, got := range map[string]packet.Tuple6{
		"tcp [2001:db8::1]:4000 > [64:ff9b::cb00:710a]:80 vni 100": tuple,
		"udp [2001:db8::1]:1 > [::]:0":                             {Net: packet.ProtoUDP, Src: a, SrcPort: 1},
		"icmpv6 [2001:db8::1]:7 > [::]:0":                          {Net: packet.ProtoICMPv6, Src: a, SrcPort: 7},
		"proto-132 [::]:0 > [::]:0":                                {Net: 132},
	} {
		if got.String() != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
