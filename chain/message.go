package chain

import (
	"time"
	"unsafe"

	"hyperplane/packet"
	"hyperplane/shard"
	"hyperplane/telemetry/drop"
)

// Kind says what a message asks or answers. The zero value is no message.
type Kind uint8

// The kinds, with who sends them to whom. The numbers are on the wire.
const (
	// Miss, Top → Flow Master: a packet matched no entry. Answered by exactly
	// one Entry or Refused, or by nothing.
	Miss Kind = iota + 1
	// Choose, Flow Master → Decider: a new flow needs a public address and a port
	// of this Class, to be held under this Lease; or the very ones that it names,
	// which rest for this flow. Answered by exactly one Chosen or Refused.
	Choose
	// Chosen, Decider → Flow Master: the decision.
	Chosen
	// Refused, Decider → Flow Master → Top: no flow, and Reason says why.
	Refused
	// Entry, Flow Master → Top: rewrite packets of this flow so, from now on. It
	// comes from the last Flow Master that holds the flow, never before that one
	// holds it.
	Entry
	// Copy, Flow Master → Flow Master: hold this record too. With Packet set it
	// orders the last copy of a new decision, which answers the Top and tells the
	// owner by Done; without, it repeats what the owner has, or says that the flow
	// has ended and its port rests (State). Quoted then says that not every holder
	// has it yet: only who owns the slot may answer by it.
	Copy
	// Done, last Flow Master → owner: every copy is held, the Top has its answer.
	Done
	// End, Flow Master → Decider: this port is taken yet, but its flow has ended.
	End
	// Ack, Flow Master → owner: the batches of this stream arrived, up to and
	// with the one whose number is in Lease.
	Ack
	// Seen, Top → Flow Master: the flow had packets since the last report, the
	// last of them Age milliseconds ago. The Top sends back the decision of its
	// entry too; one that is current is answered by Confirm, any other by Forget.
	// A Top that meets a SYN from inside on an entry it holds reports first what
	// it saw before, then asks again (Miss): the flags of two connections on one
	// tuple must not be mixed in one report.
	Seen
	// Confirm, Flow Master → Top: the entry still holds the current decision; its
	// lease starts again at At, the moment of the Seen that this answers, and whose
	// flags it repeats: these need not be said again. At 0 renews nothing.
	Confirm
	// Forget, Flow Master → Top: drop the entry, if it still holds this decision.
	Forget
	// Release, Flow Master → Decider: the port is free again, its rest is over.
	Release
	// Lease, Flow Master → Decider: this port is taken, whatever you know of it.
	Lease
)

// travels reports whether messages of a kind always travel with the packet that they
// are about: alone they would be questions or answers about nothing.
func (k Kind) travels() bool {
	switch k {
	case Miss, Choose, Chosen, Refused, Entry:
		return true
	}
	return false
}

// kindMax is the last kind.
const kindMax = Lease

// Message is one message of the chain. What it looks like in memory:
//
//	    0    1    2    3    4    5    6    7    8
//	 0 │Kind│In. │Quo.│Pkt.│Out │In  │Rsn │Stat│
//	 8 │PublPort │Clss│Ind.│      Service      │
//	16 │                 Flow                  │
//	24 │                                       │
//	32 │      Public       │        Top        │
//	40 │                  At                   │
//	48 │                 Lease                 │
//	56 │                  View                 │
//	64 │        Age        │        To         │
//	72 │       From        │                   │
//
// Service, Flow, Top, At, Inbound, Independent and the flags travel unchanged from the Miss
// to its answer; Public and PublicPort exist from Chosen on, Lease and Class
// from Choose on. What makes each kind safe to arrive late or twice: every
// message carries the View under which it was sent, and one of another view is
// refused; Miss and Choose carry nothing but the question; Chosen echoes the
// Lease of its Choose, which the Flow Master gave to that question alone;
// Release, End and Done carry the Lease that they speak of, which is never used
// twice; Copy carries the whole record, so that holding it again changes
// nothing; Entry and Confirm echo At, so that an entry never outlives
// EntryLease counted from the Top's own question; Forget carries the decision
// that it ends.
type Message struct {
	Kind Kind
	// Inbound: the packet that missed came from the internet.
	Inbound bool
	// Quoted: the packet is an ICMP error and Flow was read from the packet it
	// quotes. It neither opens nor refreshes a flow (RFC 5508, REQ-6).
	Quoted bool
	// Packet: a packet travels with this message.
	Packet bool
	// FlagsOut and FlagsIn are TCP flags of packets from inside and from the
	// internet. Miss: the packet's, in the field of its direction. Seen: all
	// flags seen since the last report, ORed.
	FlagsOut, FlagsIn uint8
	// Reason is set in Refused only.
	Reason drop.Reason
	// State, Copy only: the flow's state in the low nibble, the directions that
	// sent a FIN in the high one.
	State uint8
	// PublicPort is the decision's port, or echo identifier.
	PublicPort uint16
	// Class, Choose only: 0 asks for a port that anyone with a quorum may give,
	// 1+seat for one that only the Flow Master of this seat gives. Never above
	// ClassMax.
	Class uint8
	// Independent: the flow's port is that of its inside endpoint towards every remote
	// end (endpoint-independent mapping, RFC 4787, section 4.1). It decides which slot
	// the flow is in, so every message about it says so.
	Independent bool
	// Service is the gateway's id.
	Service uint32
	// Flow is the flow as the instance sends it: VNI and protocol, inside
	// address and port → remote address and port. In an inbound Miss, and in a
	// Refused that answers one, it is the packet's own tuple: VNI 0, remote →
	// public.
	Flow packet.Tuple
	// Public is the decision's address.
	Public packet.Addr4
	// Top is the node that asked and gets the answer, from Miss to Entry.
	Top packet.Addr4
	// At is the Top's monotonic clock when it asked or reported. Only that Top
	// may compare it with anything; the others echo it.
	At time.Duration
	// Lease names this one decision among all of the cell. Zero is none.
	Lease uint64
	// View is the ballot of the view under which the message was sent.
	View uint64
	// Age is in milliseconds, because no two nodes' clocks agree. Seen and Copy:
	// how long ago the flow last had a packet, or if it has ended, how long its
	// port rests yet.
	Age uint32
	// To and From are the nodes that it goes to and came from. They are not on the
	// wire: the datagram's own addresses are authoritative.
	To, From packet.Addr4
}

// A message is copied at every hop; it must stay small and without pointers.
var _ [80]byte = [unsafe.Sizeof(Message{})]byte{}

// Outside returns the flow as the internet sees it: VNI 0, public address and
// port → remote. An echo request keeps the form of package packet: the public
// identifier as source port, destination port 0.
func (m *Message) Outside() packet.Tuple {
	return Outside(m.Flow, m.Public, m.PublicPort)
}

// Outside returns what flow, as the instance sends it, looks like on the
// internet when it holds this public address and port.
func Outside(flow packet.Tuple, public packet.Addr4, port uint16) packet.Tuple {
	flow = flow.WithVNI(0)
	flow.Src, flow.SrcPort = public, port
	return flow
}

// Slot is the slot of the flow that the message is about, in whichever direction it names
// it. That of an Independent one is found by its inside endpoint, or by its public port.
func (m *Message) Slot() uint32 {
	flow := m.Flow
	if reversed := m.Inbound && m.Kind == Miss; reversed {
		flow = flow.Reverse()
		if m.Independent {
			return shard.EndpointSlot(m.Service, flow.Proto(), PortEndpointClass(flow.SrcPort))
		}
	}
	if m.Independent {
		return shard.EndpointSlot(m.Service, flow.Proto(), EndpointClass(flow))
	}
	return shard.Slot(m.Service, flow.Proto(), flow.Dst, flow.DstPort)
}

// Held is what a decision's lease is held for: the outside tuple, or for an Independent
// flow its public address and port towards everybody.
func (m *Message) Held() packet.Tuple {
	if m.Independent {
		return m.Outside().Sender()
	}
	return m.Outside()
}

// ForDecider reports whether the Flow Master sends this kind to the Decider.
func (k Kind) ForDecider() bool { return k == Choose || k == Release || k == Lease }
