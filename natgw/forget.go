package natgw

import (
	"time"

	"hyperplane/chain"
	"hyperplane/flowtrack"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// forget drops the entry that m names, if it still holds m's decision.
func (n *Node) forget(now time.Duration, m *chain.Message) {
	e := n.cache.named(m)
	if e == nil {
		return
	}
	if n.abandons(e, m) {
		n.reset(now, e)
	}
	n.cache.remove(m.Flow)
}

// abandons reports whether a connection ended although neither end has closed it: it was
// silent for too long, or lost its public address.
func (n *Node) abandons(e *entry, m *chain.Message) bool {
	gw := n.state.Gateway(e.service)
	return gw != nil && gw.ResetOnExpiry && e.inside.Proto() == packet.ProtoTCP &&
		flowtrack.State(m.State&0x0f) == flowtrack.Resting && flowtrack.State(e.state&0x0f) == flowtrack.Established
}

// reset tells both ends of a connection that it is gone. An RST counts where its number is
// the very next that its receiver expects (RFC 5961, section 3.2), which is what that end
// acknowledged last. Who has acknowledged nothing by way of this Top is told nothing.
func (n *Node) reset(now time.Duration, e *entry) {
	if n.resolve(e) != drop.None {
		return
	}
	in := e.inside
	if e.traits&acksOut != 0 {
		n.sendReset(now, e, in.VNI(), e.host, in.Dst, in.DstPort, in.Src, in.SrcPort, e.ackOut)
	}
	if e.traits&acksIn != 0 {
		n.sendReset(now, e, 0, e.edge, e.public, e.publicPort, in.Dst, in.DstPort, e.ackIn)
	}
}

func (n *Node) sendReset(now time.Duration, e *entry, vni uint32, peer, src packet.Addr4, sport uint16, dst packet.Addr4, dport uint16, seq uint32) {
	p := wire.Packet{Tunnel: packet.Tunnel{VNI: vni, Service: e.service}, Peer: peer}
	if b := n.answers.room(now, &p); b != nil {
		n.answer(&p, b[:packet.BuildReset(b, src, sport, dst, dport, seq)])
	}
}
