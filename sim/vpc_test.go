package sim

import (
	"testing"

	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// Instances of a VPC reach each other directly, untouched, on one host or two.
func TestInsideTheVPC(t *testing.T) {
	w := newWorld(t, "instances:\n", "instances:\n  - {name: blue-3, vpc: blue, address: 10.0.1.12, host: host-1}\n")
	for _, to := range []struct{ name, address string }{{"blue-2", "10.0.1.11"}, {"blue-3", "10.0.1.12"}} {
		p := TCP("10.0.1.10:4000", to.address+":80", "S", nil, WithMSS(1460), WithTTL(64))
		w.must(w.Send("blue-1", plain(p)))
		Check(t, w.one(to.name, w.Received(to.name)), IPv4(Src("10.0.1.10"), TTL(64)), MSS(1460), ValidChecksums())
		w.silence()
	}
	w.dropped(drop.None, 0)
	if n := w.Traffic("node-1").Received; n != w.Traffic("node-2").Received {
		t.Errorf("a node saw traffic between instances")
	}
}

// What an instance may not send goes nowhere.
func TestSourceAndRoute(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		p    []byte
		want drop.Reason
	}{
		{UDP("10.0.1.11:9", web+":9", nil), drop.SpoofedSource},
		{UDP("198.51.100.1:9", web+":9", nil), drop.SpoofedSource},
		{UDP("10.0.1.10:9", "10.0.1.99:9", nil), drop.NoInstance},
		{UDP("10.0.1.10:9", "192.0.2.9:9", nil), drop.Blackhole},
		{UDP("10.0.1.10:9", "224.0.0.251:9", nil), drop.BadAddress},
		{UDP("10.0.1.10:9", "255.255.255.255:9", nil), drop.BadAddress},
		{UDP("10.0.1.10:9", "127.0.0.1:9", nil), drop.BadAddress},
		{TCP("10.0.1.10:9", web+":9", "A", nil, WithIPOptions(131, 7, 4, 1, 2, 3, 4)), drop.SourceRoute},
		{[]byte{0x60, 0, 0, 0, 0, 0, 59, 64, 39: 1}, drop.UnknownProtocol},
		{UDP6("[2001:db8::1]:9", "[2001:db8::2]:9", nil), drop.SpoofedSource},
		{withProtocol(UDP("10.0.1.10:9", web+":9", nil), 47), drop.UnknownProtocol},
		{withProtocol(UDP("10.0.1.10:9", web+":9", nil), 132), drop.UnknownProtocol},
	} {
		w.must(w.Send("blue-1", plain(c.p)))
		w.dropped(c.want, 1)
		w.silence()
	}
}

func withProtocol(b []byte, proto uint8) []byte {
	b[9] = proto
	b[10], b[11] = 0, 0
	sum := packet.Checksum(b[:20], 0)
	b[10], b[11] = byte(sum>>8), byte(sum)
	return b
}

// A flow belongs to the gateway it began at. When its VPC's route moves to
// another gateway and nothing remembers the first, TCP is told to begin anew.
func TestFlowOfAnotherGateway(t *testing.T) {
	second := `  - name: nat-blue-2
    service: 3
    vpc: blue
    address: 10.0.0.6
    public_addresses: [198.51.100.3]
instances:
`
	w := newWorld(t, "instances:\n", second)
	w.out("blue-1", TCP("10.0.1.10:4000", web+":80", "S", nil))
	w.must(w.Apply(w.edit("version: 1 ", "version: 2 ", "nat_gateway: nat-blue}", "nat_gateway: nat-blue-2}")))
	w.must(w.Send("blue-1", plain(TCP("10.0.1.10:4000", web+":80", "A", nil, WithAck(5)))))
	Check(t, w.one("blue-1", w.Received("blue-1")), IPv4(Src(web)), TCPFlags("R"), Seq(5), ValidChecksums())
	w.dropped(drop.NoFlow, 1)
	w.out("blue-1", TCP("10.0.1.10:4001", web+":80", "S", nil))
}

// Where no route matches, the router says so.
func TestNoRoute(t *testing.T) {
	w := newWorld(t, "          - {destination: 0.0.0.0/0, nat_gateway: nat-blue}\n", "")
	w.must(w.Send("blue-1", plain(UDP("10.0.1.10:9", web+":9", nil))))
	Check(t, w.one("blue-1", w.Received("blue-1")), IPv4(Src("10.0.1.1")), ICMPType(packet.ICMPUnreachable, packet.ICMPCodeNet), ValidChecksums())
	w.dropped(drop.NoRoute, 1)
}
