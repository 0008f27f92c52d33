package natgw

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// answers holds the packets a node makes in one turn, and how many more it may.
type answers struct {
	packets []wire.Packet
	arena   []byte
	given   int // of packets, to the shell

	// The internet's packets must not use up what instances are answered from.
	inside, outside budget
	Suppressed      uint64 // answers not made, for lack of tokens or room
}

// budget is a token bucket.
type budget struct {
	tokens   int
	refilled time.Duration
}

// refill adds what has become due, and reports whether there is a token.
func (b *budget) refill(now time.Duration) bool {
	if fresh := int((now - b.refilled) * answersPerSecond / time.Second); fresh > 0 {
		b.tokens = min(answersBurst, b.tokens+fresh)
		b.refilled = now
	}
	return b.tokens > 0
}

func newAnswers() answers {
	return answers{
		packets: make([]wire.Packet, 0, answersPerTurnMax),
		arena:   make([]byte, answersPerTurnMax*answerLen),
		inside:  budget{tokens: answersBurst},
		outside: budget{tokens: answersBurst},
	}
}

// take returns what was made since the last call, valid until reset.
func (a *answers) take() []wire.Packet {
	fresh := a.packets[a.given:]
	a.given = len(a.packets)
	return fresh
}

// reset ends the turn.
func (a *answers) reset() { a.packets, a.given = a.packets[:0], 0 }

// budgetOf is the one that an answer to p is taken from.
func (a *answers) budgetOf(p *wire.Packet) *budget {
	if p.Tunnel.VNI == 0 {
		return &a.outside
	}
	return &a.inside
}

// room returns space for one answer to p, or nil.
func (a *answers) room(now time.Duration, p *wire.Packet) []byte {
	if !a.budgetOf(p).refill(now) || len(a.packets) == answersPerTurnMax {
		a.Suppressed++
		return nil
	}
	i := len(a.packets) * answerLen
	return a.arena[i : i+answerLen : i+answerLen]
}

// answer sends the n bytes built in room back to where p came from.
func (n *Node) answer(p *wire.Packet, b []byte) {
	if len(b) == 0 {
		return // nothing may be answered, such as an error about an error
	}
	a := &n.answers
	a.budgetOf(p).tokens--
	a.packets = append(a.packets, wire.Packet{
		Packet: packet.Packet{Data: b},
		Tunnel: packet.Tunnel{VNI: p.Tunnel.VNI, Service: p.Tunnel.Service, Hops: hopBudget},
		Peer:   p.Peer,
	})
	n.Traffic.Generated++
	n.Traffic.Queue(telemetry.Wire, len(b))
}

// answerError makes an ICMP error about p, from src.
func (n *Node) answerError(now time.Duration, p *wire.Packet, v *packet.View, typ, code uint8, info uint32, src packet.Addr4) {
	if b := n.answers.room(now, p); b != nil {
		n.answer(p, b[:packet.BuildICMPError(b, typ, code, info, src, &p.Packet, v)])
	}
}

// answerRefusal tells an instance that its packet opens no flow: by RST where
// a TCP connection is not known (as AWS's NAT gateway does), by ICMP
// "communication administratively prohibited" where there is no room for it
// (RFC 5508, REQ-8).
func (n *Node) answerRefusal(now time.Duration, p *wire.Packet, v *packet.View, r drop.Reason, gw *cellstate.NATGateway) {
	switch r {
	case drop.PortsExhausted, drop.FlowTableFull, drop.InstanceLimit:
		n.answerError(now, p, v, packet.ICMPUnreachable, packet.ICMPCodeAdminProhibited, 0, gw.Private)
	case drop.NoFlow:
		if v.Kind == packet.KindTCP {
			if b := n.answers.room(now, p); b != nil {
				n.answer(p, b[:packet.BuildRST(b, &p.Packet, v)])
			}
		}
	}
}
