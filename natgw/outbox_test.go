package natgw

import (
	"testing"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// read decodes what an outbox would send: messages by receiver.
func (o *outbox) read(t *testing.T) map[packet.Addr4][]chain.Message {
	t.Helper()
	for i := range o.open {
		o.close(&o.open[i])
	}
	o.open = o.open[:0]
	got := map[packet.Addr4][]chain.Message{}
	for _, p := range o.ready {
		if len(p.Data) > o.chunk || p.Tunnel.Stage != packet.StageMessages || p.Tunnel.Hops != 1 {
			t.Fatalf("a datagram of %d bytes, %+v", len(p.Data), p.Tunnel)
		}
		_, rest, r := chain.ReadBatch(p.Data, o.cell)
		if r != drop.None {
			t.Fatal(r)
		}
		for len(rest) > 0 {
			var m chain.Message
			rest = chain.Next(rest, &m)
			got[p.Peer] = append(got[p.Peer], m)
		}
	}
	return got
}

// Messages arrive in order, by receiver, in datagrams that fit; a full datagram
// is followed by another.
func TestOutboxGathers(t *testing.T) {
	o := newOutbox(payloadDefault)
	o.cell = 7
	const each = 100
	for i := range uint64(each) {
		for to := packet.Addr4(1); to <= 3; to++ {
			o.add(&chain.Message{Kind: chain.Seen, To: to, Lease: i})
		}
	}
	got := o.read(t)
	for to := packet.Addr4(1); to <= 3; to++ {
		if len(got[to]) != each {
			t.Fatalf("%d messages for %v, want %d", len(got[to]), to, each)
		}
		for i, m := range got[to] {
			if m.Lease != uint64(i) {
				t.Fatalf("message %d for %v is the %d-th", i, to, m.Lease)
			}
		}
	}
	if o.lost != 0 {
		t.Errorf("%d lost", o.lost)
	}
}

// A turn has a bounded memory; what finds no room is counted, and the next turn
// has room again (I13).
func TestOutboxIsBounded(t *testing.T) {
	o := newOutbox(payloadDefault)
	room := chunksPerTurnMax * chain.BatchMax(payloadDefault)
	for range room + 5 {
		o.add(&chain.Message{Kind: chain.Seen, To: 1})
	}
	if n := len(o.read(t)[1]); n != room || o.lost != 5 {
		t.Errorf("%d sent and %d lost, want %d and 5", n, o.lost, room)
	}
	o.reset()
	o.add(&chain.Message{Kind: chain.Seen, To: 1})
	if n := len(o.read(t)[1]); n != 1 {
		t.Errorf("%d sent in the next turn", n)
	}
	for to := range packet.Addr4(openBatchesMax + 1) {
		o.add(&chain.Message{Kind: chain.Seen, To: 100 + to})
	}
	if o.lost == 5 {
		t.Error("more receivers than openBatchesMax, and nothing lost")
	}
}

// A message to nobody is not sent.
func TestOutboxToNobody(t *testing.T) {
	o := newOutbox(payloadDefault)
	o.add(&chain.Message{Kind: chain.Seen})
	if got := o.read(t); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
}

func TestOutboxAllocatesNothing(t *testing.T) {
	o := newOutbox(payloadDefault)
	m := chain.Message{Kind: chain.Seen, To: 1}
	if n := testing.AllocsPerRun(100, func() {
		for i := range packet.Addr4(50) {
			m.To = 1 + i%3
			o.add(&m)
		}
		for i := range o.open {
			o.close(&o.open[i])
		}
		o.reset()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
