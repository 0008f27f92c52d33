package wiretest

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// patience is how long a test waits for what must happen.
const patience = 5 * time.Second

// TB is what the helpers need of a test; rapid's is one too.
type TB interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// Await polls c until done reports true and fails the test when it never does.
func Await(t TB, c wire.Conn, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		left := time.Until(deadline)
		if left <= 0 {
			t.Fatalf("not within %v: %s; stats %+v", patience, what, *c.Stats())
		}
		if c.FD() >= 0 {
			poll := []unix.PollFd{{Fd: int32(c.FD()), Events: unix.POLLIN}}
			unix.Poll(poll, min(int(left.Milliseconds()), 10))
		}
	}
}

// Receive waits until c handed over n packets, at most batch at once, and
// returns copies of them.
func Receive(t TB, c wire.Conn, n, batch int) []wire.Packet {
	t.Helper()
	var all []wire.Packet
	pkts := make([]wire.Packet, batch)
	Await(t, c, "all packets received", func() bool {
		got, err := c.Recv(pkts)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pkts[:got] {
			all = append(all, keep(p))
		}
		return len(all) >= n
	})
	if len(all) != n {
		t.Fatalf("received %d packets, want %d", len(all), n)
	}
	return all
}

// keep is p with copies of what lies in the Conn's buffers.
func keep(p wire.Packet) wire.Packet {
	p.Data = bytes.Clone(p.Data)
	if p.Tunnel.Chain != nil {
		chain := *p.Tunnel.Chain
		p.Tunnel.Chain = &chain
	}
	return p
}

// discard takes what is there off c.
func discard(t TB, c wire.Conn) {
	t.Helper()
	pkts := make([]wire.Packet, 64)
	for {
		n, err := c.Recv(pkts)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// ReceiveMerged waits for packets equal to want, in this order: each whole or
// in pieces which packet.Merge puts together again.
func ReceiveMerged(t TB, c wire.Conn, want []packet.Packet) {
	t.Helper()
	receiveMerged(t, c, want, func(int, wire.Packet) {})
}

// receiveMerged calls each for every piece, with the place in want of its packet.
func receiveMerged(t TB, c wire.Conn, want []packet.Packet, each func(i int, p wire.Packet)) {
	t.Helper()
	var pending []wire.Packet
	pkts := make([]wire.Packet, 16)
	next := func() wire.Packet {
		Await(t, c, "the next packet", func() bool {
			if len(pending) > 0 {
				return true
			}
			n, err := c.Recv(pkts)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range pkts[:n] {
				pending = append(pending, keep(p))
			}
			return n > 0
		})
		p := pending[0]
		pending = pending[1:]
		return p
	}
	for i, w := range want {
		var merge packet.Merge
		pieces, payload := 0, 0
		for {
			p := next()
			each(i, p)
			kind, headLen, r := decode(&p.Packet)
			if r != drop.None {
				t.Fatalf("packet %d, piece %d: %v", i, pieces, r)
			}
			// In memory there is no header, and so none that takes room.
			if c.FD() >= 0 && p.Tunnel.Len()+len(p.Data) > packet.GeneveLen+c.MaxPacket() && p.Offload.GSO != packet.GSONone {
				t.Fatalf("packet %d: a piece of %d bytes, the path carries %d", i, len(p.Data), c.MaxPacket())
			}
			if p.Tunnel.IPv6 != (p.Data[0]>>4 == 6) {
				t.Fatalf("packet %d, piece %d: tunnel %+v", i, pieces, p.Tunnel)
			}
			if !merge.Add(&p.Packet, kind, headLen) {
				t.Fatalf("packet %d: piece %d (%v, %d bytes) does not continue the one before", i, pieces, kind, len(p.Data))
			}
			pieces++
			if payload += len(p.Data) - headLen; payload+headLen >= len(w.Data) {
				break
			}
		}
		offload, head, bodies := merge.Emit()
		got := append(bytes.Clone(head), bytes.Join(bodies, nil)...)
		if !bytes.Equal(got, w.Data) {
			t.Fatalf("packet %d of %d bytes: %d pieces differ from the original\n got %x\nwant %x", i, len(w.Data), pieces, got[:min(64, len(got))], w.Data[:min(64, len(w.Data))])
		}
		if offload.GSO != w.Offload.GSO || offload.GSOSize != w.Offload.GSOSize || offload.Partial != w.Offload.Partial {
			t.Fatalf("packet %d: offload %+v, want %+v", i, offload, w.Offload)
		}
	}
	if len(pending) > 0 {
		t.Fatalf("%d packets more than were sent", len(pending))
	}
}

// Send decodes p and queues it on c for peer, as a role does.
func Send(t TB, c wire.Conn, peer packet.Addr4, p packet.Packet) {
	t.Helper()
	w := wire.Packet{Packet: p, Tunnel: packet.Tunnel{VNI: 100, Service: 1, Hops: 4}, Peer: peer}
	if _, _, r := decode(&w.Packet); r != drop.None {
		t.Fatalf("the test's own packet: %v", r)
	}
	c.Send(&w)
}

// decode decodes a packet of either IP version.
func decode(p *packet.Packet) (packet.Kind, int, drop.Reason) {
	if len(p.Data) > 0 && p.Data[0]>>4 == 6 {
		var v packet.View6
		r := v.Decode(p)
		return v.Kind, v.HeadLen, r
	}
	var v packet.View
	r := v.Decode(p)
	return v.Kind, v.HeadLen, r
}
