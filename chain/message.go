package chain

import (
	"time"
	"unsafe"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// ReportPeriod is how often a Top reports the flows that had packets (Seen).
// A Flow Master adds it to every timeout: what it has not heard of yet is at
// most this old, so no flow is forgotten while it is in use.
const ReportPeriod = time.Second

// Kind says what a message asks or answers. The zero value is no message.
type Kind uint8

// The kinds, with who sends them to whom.
const (
	// Miss, Top → Flow Master: a packet matched no entry. Answered by exactly
	// one Entry or Refused.
	Miss Kind = iota + 1
	// Choose, Flow Master → Decider: a new flow needs a public address and port.
	// Answered by exactly one Chosen or Refused.
	Choose
	// Chosen, Decider → Flow Master: the decision. The port is leased until a
	// Release with the same Lease.
	Chosen
	// Refused, Decider → Flow Master → Top: no flow, and Reason says why.
	Refused
	// Entry, Flow Master → Top: rewrite packets of this flow so, from now on.
	Entry
	// Seen, Top → Flow Master: the flow had packets since the last report. The
	// Top sends back the decision of its entry too; one that is not current is
	// answered by Forget. A Top that meets a SYN from inside on an entry it holds
	// reports first what it saw before, then asks again (Miss): the flags of two
	// connections on one tuple must not be mixed in one report.
	Seen
	// Forget, Flow Master → Top: drop the entry, if it still holds this decision.
	Forget
	// Release, Flow Master → Decider: the flow ended; its port rests, then is free.
	Release
)

// Message is one message of the chain.
//
//	    0    1    2    3    4    5    6    7    8
//	 0 │Kind│In. │Out │In  │Rsn │Quo.│PublPort │
//	 8 │                 Flow                  │
//	16 │                                       │
//	24 │      Service      │      Public       │
//	32 │                  At                   │
//	40 │                 Lease                 │
//
// Which fields a kind uses: Service, Flow, Inbound and the flags always travel
// from the Miss to its answer; Public, PublicPort and Lease exist from Chosen
// on. What makes each kind safe to arrive late or twice: Miss and Choose carry
// nothing but the question; Chosen echoes At, the time of its Choose, and is
// refused when it is old; Release carries Lease, which is never used twice;
// Seen carries At, and Forget carries the decision it ends.
type Message struct {
	Kind Kind
	// Inbound: the packet that missed came from the internet.
	Inbound bool
	// FlagsOut and FlagsIn are TCP flags of packets from inside and from the
	// internet. Miss: the packet's, in the field of its direction. Seen: all
	// flags seen since the last report, ORed.
	FlagsOut, FlagsIn uint8
	// Reason is set in Refused only.
	Reason drop.Reason
	// Quoted, Miss only: the packet is an ICMP error and Flow was read from the
	// packet it quotes. It neither opens nor refreshes a flow (RFC 5508, REQ-6).
	Quoted bool
	// PublicPort is the decision's port, or echo identifier.
	PublicPort uint16
	// Flow is the flow as the instance sends it: VNI and protocol, inside
	// address and port → remote address and port. In an inbound Miss, and in a
	// Refused that answers one, it is the packet's own tuple: VNI 0, remote →
	// public.
	Flow packet.Tuple
	// Service is the gateway's id.
	Service uint32
	// Public is the decision's address.
	Public packet.Addr4
	// At is the sender's monotonic time. Seen: when the flow last had a packet.
	// Choose and Chosen: when the Flow Master asked.
	At time.Duration
	// Lease names this one decision among all of its Decider's. Zero is none.
	Lease uint64
}

// A message is copied at every hop; it must stay small and without pointers.
var _ [48]byte = [unsafe.Sizeof(Message{})]byte{}

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

// ForDecider reports whether the Flow Master sends this kind to the Decider
// rather than to a Top.
func (k Kind) ForDecider() bool { return k == Choose || k == Release }
