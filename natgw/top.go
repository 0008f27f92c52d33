package natgw

import (
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

// Step is the Top's packet path:
//
//  1. peer: who sent it, and may they send this
//  2. decode: what the bytes are
//  3. gateway: whose it is, and is it ours to serve
//  4. reassemble: fragments from the internet
//  5. look up: the entry of the flow; without one that is valid the packet goes
//     down the chain, and comes back with one (see carry and resume)
//  6. check size and TTL against the far side
//  7. rewrite: addresses, ports, checksums, TTL, MSS
//  8. address it to the edge or the instance's host
//
// It returns true when p, rewritten in place, is to be sent to p.Peer; v then
// describes p. Otherwise the packet was dropped, counted and perhaps answered
// (see Answers), or is a fragment that waits for the rest.
func (n *Node) Step(now time.Duration, p *wire.Packet, v *packet.View) bool {
	n.Traffic.Receive(telemetry.Wire, len(p.Data))
	if now-n.followed > pauseMin {
		n.member.Tick(now) // this process stood still: what it may do has to be judged anew first
		n.follow(now)
	}
	var ok bool
	var reason drop.Reason
	switch {
	case p.Tunnel.Control():
		ok, reason = n.control(now, p)
		if reason == drop.None {
			n.Signals.DatagramsReceived++
		}
		if ok { // the answer to a probe
			n.Signals.DatagramsSent++
		} else if reason == drop.None {
			n.Traffic.Consumed++
		}
	default:
		ok, reason = n.forward(now, p, v)
		n.settle(now) // only now: an answer to a report may remove the entry that was in use
	}
	switch {
	case ok:
		n.Traffic.Queue(telemetry.Wire, len(p.Data))
	case reason != drop.None:
		n.Traffic.Dropped[reason]++
		n.drops.add(now, v.Tuple.WithVNI(p.Tunnel.VNI), p.Tunnel.Service, reason)
	}
	return ok
}

func (n *Node) forward(now time.Duration, p *wire.Packet, v *packet.View) (bool, drop.Reason) {
	v.Tuple = packet.Tuple{}
	kind, peer := n.state.Peer(p.Peer)
	inbound := kind == cellstate.PeerEdge
	switch {
	case kind == cellstate.PeerUnknown:
		return false, drop.UnknownPeer
	case (kind == cellstate.PeerNode) != (p.Tunnel.Stage == packet.StageChain):
		return false, drop.WrongTenant // only nodes send along the chain, and nothing else
	case p.Tunnel.Hops == 0:
		return false, drop.HopBudget
	}
	p.Tunnel.Hops--
	if kind == cellstate.PeerNode {
		return n.alongChain(now, p, v)
	}
	if inbound != (p.Tunnel.VNI == 0) {
		// Hosts speak for VPCs, edges for the internet; nobody for both.
		return false, drop.WrongTenant
	}
	if r := v.Decode(&p.Packet); r != drop.None {
		return false, r
	}
	gw := n.state.Gateway(p.Tunnel.Service)
	switch {
	case gw == nil:
		return false, drop.UnknownService
	case !n.roles.Has(cellstate.RoleTop):
		return false, drop.WrongNode
	case inbound:
		return n.fromInternet(now, p, v, gw)
	case p.Tunnel.VNI != gw.VPC.VNI:
		return false, drop.WrongTenant
	}
	// A host speaks only for the instances that it holds: one that is not
	// itself must not use up another's ports.
	if in := gw.VPC.Instance(v.IP.Src()); in == nil || in.Host.Addr != peer.Addr {
		return false, drop.SpoofedSource
	}
	return n.fromInstance(now, p, v, gw)
}

func (n *Node) fromInstance(now time.Duration, p *wire.Packet, v *packet.View, gw *cellstate.NATGateway) (bool, drop.Reason) {
	if v.Kind == packet.KindFragment {
		return false, drop.FragmentUnexpected // Nitro reassembles them
	}
	if v.IP.TTL() <= 1 {
		n.answerError(now, p, v, packet.ICMPTimeExceeded, packet.ICMPCodeTTLExceeded, 0, gw.Private)
		return false, drop.TTLExpired
	}
	if mtu := n.state.InternetMTU; tooBig(p, v, mtu) && (v.IP.DontFragment() || p.Offload.GSO != packet.GSONone) {
		n.answerError(now, p, v, packet.ICMPUnreachable, packet.ICMPCodeFragNeeded, uint32(mtu), gw.Private)
		return false, drop.TooBig
	}
	tuple := v.Tuple.WithVNI(gw.VPC.VNI)
	e := n.cache.get(tuple)
	if e != nil && v.TCPFlags&(packet.TCPSyn|packet.TCPAck) == packet.TCPSyn {
		// Perhaps a new connection on an old tuple: its flags must not be mixed
		// with those of the one before, so report these and ask again.
		n.reportEntry(now, e)
		e.sentOut, e.sentIn = 0, 0 // nor said again, if this report is lost
		n.settle(now)
		e = nil
	}
	if e == nil || now >= e.until {
		return n.miss(now, p, v, gw, chain.Message{
			Kind: chain.Miss, Service: gw.Service, Flow: tuple, Independent: gw.Independent(tuple),
			FlagsOut: v.TCPFlags, Quoted: v.Kind == packet.KindICMPError,
		})
	}
	return n.out(now, p, v, gw, e)
}

// out translates a packet of a known flow and sends it to the internet.
func (n *Node) out(now time.Duration, p *wire.Packet, v *packet.View, gw *cellstate.NATGateway, e *entry) (bool, drop.Reason) {
	if e.service != gw.Service {
		// The VPC has several gateways and its route table moved this flow to
		// another: the flow that exists belongs to the first.
		n.answerRefusal(now, p, v, drop.NoFlow, gw)
		return false, drop.NoFlow
	}
	if r := n.resolve(e); r != drop.None {
		return false, r
	}
	out := packet.Rewrite{Src: e.public, Dst: e.inside.Dst, SrcPort: e.publicPort, DstPort: e.inside.DstPort}
	if v.Kind == packet.KindICMPError {
		v.RewriteICMPError(&p.Packet, packet.Rewrite{Src: e.public, Dst: v.IP.Dst()}, out)
	} else {
		n.touch(now, e, v, false)
		v.ClampMSS(&p.Packet, n.mss(e))
		v.Rewrite(&p.Packet, out)
	}
	e.packetsOut++
	e.bytesOut += uint64(len(p.Data))
	v.DecrementTTL()
	p.Tunnel.VNI, p.Peer = 0, e.edge
	p.Tunnel.Stage, p.Tunnel.Chain = packet.StageData, nil
	return true, drop.None
}

func (n *Node) fromInternet(now time.Duration, p *wire.Packet, v *packet.View, gw *cellstate.NATGateway) (bool, drop.Reason) {
	public := v.IP.Dst()
	if n.state.GatewayByPublic(public) != gw {
		return false, drop.UnknownPublicAddress
	}
	if v.Kind == packet.KindFragment {
		whole, done, r := n.frags.Add(now, 0, &p.Packet)
		if !done {
			return false, r
		}
		n.Traffic.Generated++
		p.Packet, p.Room = packet.Packet{Data: whole}, nil
		if r := v.Decode(&p.Packet); r != drop.None {
			return false, r
		}
	}
	e := n.cache.get(v.Tuple)
	if e == nil || now >= e.until {
		return n.miss(now, p, v, gw, chain.Message{
			Kind: chain.Miss, Inbound: true, Service: gw.Service, Flow: v.Tuple, Independent: gw.IndependentReply(v.Tuple),
			FlagsIn: v.TCPFlags, Quoted: v.Kind == packet.KindICMPError,
		})
	}
	return n.in(now, p, v, e)
}

// in translates a packet of a known flow and sends it to the instance's host.
func (n *Node) in(now time.Duration, p *wire.Packet, v *packet.View, e *entry) (bool, drop.Reason) {
	public := v.IP.Dst()
	if r := n.resolve(e); r != drop.None {
		return false, r
	}
	// After the look-up: what belongs to no flow is never answered.
	if v.IP.TTL() <= 1 {
		n.answerError(now, p, v, packet.ICMPTimeExceeded, packet.ICMPCodeTTLExceeded, 0, public)
		return false, drop.TTLExpired
	}
	if mtu := int(e.mtuIn); tooBig(p, v, mtu) && (v.IP.DontFragment() || p.Offload.GSO != packet.GSONone) {
		n.answerError(now, p, v, packet.ICMPUnreachable, packet.ICMPCodeFragNeeded, uint32(mtu), public)
		return false, drop.TooBig
	}
	in := packet.Rewrite{Src: e.inside.Dst, Dst: e.inside.Src, SrcPort: e.inside.DstPort, DstPort: e.inside.SrcPort}
	if v.Kind == packet.KindICMPError {
		v.RewriteICMPError(&p.Packet, packet.Rewrite{Src: v.IP.Src(), Dst: e.inside.Src}, in)
	} else {
		n.touch(now, e, v, true)
		v.ClampMSS(&p.Packet, n.mss(e))
		v.Rewrite(&p.Packet, in)
	}
	e.packetsIn++
	e.bytesIn += uint64(len(p.Data))
	v.DecrementTTL()
	p.Tunnel.VNI, p.Peer = e.inside.VNI(), e.host
	p.Tunnel.Stage, p.Tunnel.Chain = packet.StageData, nil
	return true, drop.None
}

// miss sends a packet down the chain. A TCP packet that may open nothing and a
// flood are told apart here only by the budget: who owns the flow knows the rest.
func (n *Node) miss(now time.Duration, p *wire.Packet, v *packet.View, gw *cellstate.NATGateway, m chain.Message) (bool, drop.Reason) {
	n.Misses++
	if !n.budgets.allows(now, &m) {
		return false, drop.MissBudget
	}
	m.Packet, m.Top, m.At, m.From = true, n.self, now, n.self
	if m.To = n.flowMasterOf(m.Slot()); m.To == 0 {
		return false, drop.NoOwner
	}
	return n.carry(now, p, v, m)
}

// resume goes on with a packet that comes back from the chain, with an entry or
// with the reason why there is none.
func (n *Node) resume(now time.Duration, p *wire.Packet, v *packet.View, m *chain.Message) (bool, drop.Reason) {
	if p.Tunnel.Stage == packet.StageChain {
		if r := v.Decode(&p.Packet); r != drop.None {
			return false, r
		}
	}
	gw := n.state.Gateway(p.Tunnel.Service)
	if gw == nil {
		return false, drop.UnknownService
	}
	inbound := p.Tunnel.VNI == 0
	n.origin(p, v, gw, inbound)
	if m.Kind == chain.Refused {
		if !inbound {
			n.answerRefusal(now, p, v, m.Reason, gw)
		}
		return false, m.Reason
	}
	if m.Top != n.self || m.At > now {
		return false, drop.BadMessage
	}
	if now >= m.At+chain.EntryLease {
		return false, drop.StaleDecision
	}
	if n.master.Owns(m.Slot()) {
		done := *m
		done.Kind, done.Packet = chain.Done, false
		n.master.Step(now, done, nil)
	}
	n.member.Use()
	e := n.cache.install(now, m)
	switch {
	case e == nil:
		return false, drop.FlowTableFull
	case now >= e.until:
		return false, drop.StaleDecision
	case inbound:
		return n.in(now, p, v, e)
	}
	return n.out(now, p, v, gw, e)
}

// origin makes p's peer the one that it came from first, for answers to it.
func (n *Node) origin(p *wire.Packet, v *packet.View, gw *cellstate.NATGateway, inbound bool) {
	if p.Tunnel.Stage != packet.StageChain {
		return
	}
	p.Tunnel.Stage, p.Tunnel.Chain = packet.StageData, nil
	if inbound {
		a, b := v.Tuple.Words()
		if edge := n.state.Edge(a ^ b); edge != nil {
			p.Peer = edge.Addr
		}
	} else if in := gw.VPC.Instance(v.IP.Src()); in != nil {
		p.Peer = in.Host.Addr
	}
}

// resolve brings what an entry knows of peers up to the current state.
func (n *Node) resolve(e *entry) drop.Reason {
	if e.generation == n.generation {
		return drop.None
	}
	vpc := n.state.VPC(e.inside.VNI())
	if vpc == nil {
		return drop.UnknownVNI
	}
	instance := vpc.Instance(e.inside.Src)
	if instance == nil {
		return drop.NoInstance
	}
	a, b := e.inside.Words()
	edge := n.state.Edge(a ^ b*0x9e3779b97f4a7c15) // any odd constant: it only has to spread the flows
	if edge == nil {
		return drop.NoEdge
	}
	e.edge, e.host = edge.Addr, instance.Host.Addr
	e.mtuIn = uint16(min(instance.MTU, 65535))
	e.generation = n.generation
	return drop.None
}

// mss is the largest segment that fits both sides.
func (n *Node) mss(e *entry) uint16 {
	return uint16(min(int(e.mtuIn), n.state.InternetMTU) - packet.IPv4HeaderLen - packet.TCPHeaderLen)
}

// touch notes that the flow lives. Flags that change a TCP flow's state are
// told to the Flow Master when the packet is done with; activity is reported by the
// sweep.
func (n *Node) touch(now time.Duration, e *entry, v *packet.View, inbound bool) {
	if now != e.seen {
		e.seen, e.traits = now, e.traits|used
	}
	if v.Kind != packet.KindTCP {
		return
	}
	flags := v.TCPFlags
	switch tcp := packet.TCP(v.L4); {
	case inbound && flags&packet.TCPRst != 0 && !e.expects(tcp.Seq()):
		flags &^= packet.TCPRst // it reaches the instance, which judges it; the flow goes on
		e.flagsIn |= flags
	case inbound:
		e.flagsIn |= flags
		if flags&packet.TCPAck != 0 {
			e.ackIn, e.traits = tcp.Ack(), e.traits|acksIn
		}
	default:
		e.flagsOut |= flags
		if flags&packet.TCPAck != 0 {
			e.ackOut, e.traits = tcp.Ack(), e.traits|acksOut
		}
	}
	if flags&(packet.TCPSyn|packet.TCPFin|packet.TCPRst) != 0 {
		n.reportEntry(now, e)
	}
}

// expects reports whether a segment from the internet may be of what the instance has not
// acknowledged yet, as an RST has to be (RFC 5961, section 3.2): from 64 KB before the
// last acknowledgement that passed here up to 1 MB behind it. Where none has, all may.
func (e *entry) expects(seq uint32) bool {
	const before, behind = 64 << 10, 1 << 20
	return e.traits&acksOut == 0 || seq-e.ackOut+before <= before+behind
}

// tooBig reports whether p does not fit an MTU; of a superpacket, each segment has to.
func tooBig(p *wire.Packet, v *packet.View, mtu int) bool {
	if p.Offload.GSO != packet.GSONone {
		return v.HeadLen+int(p.Offload.GSOSize) > mtu
	}
	return len(p.Data) > mtu
}
