package liveness

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// What is no answer to something that was asked is refused, with a reason, and
// changes nothing.
func TestAnswersRefused(t *testing.T) {
	put := func(off int, v uint64) func([]byte) []byte {
		return func(b []byte) []byte { binary.BigEndian.PutUint64(b[off:], v); return b }
	}
	const stranger = packet.Addr4(0x0a0000ff)
	for name, c := range map[string]struct {
		from   packet.Addr4
		change func([]byte) []byte
		want   drop.Reason
	}{
		"right":           {0, func(b []byte) []byte { return b }, drop.None},
		"unknown flags":   {0, func(b []byte) []byte { b[2] |= 0xfe; b[3] = 9; return b }, drop.None},
		"unknown peer":    {stranger, func(b []byte) []byte { return b }, drop.UnknownPeer},
		"empty":           {0, func(b []byte) []byte { return nil }, drop.BadMessage},
		"short":           {0, func(b []byte) []byte { return b[:ProbeLen-1] }, drop.BadMessage},
		"long":            {0, func(b []byte) []byte { return append(b, 0) }, drop.BadMessage},
		"newer version":   {0, func(b []byte) []byte { b[0]++; return b }, drop.BadMessage},
		"a request":       {0, func(b []byte) []byte { b[1] = kindRequest; return b }, drop.BadMessage},
		"unknown kind":    {0, func(b []byte) []byte { b[1] = 3; return b }, drop.BadMessage},
		"foreign cell":    {0, func(b []byte) []byte { b[7]++; return b }, drop.ForeignCell},
		"never asked":     {0, put(8, uint64(90*ms+1)), drop.BadMessage},
		"of the future":   {0, put(8, uint64(3600e9)), drop.BadMessage},
		"before the time": {0, put(8, 1<<64-1), drop.BadMessage},
	} {
		t.Run(name, func(t *testing.T) {
			d := New()
			ps := peers(2)
			d.Apply(90*ms, testCell, ps)
			probe := d.Probes(90 * ms)[0]
			b := slices.Clone(probe.Payload)
			if got := AnswerProbe(b, testCell, true, 5); got != drop.None {
				t.Fatal(got)
			}
			from := probe.To
			if c.from != 0 {
				from = c.from
			}
			before := slices.Clone(d.tops)
			if got := d.Answer(from, c.change(slices.Clone(b))); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
			if c.want != drop.None && !slices.Equal(before, d.tops) {
				t.Error("it changed something")
			}
			if c.want == drop.None {
				if got := d.Answer(from, b); got != drop.BadMessage {
					t.Errorf("the same again: %v", got)
				}
			}
		})
	}
}

// An answer is too old when its request left the ring.
func TestAnswerTooOld(t *testing.T) {
	d := New()
	d.Apply(0, testCell, peers(1))
	first := d.Probes(0)[0]
	b := slices.Clone(first.Payload)
	AnswerProbe(b, testCell, true, 1)
	for i := 1; i < askedMax; i++ {
		d.Probes(time.Duration(i) * probePeriod)
	}
	if got := d.Answer(first.To, slices.Clone(b)); got != drop.None {
		t.Errorf("the oldest that counts: %v", got)
	}
	d.tops[0].newest = -1
	d.Probes(askedMax * probePeriod)
	if got := d.Answer(first.To, b); got != drop.BadMessage {
		t.Errorf("one that is too old: %v", got)
	}
}

// A node answers requests of its cell, in place, and leaves everything else.
func TestAnswerProbe(t *testing.T) {
	good := make([]byte, ProbeLen)
	request(good, testCell, 12345)
	for name, c := range map[string]struct {
		change func([]byte) []byte
		want   drop.Reason
	}{
		"right":         {func(b []byte) []byte { return b }, drop.None},
		"empty":         {func(b []byte) []byte { return nil }, drop.BadMessage},
		"short":         {func(b []byte) []byte { return b[:ProbeLen-1] }, drop.BadMessage},
		"long":          {func(b []byte) []byte { return append(b, 0) }, drop.BadMessage},
		"newer version": {func(b []byte) []byte { b[0] = 2; return b }, drop.BadMessage},
		"an answer":     {func(b []byte) []byte { b[1] = kindAnswer; return b }, drop.BadMessage},
		"foreign cell":  {func(b []byte) []byte { b[4]++; return b }, drop.ForeignCell},
	} {
		t.Run(name, func(t *testing.T) {
			b := c.change(slices.Clone(good))
			before := slices.Clone(b)
			if got := AnswerProbe(b, testCell, true, 0x0102030405060708); got != c.want {
				t.Fatalf("%v, want %v", got, c.want)
			}
			want := before
			if c.want == drop.None {
				want = []byte{1, 2, 1, 0, 0, 0, 0, testCell, 0, 0, 0, 0, 0, 0, 0x30, 0x39, 1, 2, 3, 4, 5, 6, 7, 8}
			}
			if !slices.Equal(b, want) {
				t.Errorf("% x, want % x", b, want)
			}
		})
	}
}

// Only nodes are listened to, and only about probes.
func TestReceive(t *testing.T) {
	d := New()
	d.Apply(0, testCell, peers(1))
	for name, c := range map[string]struct {
		kind   cellstate.PeerKind
		change func(*wire.Packet)
		want   drop.Reason
	}{
		"unknown":     {cellstate.PeerUnknown, func(*wire.Packet) {}, drop.UnknownPeer},
		"host":        {cellstate.PeerHost, func(*wire.Packet) {}, drop.WrongTenant},
		"edge":        {cellstate.PeerEdge, func(*wire.Packet) {}, drop.WrongTenant},
		"no hops":     {cellstate.PeerNode, func(p *wire.Packet) { p.Tunnel.Hops = 0 }, drop.HopBudget},
		"chain":       {cellstate.PeerNode, func(p *wire.Packet) { p.Tunnel.Stage = packet.StageChain }, drop.BadMessage},
		"messages":    {cellstate.PeerNode, func(p *wire.Packet) { p.Tunnel.Stage = packet.StageMessages }, drop.BadMessage},
		"hello":       {cellstate.PeerNode, func(p *wire.Packet) { p.Tunnel.Stage = packet.StageHello }, drop.BadMessage},
		"newer stage": {cellstate.PeerNode, func(p *wire.Packet) { p.Tunnel.Stage = 200 }, drop.BadMessage},
		"a request":   {cellstate.PeerNode, func(p *wire.Packet) {}, drop.BadMessage},
		"an answer":   {cellstate.PeerNode, func(p *wire.Packet) { AnswerProbe(p.Data, testCell, true, 1) }, drop.None},
	} {
		p := d.Probes(0)[0].Datagram()
		if want := (packet.Tunnel{Stage: packet.StageProbe, Hops: 1}); p.Tunnel != want || p.Peer != peers(1)[0].Addr {
			t.Fatalf("sent to %v with %+v", p.Peer, p.Tunnel)
		}
		c.change(&p)
		if got := d.Receive(c.kind, &p); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
