package membership

import (
	"encoding/binary"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Version is that of the hello. A node refuses newer ones: it could not know what
// they bind it to.
const Version = 1

// Sizes of a hello's parts in bytes.
const (
	helloHead   = 64
	helloMember = 24
	helloPeer   = 16
)

// hello is all that a node says of itself.
//
//	 0 │Ver│Flg│ N │ M │     Cell      │          Incarnation          │
//	16 │              Now              │           Promised            │
//	32 │         View: ballot          │          View: prev           │
//	48 │VFl│ 0 │ Seats │       0       │               0               │
//	64 │     Addr      │Seat│Sta│   0  │          Incarnation          │ × N members
//	   │              ID               │
//	   │     Addr      │PFl│     0     │             Echo              │ × M peers
//
// Now and Echo are times of one node's clock and life; see Machine.clock.
type hello struct {
	fresh, complete, lapsed, amnesiac, empty bool
	seats                                    uint16 // see Claims.Seats

	cell        uint32
	incarnation uint64
	now         uint64 // the sender's clock
	promised    uint64
	view        View

	n     int
	peers [PeersMax]heard
}

// heard is what the sender of a hello says about another node.
type heard struct {
	addr packet.Addr4
	up   bool
	// steady: it has been up for long enough to be taken into a view.
	steady bool
	echo   uint64 // the newest time of that node's clock that the sender has heard
}

const (
	flagFresh = 1 << iota
	flagComplete
	flagLapsed
	flagAmnesiac
	flagEmpty
)

// Flags of a view.
const (
	viewUncertain = 1 << iota
	viewEmpty
)

// Flags of a peer.
const (
	peerUp = 1 << iota
	peerSteady
)

// encode writes the hello to b and returns its length; b holds HelloMax bytes.
func (h *hello) encode(b []byte) int {
	n := helloHead + h.view.N*helloMember + h.n*helloPeer
	b = b[:n]
	clear(b)
	be := binary.BigEndian
	b[0] = Version
	for _, f := range []struct {
		set bool
		bit byte
	}{{h.fresh, flagFresh}, {h.complete, flagComplete}, {h.lapsed, flagLapsed}, {h.amnesiac, flagAmnesiac}, {h.empty, flagEmpty}} {
		if f.set {
			b[1] |= f.bit
		}
	}
	b[2], b[3] = byte(h.view.N), byte(h.n)
	be.PutUint32(b[4:], h.cell)
	be.PutUint64(b[8:], h.incarnation)
	be.PutUint64(b[16:], h.now)
	be.PutUint64(b[24:], h.promised)
	be.PutUint64(b[32:], h.view.Ballot)
	be.PutUint64(b[40:], h.view.Prev)
	if h.view.Uncertain {
		b[48] |= viewUncertain
	}
	if h.view.Empty {
		b[48] |= viewEmpty
	}
	be.PutUint16(b[50:], h.seats)
	rest := b[helloHead:]
	for _, m := range h.view.Members[:h.view.N] {
		be.PutUint32(rest, uint32(m.Addr))
		rest[4], rest[5] = m.Seat, byte(m.Status)
		be.PutUint64(rest[8:], m.Incarnation)
		be.PutUint64(rest[16:], m.ID)
		rest = rest[helloMember:]
	}
	for _, p := range h.peers[:h.n] {
		be.PutUint32(rest, uint32(p.addr))
		if p.up {
			rest[4] |= peerUp
		}
		if p.steady {
			rest[4] |= peerSteady
		}
		be.PutUint64(rest[8:], p.echo)
		rest = rest[helloPeer:]
	}
	return n
}

// decode reads a hello of the given cell. Whatever is not exactly one is refused.
func (h *hello) decode(b []byte, cell uint32) drop.Reason {
	if len(b) < helloHead || b[0] != Version || b[2] > MembersMax || b[3] > PeersMax {
		return drop.BadMessage
	}
	if len(b) != helloHead+int(b[2])*helloMember+int(b[3])*helloPeer {
		return drop.BadMessage
	}
	be := binary.BigEndian
	if be.Uint32(b[4:]) != cell {
		return drop.ForeignCell
	}
	*h = hello{
		fresh: b[1]&flagFresh != 0, complete: b[1]&flagComplete != 0, lapsed: b[1]&flagLapsed != 0, amnesiac: b[1]&flagAmnesiac != 0, empty: b[1]&flagEmpty != 0,
		seats: be.Uint16(b[50:]),
		cell:  cell, incarnation: be.Uint64(b[8:]), now: be.Uint64(b[16:]), promised: be.Uint64(b[24:]),
		view: View{Ballot: be.Uint64(b[32:]), Prev: be.Uint64(b[40:]), Uncertain: b[48]&viewUncertain != 0, Empty: b[48]&viewEmpty != 0, N: int(b[2])},
		n:    int(b[3]),
	}
	if h.incarnation == 0 || (h.view.Ballot == 0) != (h.view.N == 0) {
		return drop.BadMessage
	}
	rest := b[helloHead:]
	var seats uint32
	for i := range h.view.N {
		m := &h.view.Members[i]
		*m = Member{Addr: packet.Addr4(be.Uint32(rest)), Seat: rest[4], Status: Status(rest[5]), Incarnation: be.Uint64(rest[8:]), ID: be.Uint64(rest[16:])}
		// Equal seats would give one port twice (I1); order makes the list a set.
		if m.Seat >= MembersMax || seats&(1<<m.Seat) != 0 || m.Status > Leaving || i > 0 && m.Addr <= h.view.Members[i-1].Addr {
			return drop.BadMessage
		}
		seats |= 1 << m.Seat
		rest = rest[helloMember:]
	}
	for i := range h.n {
		h.peers[i] = heard{addr: packet.Addr4(be.Uint32(rest)), up: rest[4]&peerUp != 0, steady: rest[4]&peerSteady != 0, echo: be.Uint64(rest[8:])}
		if i > 0 && h.peers[i].addr <= h.peers[i-1].addr {
			return drop.BadMessage
		}
		rest = rest[helloPeer:]
	}
	return drop.None
}
