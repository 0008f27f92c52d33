package liveness

import (
	"testing"

	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/shard"
	"hyperplane/telemetry/drop"
)

// Both directions of a flow, its errors included, belong to one slot: that of
// the remote end, which no translation changes.
func TestSlot(t *testing.T) {
	remote, inside, public := "203.0.113.10", "10.0.1.10", "198.51.100.1"
	out := TCP(inside+":4000", remote+":80", "A", nil)
	translated := TCP(public+":2000", remote+":80", "A", nil)
	answer := TCP(remote+":80", public+":2000", "A", nil)
	delivered := TCP(remote+":80", inside+":4000", "A", nil)
	tcp := shard.Slot(3, packet.ProtoTCP, Addr(remote), 80)
	echo := shard.Slot(3, packet.ProtoICMP, Addr(remote), 0)
	for name, c := range map[string]struct {
		out, in []byte
		want    uint32
	}{
		"tcp":                {out, answer, tcp},
		"udp":                {UDP(inside+":4000", remote+":53", nil), UDP(remote+":53", public+":2000", nil), shard.Slot(3, packet.ProtoUDP, Addr(remote), 53)},
		"echo":               {EchoRequest(inside, remote, 7, 1, nil), EchoReply(remote, public, 9, 1, nil), echo},
		"echo the other way": {EchoReply(inside, remote, 7, 1, nil), EchoRequest(remote, public, 9, 1, nil), echo},
		// The error's own source is any router.
		"error about tcp":  {ICMPError(inside, remote, 3, 4, 1400, delivered), ICMPError("192.0.2.1", public, 11, 0, 0, translated), tcp},
		"error about echo": {ICMPError(inside, remote, 3, 3, 0, EchoReply(remote, inside, 7, 1, nil)), ICMPError("192.0.2.1", public, 11, 0, 0, EchoRequest(public, remote, 9, 1, nil)), echo},
	} {
		if got := slotOf(t, c.out, false); got != c.want {
			t.Errorf("%s out: slot %d, want %d", name, got, c.want)
		}
		if got := slotOf(t, c.in, true); got != c.want {
			t.Errorf("%s in: slot %d, want %d", name, got, c.want)
		}
	}
}

// slotOf is the slot of a packet from inside, or from the internet.
func slotOf(t *testing.T, b []byte, inbound bool) uint32 {
	t.Helper()
	p := packet.Packet{Data: b}
	var v packet.View
	if r := v.Decode(&p); r != drop.None {
		t.Fatal(r)
	}
	if inbound {
		return Slot(3, v.Tuple.Reverse())
	}
	return Slot(3, v.Tuple)
}
