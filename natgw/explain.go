package natgw

import (
	"fmt"
	"net/netip"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtrack"
	"hyperplane/packet"
	"hyperplane/shard"
)

// Query asks about one flow as its instance sends it: from an IPv6 address to one under
// the VPC's NAT64 prefix, or both IPv4.
type Query struct {
	VPC      string // name
	Protocol uint8
	Inside   netip.AddrPort // port: the echo identifier for ICMP
	Remote   netip.AddrPort // port 0 for ICMP
}

// Explanation answers a Query from what this node knows. Durations are in
// milliseconds.
type Explanation struct {
	Flow     string   `json:"flow"`
	VPC      string   `json:"vpc"`
	Instance string   `json:"instance,omitempty"`
	Host     string   `json:"host,omitempty"`
	Route    string   `json:"route"` // local, nat, blackhole, none
	Gateway  string   `json:"gateway,omitempty"`
	Slot     uint32   `json:"slot"`
	Slots    uint32   `json:"slots"`
	Owner    string   `json:"owner,omitempty"`   // the node that decides about the flow's slot
	Holders  []string `json:"holders,omitempty"` // the nodes that hold its flows, the owner first
	Node     string   `json:"node"`              // the node that answers
	Edge     string   `json:"edge,omitempty"`

	Tracked   bool   `json:"tracked"`        // the Flow Master has a record
	Role      string `json:"role,omitempty"` // of the node that answers: owner or holder
	Cached    bool   `json:"cached"`         // the Top has an entry
	Public    string `json:"public,omitempty"`
	State     string `json:"state,omitempty"`
	AgeMS     int64  `json:"age_ms,omitempty"`
	IdleMS    int64  `json:"idle_ms,omitempty"`
	ExpiresMS int64  `json:"expires_ms,omitempty"`

	PacketsOut uint64 `json:"packets_out"`
	BytesOut   uint64 `json:"bytes_out"`
	PacketsIn  uint64 `json:"packets_in"`
	BytesIn    uint64 `json:"bytes_in"`

	LastDrop *LastDrop `json:"last_drop,omitempty"`
}

// LastDrop is the newest dropped packet of a flow that a node remembers.
type LastDrop struct {
	Reason  string `json:"reason"`
	Meaning string `json:"meaning"`
	AgoMS   int64  `json:"ago_ms"`
}

// Explain says where a flow goes, who decides about it, what was decided and
// what last went wrong with it.
func (n *Node) Explain(now time.Duration, q Query) (Explanation, error) {
	var vpc *cellstate.VPC
	for _, v := range n.state.VPCs {
		if v.Name == q.VPC {
			vpc = v
		}
	}
	if vpc == nil {
		return Explanation{}, fmt.Errorf("no VPC is called %q in state version %d", q.VPC, n.state.Version)
	}
	in, target, remote, err := n.explainRoute(vpc, q)
	if err != nil {
		return Explanation{}, err
	}
	tuple := packet.MakeTuple(vpc.VNI, q.Protocol, in.Addr, q.Inside.Port(), remote, q.Remote.Port())
	x := Explanation{Flow: tuple.String(), VPC: vpc.Name, Node: n.name, Slots: shard.Slots, Route: target.Kind.String()}
	if in.Of != nil {
		x.Flow = fmt.Sprintf("%s %v > %v vni %d by NAT64, which for nodes is %v", protocolNames[q.Protocol], q.Inside, q.Remote, vpc.VNI, tuple)
	}
	x.Instance, x.Host = in.Name, in.Host.Name
	if target.Kind == cellstate.RouteNAT {
		gw := target.Gateway
		x.Gateway = gw.Name
		x.Slot = (&chain.Message{Service: gw.Service, Flow: tuple, Independent: gw.Independent(tuple)}).Slot()
		for _, a := range n.master.Holders(x.Slot) {
			if _, p := n.state.Peer(a); p != nil {
				x.Holders = append(x.Holders, p.Name)
			}
		}
		if len(x.Holders) > 0 {
			x.Owner = x.Holders[0]
		}
	}
	n.explainFlow(now, tuple, &x)
	n.explainDrop(now, tuple, &x)
	return x, nil
}

// explainRoute finds the instance that a query is about, as nodes know it, the address
// that it speaks to, and where its subnet routes that.
func (n *Node) explainRoute(vpc *cellstate.VPC, q Query) (in *cellstate.Instance, target cellstate.Target, remote packet.Addr4, err error) {
	inside, ok1 := packet.AddrFrom(q.Inside.Addr())
	remote, ok2 := packet.AddrFrom(q.Remote.Addr())
	if ok1 && ok2 {
		if in = vpc.Instance(inside); in == nil || in.Of != nil {
			return nil, target, 0, fmt.Errorf("VPC %s has no instance with address %v", vpc.Name, inside)
		}
		return in, in.Subnet.Route(remote), remote, nil
	}
	inside6, ok1 := packet.Addr6From(q.Inside.Addr())
	remote6, ok2 := packet.Addr6From(q.Remote.Addr())
	if !ok1 || !ok2 {
		return nil, target, 0, fmt.Errorf("addresses must be both IPv4 or both IPv6")
	}
	of := n.state.Instance6(inside6)
	if of == nil || of.VPC != vpc {
		return nil, target, 0, fmt.Errorf("VPC %s has no instance with address %v", vpc.Name, q.Inside.Addr())
	}
	if remote, ok1 = vpc.NAT64.Extract(remote6); !ok1 {
		return nil, target, 0, fmt.Errorf("%v is not under %v, the NAT64 prefix of VPC %s; of other IPv6 flows nodes know nothing: they pass by the instance's host (%s) and an edge", q.Remote.Addr(), vpc.NAT64.Netip(), vpc.Name, of.Host.Name)
	}
	return of.NAT64, of.Subnet.Route6(remote6), remote, nil
}

func (n *Node) explainFlow(now time.Duration, tuple packet.Tuple, x *Explanation) {
	if f, ok := n.master.Lookup(tuple); ok {
		x.Tracked = true
		x.Public = netip.AddrPortFrom(f.Public.Netip(), f.PublicPort).String()
		x.State = f.State.String()
		x.Role = "holder"
		if f.Owned {
			x.Role = "owner"
		}
		x.AgeMS = (now - f.Opened).Milliseconds()
		x.IdleMS = (now - f.LastSeen).Milliseconds()
		x.ExpiresMS = (f.Deadline - now).Milliseconds()
	}
	if e := n.cache.get(tuple); e != nil {
		x.Cached = true
		x.IdleMS = (now - e.seen).Milliseconds()
		x.PacketsOut, x.BytesOut, x.PacketsIn, x.BytesIn = e.packetsOut, e.bytesOut, e.packetsIn, e.bytesIn
		if _, p := n.state.Peer(e.edge); p != nil {
			x.Edge = p.Name
		}
	}
}

// explainDrop finds the newest drop of the flow's packets, from inside or, if
// the flow has a public side, of its replies.
func (n *Node) explainDrop(now time.Duration, tuple packet.Tuple, x *Explanation) {
	d, ok := n.drops.last(tuple)
	if e := n.cache.get(tuple); e != nil {
		if r, found := n.drops.last(e.outside()); found && (!ok || r.at > d.at) {
			d, ok = r, true
		}
	}
	if ok {
		x.LastDrop = &LastDrop{Reason: d.reason.String(), Meaning: d.reason.Meaning(), AgoMS: (now - d.at).Milliseconds()}
	}
}

// FlowLine is one flow in the list of flows.
type FlowLine struct {
	Service    string `json:"service"`
	VPC        string `json:"vpc"`
	Protocol   string `json:"protocol"`
	Inside     string `json:"inside"`
	Public     string `json:"public"`
	Remote     string `json:"remote"`
	State      string `json:"state"`
	IdleMS     int64  `json:"idle_ms"`
	PacketsOut uint64 `json:"packets_out"`
	BytesOut   uint64 `json:"bytes_out"`
	PacketsIn  uint64 `json:"packets_in"`
	BytesIn    uint64 `json:"bytes_in"`
	Node       string `json:"node"`
	Edge       string `json:"edge"`
}

// Flows lists at most limit of the flows that this node decides about.
func (n *Node) Flows(now time.Duration, limit int) []FlowLine {
	lines := make([]FlowLine, 0, min(limit, n.master.Len()))
	n.master.Each(func(f flowtrack.Flow) bool {
		if len(lines) == limit {
			return false
		}
		if !f.Owned || f.Memory || f.State == flowtrack.Resting {
			return true
		}
		lines = append(lines, n.flowLine(now, f))
		return true
	})
	return lines
}

func (n *Node) flowLine(now time.Duration, f flowtrack.Flow) FlowLine {
	end := func(a packet.Addr4, port uint16) string { return netip.AddrPortFrom(a.Netip(), port).String() }
	l := FlowLine{
		Protocol: protocolNames[f.Inside.Proto()],
		Inside:   end(f.Inside.Src, f.Inside.SrcPort), Remote: end(f.Inside.Dst, f.Inside.DstPort),
		Public: end(f.Public, f.PublicPort), State: f.State.String(),
		IdleMS: (now - f.LastSeen).Milliseconds(), Node: n.name,
	}
	if gw := n.state.Gateway(f.Service); gw != nil {
		l.Service, l.VPC = gw.Name, gw.VPC.Name
		if in := gw.VPC.Instance(f.Inside.Src); in != nil && in.Of != nil {
			l.Inside = netip.AddrPortFrom(in.Of.Addr6.Netip(), f.Inside.SrcPort).String() // by NAT64
		}
	}
	if e := n.cache.get(f.Inside); e != nil {
		l.IdleMS = (now - e.seen).Milliseconds()
		l.PacketsOut, l.BytesOut, l.PacketsIn, l.BytesIn = e.packetsOut, e.bytesOut, e.packetsIn, e.bytesIn
		if _, p := n.state.Peer(e.edge); p != nil {
			l.Edge = p.Name
		}
	}
	return l
}
