package natgw

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"hyperplane/cellstate"
	"hyperplane/chain"
	"hyperplane/flowtable"
	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
	"hyperplane/wire"
)

const floodState = `
version: 1
cell: demo
underlay: {mtu: 9001}
internet: {mtu: 1500}
nodes:
  - {name: node-1, address: 172.31.0.11}
  - {name: node-2, address: 172.31.0.12, roles: [top]}
edges:
  - {name: edge-1, address: 172.31.0.21}
hosts:
  - {name: host-1, address: 172.31.0.31}
vpcs:
  - name: blue
    vni: 100
    cidrs: [10.0.0.0/16]
    route_tables:
      - {name: private, routes: [{destination: 0.0.0.0/0, nat_gateway: nat-blue}]}
    subnets:
      - {name: private, cidr: 10.0.1.0/24, route_table: private}
      - {name: public, cidr: 10.0.0.0/24}
nat_gateways:
  - {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1]}
instances:
  - {name: blue-1, vpc: blue, address: 10.0.1.10, host: host-1, mtu: 1500, netns: hp-blue-1}
`

// flooded is a node that is a cell by itself, and packets for it.
type flooded struct {
	*Node
	now        time.Duration
	edge, host packet.Addr4
	syn        []byte // from the internet
	sent       uint64
	view       packet.View
	scratch    []byte
}

func newFlooded(t testing.TB) *flooded {
	t.Helper()
	s, err := cellstate.Parse("state.yaml", []byte(floodState))
	if err != nil {
		t.Fatal(err)
	}
	f := &flooded{edge: s.Edges[0].Addr, host: s.Hosts[0].Addr}
	f.Node = New(0, Config{Name: "node-1", Self: s.Nodes[0].Addr, FlowsMax: FlowsMaxDefault, Seed: flowtable.Seed{1, 2}, Incarnation: 1})
	f.Apply(0, s)
	for !f.member.Serving(f.now) || f.now < time.Minute { // what it might not know yet is over too
		if f.pass(loop.Tick); f.now > time.Hour {
			t.Fatal("the node does not serve")
		}
	}
	f.syn = packettest.TCP("203.0.113.10:80", "198.51.100.1:4000", "S", nil)
	f.scratch = slices.Clone(f.syn)
	return f
}

func (f *flooded) pass(d time.Duration) {
	f.now += d
	f.Tick(f.now)
	f.EndTurn()
}

// scan lets the internet send a SYN from a source of its own; it reports whether
// something was sent on.
func (f *flooded) scan() bool {
	f.sent++
	copy(f.scratch, f.syn)
	binary.BigEndian.PutUint32(f.scratch[12:], 0x0b000000+uint32(f.sent*2654435761)>>8)
	packet.IPv4(f.scratch).UpdateChecksum()
	p := wire.Packet{Packet: packet.Packet{Data: f.scratch}, Tunnel: packet.Tunnel{Service: 1, Hops: 4}, Peer: f.edge}
	return f.Step(f.now, &p, &f.view)
}

// Who refuses a packet from the internet drops and counts it, also when it was
// another node's Top that asked: nothing goes back, and the account stays exact (I8).
func TestRefusedWhereItIsRefused(t *testing.T) {
	f := newFlooded(t)
	const top = packet.Addr4(172<<24 | 31<<16 | 12)
	m := chain.Message{Kind: chain.Miss, Packet: true, Service: 1, Top: top, At: f.now, FlagsIn: packet.TCPSyn, FlagsOut: packet.TCPAck}
	var option [packet.ChainLen]byte
	for _, inbound := range []bool{true, false} {
		before := f.Traffic.Dropped.Total()
		data := slices.Clone(f.syn)
		vni := uint32(0)
		if !inbound {
			data, vni = packettest.TCP("10.0.1.10:4000", "203.0.113.10:80", "A", nil), 100
		}
		var v packet.View
		p := wire.Packet{Packet: packet.Packet{Data: data}, Tunnel: packet.Tunnel{VNI: vni, Service: 1, Hops: 4, Stage: packet.StageChain, Chain: &option}, Peer: top}
		if r := v.Decode(&p.Packet); r != drop.None {
			t.Fatal(r)
		}
		m.Inbound, m.Flow = inbound, v.Tuple.WithVNI(vni)
		chain.PutOption(&option, f.state.CellID, &m)
		sent := f.Step(f.now, &p, &v)
		if dropped := f.Traffic.Dropped.Total() - before; sent == inbound || (dropped == 1) != inbound {
			t.Errorf("inbound %v: sent on %v, dropped %d", inbound, sent, dropped)
		}
		if !inbound {
			if back, r := chain.ParseOption(p.Tunnel.Chain, f.state.CellID); r != drop.None || back.Kind != chain.Refused || p.Peer != top {
				t.Errorf("%+v to %v, %v; want a refusal to the Top, which answers the instance", back, p.Peer, r)
			}
		}
		if n := f.Traffic.Unaccounted(); n != 0 {
			t.Errorf("%d packets unaccounted for", n)
		}
	}
	if n := f.Traffic.Dropped[drop.Unsolicited]; n != 1 {
		t.Errorf("dropped %v", f.Traffic.Dropped)
	}
}

// A scan of a million packets allocates nothing, leaves nothing behind and takes no
// new flow from the instances behind the address.
func TestScanLeavesNothing(t *testing.T) {
	f := newFlooded(t)
	if n := testing.AllocsPerRun(10_000, func() { f.scan() }); n != 0 {
		t.Errorf("%v allocations for a packet of a scan", n)
	}
	for range 200_000 {
		f.now += time.Second / 1_000_000
		f.followed = f.now
		f.scan()
	}
	if got := f.Traffic.Dropped[drop.Unsolicited] + f.Traffic.Dropped[drop.MissBudget]; got != f.sent || f.Traffic.Dropped[drop.MissBudget] == 0 {
		t.Errorf("of %d packets dropped %v", f.sent, f.Traffic.Dropped)
	}
	p := wire.Packet{Packet: packet.Packet{Data: packettest.TCP("10.0.1.10:4000", "203.0.113.10:80", "S", nil)}, Tunnel: packet.Tunnel{VNI: 100, Service: 1, Hops: 4}, Peer: f.host}
	if !f.Step(f.now, &p, &f.view) || p.Peer != f.edge {
		t.Fatalf("a new flow of the scanned service did not leave: dropped %v", f.Traffic.Dropped)
	}
	// Its answer needs no miss, so the scan's budget is nothing to it.
	out := packet.IPv4(p.Data)
	back := packettest.TCP("203.0.113.10:80", "198.51.100.1:1", "SA", nil)
	packet.TCP(packet.IPv4(back).Payload()).SetDstPort(packet.TCP(out.Payload()).SrcPort())
	p = wire.Packet{Packet: packet.Packet{Data: back}, Tunnel: packet.Tunnel{Service: 1, Hops: 4}, Peer: f.edge}
	if !f.Step(f.now, &p, &f.view) || p.Peer != f.host {
		t.Errorf("its answer did not arrive: dropped %v", f.Traffic.Dropped)
	}
	if n := f.Traffic.Unaccounted(); n != 0 {
		t.Errorf("%d packets unaccounted for", n)
	}
}

// What a Top and owner pays for a packet that nobody asked for, while the budget
// admits it and when it does not.
func BenchmarkScan(b *testing.B) {
	for _, c := range []struct {
		name string
		rate time.Duration // packets a second
		want drop.Reason
	}{
		{"refused by the owner", missesPerService / 2, drop.Unsolicited},
		{"over the budget", 1 << 40, drop.MissBudget},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := newFlooded(b)
			b.ReportAllocs()
			for b.Loop() {
				f.now += time.Second / c.rate
				f.followed = f.now
				f.scan()
			}
			if n := f.Traffic.Dropped[c.want]; n < f.sent*9/10 {
				b.Errorf("%d of %d packets dropped as %v: %v", n, f.sent, c.want, f.Traffic.Dropped)
			}
		})
	}
}
