package nitrosim

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// Extra is a packet made here: for an instance of this host or, without one, for its Peer.
type Extra struct {
	Instance *cellstate.Instance
	wire.Packet
}

// extras holds what one turn made besides the packets it forwards.
type extras struct {
	made  []Extra
	arena []byte
	used  int

	tokens     int
	refilled   time.Duration
	Suppressed uint64 // answers not made, for lack of tokens or room
}

func newExtras() extras {
	return extras{made: make([]Extra, 0, extrasMax), arena: make([]byte, extraArena), tokens: answersBurst}
}

// Extras returns the packets made in this turn.
func (h *Host) Extras() []Extra { return h.extras.made }

// EndTurn ends the life of everything that was returned since the last one.
func (h *Host) EndTurn() {
	h.extras.made, h.extras.used = h.extras.made[:0], 0
	h.frags.EndTurn()
}

// room returns n bytes for one extra, or nil.
func (x *extras) room(n int) []byte {
	if len(x.made) == extrasMax || x.used+n > len(x.arena) {
		return nil
	}
	return x.arena[x.used : x.used+n : x.used+n]
}

// answerRoom is room for one answer, within the rate.
func (x *extras) answerRoom(now time.Duration, n int) []byte {
	if fresh := int((now - x.refilled) * answersPerSecond / time.Second); fresh > 0 {
		x.tokens = min(answersBurst, x.tokens+fresh)
		x.refilled = now
	}
	var b []byte
	if x.tokens > 0 {
		b = x.room(n)
	}
	if b == nil {
		x.Suppressed++
		return nil
	}
	x.tokens--
	return b
}

// borrow returns n bytes until the end of the turn, or nil.
func (x *extras) borrow(n int) []byte {
	b := x.room(n)
	x.used += len(b)
	return b
}

func (x *extras) add(h *Host, to *cellstate.Instance, b []byte) {
	if len(b) == 0 {
		return
	}
	x.used += len(b)
	x.made = append(x.made, Extra{Instance: to, Packet: wire.Packet{Packet: packet.Packet{Data: b}}})
	h.Traffic.Generated++
	h.Traffic.Queue(telemetry.TUN, len(b))
}

// icmp answers an instance's packet with an ICMP error from its subnet's router.
func (x *extras) icmp(h *Host, now time.Duration, to *cellstate.Instance, p *wire.Packet, v *packet.View, typ, code uint8, info uint32) {
	if b := x.answerRoom(now, icmpErrorLen); b != nil {
		x.add(h, to, b[:packet.BuildICMPError(b, typ, code, info, to.Subnet.Router, &p.Packet, v)])
	}
}

// cut gives p to an instance in fragments that fit its MTU.
func (x *extras) cut(h *Host, to *cellstate.Instance, p *wire.Packet, v *packet.View) drop.Reason {
	f := &h.fragments
	if r := f.Plan(&p.Packet, v, to.MTU); r != drop.None {
		return r
	}
	return x.addPieces(h, to, f)
}

// cutter is packet.Fragments or packet.Fragments6, planned.
type cutter interface {
	N() int
	Piece(i int, dst []byte) int
}

// addPieces gives an instance a packet's fragments, of at most its MTU each.
func (x *extras) addPieces(h *Host, to *cellstate.Instance, f cutter) drop.Reason {
	if len(x.made)+f.N() > extrasMax || x.room(f.N()*to.MTU) == nil {
		return drop.FragmentMemory
	}
	for i := range f.N() {
		b := x.room(to.MTU)
		x.add(h, to, b[:f.Piece(i, b)])
	}
	h.Traffic.Consumed++
	return drop.None
}

// answerAsRouter answers what is addressed to the subnet's router: an echo
// request by its reply, as AWS's VPC router does not but people expect;
// anything else has no one to receive it.
func (h *Host) answerAsRouter(now time.Duration, from *cellstate.Instance, p *wire.Packet, v *packet.View) (Verdict, drop.Reason) {
	if v.Kind == packet.KindFragment {
		if whole, r := h.reassemble(now, from.VPC, p, v); !whole {
			return nowhere, r
		}
	}
	if v.Kind != packet.KindEcho || packet.ICMP(v.L4).Type() != packet.ICMPEchoRequest {
		return nowhere, drop.NoInstance
	}
	b := h.extras.answerRoom(now, len(p.Data))
	if b == nil {
		return nowhere, drop.AnswerBudget
	}
	n := packet.BuildEchoReply(b, &p.Packet, v)
	if n == 0 {
		return nowhere, drop.NoInstance // damaged on its way, so it is for nobody (RFC 1122, section 3.2.2.6)
	}
	reply := wire.Packet{Packet: packet.Packet{Data: b[:n]}}
	h.Traffic.Consumed++
	if n <= from.MTU {
		h.extras.add(h, from, b[:n])
		return nowhere, drop.None
	}
	// The request came in fragments, so its reply leaves in fragments.
	h.extras.used += n
	h.Traffic.Generated++
	if r := v.Decode(&reply.Packet); r != drop.None {
		return nowhere, r
	}
	return nowhere, h.extras.cut(h, from, &reply, v)
}

// icmp6 answers an instance's packet, the one in hand, with an ICMPv6 error from its
// subnet's router.
func (x *extras) icmp6(h *Host, now time.Duration, to *cellstate.Instance, p *wire.Packet, typ, code uint8, info uint32) {
	if b := x.answerRoom(now, packet.IPv6MTUMin); b != nil {
		x.add(h, to, b[:packet.BuildICMPv6Error(b, typ, code, info, to.Subnet.Router6, &p.Packet, &h.six)])
	}
}

// icmp6Out answers a packet from the internet for an instance, the one in hand, with an
// ICMPv6 error from the router of the instance's subnet, by way of an edge.
func (x *extras) icmp6Out(h *Host, now time.Duration, to *cellstate.Instance, p *wire.Packet, typ, code uint8, info uint32) {
	edge := h.state.Edge(spread(&h.six.Tuple))
	b := x.answerRoom(now, packet.IPv6MTUMin)
	if edge == nil || b == nil {
		return
	}
	n := packet.BuildICMPv6Error(b, typ, code, info, to.Subnet.Router6, &p.Packet, &h.six)
	if n == 0 {
		return
	}
	x.used += n
	x.made = append(x.made, Extra{Packet: wire.Packet{
		Packet: packet.Packet{Data: b[:n]}, Peer: edge.Addr, Tunnel: packet.Tunnel{VNI: to.VPC.VNI, Hops: hopBudget},
	}})
	h.Traffic.Generated++
	h.Traffic.Queue(telemetry.Wire, n)
}

// cut6 gives p, the packet in hand, to an instance in fragments that fit its MTU.
func (x *extras) cut6(h *Host, to *cellstate.Instance, p *wire.Packet) drop.Reason {
	h.fragmentID++
	f := &h.fragments6
	if r := f.Plan(&p.Packet, &h.six, to.MTU, h.fragmentID); r != drop.None {
		return r
	}
	return x.addPieces(h, to, f)
}

// answerAsRouter6 is answerAsRouter for IPv6.
func (h *Host) answerAsRouter6(now time.Duration, from *cellstate.Instance, p *wire.Packet) (Verdict, drop.Reason) {
	if h.six.Kind == packet.KindFragment {
		if whole, r := h.reassemble6(now, from.VPC, p); !whole {
			return nowhere, r
		}
	}
	if h.six.Kind != packet.KindEcho || packet.ICMPv6(h.six.L4).Type() != packet.ICMPv6EchoRequest {
		return nowhere, drop.NoInstance
	}
	b := h.extras.answerRoom(now, len(p.Data))
	if b == nil {
		return nowhere, drop.AnswerBudget
	}
	n := packet.BuildEchoReply6(b, &p.Packet, &h.six)
	if n == 0 {
		return nowhere, drop.NoInstance
	}
	h.Traffic.Consumed++
	if n <= from.MTU {
		h.extras.add(h, from, b[:n])
		return nowhere, drop.None
	}
	// The request came in fragments, so its reply leaves in fragments.
	h.extras.used += n
	h.Traffic.Generated++
	reply := wire.Packet{Packet: packet.Packet{Data: b[:n]}}
	if r := h.six.Decode(&reply.Packet); r != drop.None {
		return nowhere, r
	}
	return nowhere, h.extras.cut6(h, from, &reply)
}
