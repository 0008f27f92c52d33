package sim

import (
	"testing"

	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// On the underlay, nobody speaks for another (I7, I10).
func TestForgedTunnels(t *testing.T) {
	w := newWorld(t)
	sent := w.out("green-1", UDP("10.0.1.10:4000", web+":53", nil))
	reply := UDP(web+":53", source(t, sent), nil)
	var (
		node  = w.State.Nodes[0].Addr
		other = w.State.Nodes[0].Addr
		edge  = w.State.Edges[0].Addr
		host1 = w.State.Hosts[0].Addr
		host2 = w.State.Hosts[1].Addr
		alien = packet.Addr4(0x01020304)
	)
	for _, n := range w.State.Nodes {
		if n.Addr != node {
			other = n.Addr
		}
	}
	query := UDP("10.0.1.10:4000", web+":53", nil)
	for name, c := range map[string]struct {
		from, to packet.Addr4
		tunnel   packet.Tunnel
		data     []byte
		want     drop.Reason
	}{
		"a stranger to a node":            {alien, node, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, query, drop.UnknownPeer},
		"a stranger to a host":            {alien, host1, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, reply, drop.UnknownPeer},
		"a stranger to an edge":           {alien, edge, packet.Tunnel{Service: 2, Hops: 4}, query, drop.UnknownPeer},
		"a host as the internet":          {host1, node, packet.Tunnel{Service: 2, Hops: 4}, reply, drop.WrongTenant},
		"an edge as a tenant":             {edge, node, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, query, drop.WrongTenant},
		"one VPC by another's gateway":    {host1, node, packet.Tunnel{VNI: 100, Service: 2, Hops: 4}, query, drop.WrongTenant},
		"a host for others, to a gateway": {host2, node, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, query, drop.SpoofedSource},
		"a host for nobody":               {host1, node, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, UDP("10.0.1.77:4000", web+":53", nil), drop.SpoofedSource},
		"a gateway that is not":           {host1, node, packet.Tunnel{VNI: 200, Service: 9, Hops: 4}, query, drop.UnknownService},
		"a host along the chain":          {host1, node, packet.Tunnel{VNI: 200, Service: 2, Hops: 4, Stage: packet.StageChain, Chain: new([packet.ChainLen]byte)}, query, drop.WrongTenant},
		"a node with an empty message":    {other, node, packet.Tunnel{VNI: 200, Service: 2, Hops: 4, Stage: packet.StageChain, Chain: new([packet.ChainLen]byte)}, query, drop.BadMessage},
		"a spent hop budget":              {host1, node, packet.Tunnel{VNI: 200, Service: 2}, query, drop.HopBudget},
		"another gateway's public":        {edge, node, packet.Tunnel{Service: 2, Hops: 4}, UDP(web+":53", blue+":4000", nil), drop.UnknownPublicAddress},
		"a host for others' instances":    {host2, host1, packet.Tunnel{VNI: 100, Hops: 4}, UDP("10.0.1.10:1", "10.0.1.10:2", nil), drop.SpoofedSource},
		"a host for the cell":             {host2, host1, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, reply, drop.SpoofedSource},
		"an edge to a host":               {edge, host1, packet.Tunnel{VNI: 200, Hops: 4}, reply, drop.WrongTenant},
		"a node across tenants":           {node, host1, packet.Tunnel{VNI: 100, Service: 2, Hops: 4}, reply, drop.WrongTenant},
		"a VPC that is not":               {node, host1, packet.Tunnel{VNI: 77, Service: 2, Hops: 4}, reply, drop.UnknownVNI},
		"an instance of another host":     {node, host2, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, UDP(web+":53", "10.0.1.10:4000", nil), drop.NoInstance},
		"a node as a tenant":              {other, node, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, query, drop.WrongTenant},
		"a source that is not public":     {node, edge, packet.Tunnel{Service: 2, Hops: 4}, query, drop.SpoofedSource},
		"another gateway's source":        {node, edge, packet.Tunnel{Service: 1, Hops: 4}, UDP(green+":9", web+":9", nil), drop.SpoofedSource},
		"a VNI towards the internet":      {node, edge, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, UDP(green+":9", web+":9", nil), drop.WrongTenant},
		"a fragment to a gateway":         {host1, node, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, Fragment(UDP("10.0.1.10:1", web+":53", Payload(64)), 0, 32), drop.FragmentUnexpected},
		"a truncated packet":              {host1, node, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, query[:19], drop.TooShort},
		"no packet at all":                {host1, node, packet.Tunnel{VNI: 200, Service: 2, Hops: 4}, nil, drop.TooShort},
		"a spent hop budget, to a host":   {node, host1, packet.Tunnel{VNI: 200, Service: 2}, reply, drop.HopBudget},
		"a spent hop budget, to an edge":  {node, edge, packet.Tunnel{Service: 2}, UDP(green+":9", web+":9", nil), drop.HopBudget},
		"nonsense to an edge":             {node, edge, packet.Tunnel{Service: 2, Hops: 4}, []byte{0x4f, 1, 2}, drop.TooShort},
		"a loopback destination":          {node, edge, packet.Tunnel{Service: 2, Hops: 4}, UDP(green+":9", "127.0.0.1:9", nil), drop.BadAddress},
		"a gateway that is not, to edge":  {node, edge, packet.Tunnel{Service: 9, Hops: 4}, UDP(green+":9", web+":9", nil), drop.UnknownService},
		"a gateway that is not, to host":  {node, host1, packet.Tunnel{VNI: 200, Service: 9, Hops: 4}, reply, drop.UnknownService},
		"a node's packet to another node": {node, other, packet.Tunnel{Service: 2, Hops: 4}, reply, drop.WrongTenant},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.must(w.Inject(c.from, c.to, c.tunnel, plain(clone(c.data))))
			w.dropped(c.want, 1)
			w.silence()
		})
	}
}

// A decoder never trusts offload claims: a superpacket that is none is
// refused or taken as what it is.
func TestForgedOffload(t *testing.T) {
	w := newWorld(t)
	for name, p := range map[string]packet.Packet{
		"gso without partial checksum": {Data: TCP("10.0.1.10:1", web+":80", "S", Payload(3000)), Offload: packet.Offload{GSO: packet.GSOTCPv4, GSOSize: 1000}},
		"udp said to be tcp":           {Data: UDP("10.0.1.10:1", web+":80", Payload(3000)), Offload: packet.Offload{GSO: packet.GSOTCPv4, GSOSize: 1000, Partial: true}},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.must(w.Send("blue-1", p))
			w.dropped(drop.BadOffload, 1)
			w.silence()
		})
	}
}
