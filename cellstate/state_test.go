package cellstate

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/shard"
)

// checkState holds what is true of every State that Parse or Compile gives out.
func checkState(t testing.TB, s *State) {
	t.Helper()
	for kind, list := range map[PeerKind][]Peer{PeerNode: s.Nodes, PeerEdge: s.Edges, PeerHost: s.Hosts} {
		for i := range list {
			if k, p := s.Peer(list[i].Addr); k != kind || p != &list[i] || s.PeerByName(p.Name) != p {
				t.Fatalf("peer %+v is not found as itself", list[i])
			}
		}
	}
	for _, v := range s.VPCs {
		if s.VPC(v.VNI) != v {
			t.Fatalf("VPC %s is not found by its VNI", v.Name)
		}
		for _, sub := range v.Subnets {
			if !v.Contains(sub.Router) || !sub.Contains(sub.Router) || v.Instance(sub.Router) != nil || sub.VPC != v {
				t.Fatalf("subnet %s of %s: router %s", sub.Name, v.Name, sub.Router)
			}
			sub.Route(sub.Router)
		}
	}
	for _, i := range s.Instances {
		if i.VPC.Instance(i.Addr) != i || !i.Subnet.Contains(i.Addr) || i.Subnet.VPC != i.VPC || !slices.Contains(s.InstancesOn(i.Host.Name), i) {
			t.Fatalf("instance %s is not where it says", i.Name)
		}
		if i.MTU+packet.TunnelOverhead > s.UnderlayMTU || i.NetNS == "" || i.Device == "" {
			t.Fatalf("instance %+v", i)
		}
	}
	for _, g := range s.Gateways {
		if s.Gateway(g.Service) != g || len(g.Public) == 0 || g.VPC.Subnet(g.Private) == nil || g.VPC.Instance(g.Private) != nil {
			t.Fatalf("gateway %+v", g)
		}
		for _, a := range g.Public {
			if s.GatewayByPublic(a) != g {
				t.Fatalf("gateway %s is not found by %s", g.Name, a)
			}
		}
	}
	checkRoles(t, s)
	for _, hash := range []uint64{0, 1, edgeTableSize - 1, edgeTableSize, 1<<64 - 1} {
		if e := s.Edge(hash); (e == nil) != (len(s.Edges) == 0) {
			t.Fatalf("Edge(%d) = %v with %d edges", hash, e, len(s.Edges))
		}
	}
}

// owners ranks the flow masters for a slot.
func owners(s *State, slot uint32) (names []string) {
	var ids []uint64
	for _, p := range s.FlowMasters {
		ids = append(ids, p.ID)
	}
	for _, i := range shard.Rank(nil, shard.OwnerKey(0, slot), ids) {
		names = append(names, s.FlowMasters[i].Name)
	}
	return names
}

func TestExampleIsSound(t *testing.T) { checkState(t, example(t)) }

// TestSameStateSameChoice (I15): two nodes that read the same file, or one that
// lists the same peers in another order at other addresses, choose the same
// owners and edges.
func TestSameStateSameChoice(t *testing.T) {
	a, b := example(t), example(t)
	spec := exampleSpec(t)
	slices.Reverse(spec.Nodes)
	slices.Reverse(spec.Edges)
	spec.Nodes[0].Address, spec.Nodes[2].Address = spec.Nodes[2].Address, spec.Nodes[0].Address
	c := compileOK(t, spec)
	for _, other := range []*State{b, c} {
		for slot := range uint32(shard.Slots) {
			if x, y := owners(a, slot), owners(other, slot); !slices.Equal(x, y) {
				t.Fatalf("slot %d is owned by %v and by %v", slot, x, y)
			}
		}
		for hash := range uint64(edgeTableSize) {
			if x, y := a.Edge(hash).Name, other.Edge(hash).Name; x != y {
				t.Fatalf("hash %d leaves by %s and by %s", hash, x, y)
			}
		}
	}
}

// TestEdgesAreEven: each edge gets its share of hashes, within a tenth.
func TestEdgesAreEven(t *testing.T) {
	s, n := example(t), map[string]int{}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		n[s.Edge(r.Uint64()).Name]++
	}
	if n["edge-1"] < 9000 || n["edge-2"] < 9000 {
		t.Errorf("shares %v", n)
	}
}

// TestIndexIsAMap: the index answers as a map does, also for what is not in it,
// and no look-up is long.
func TestIndexIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		near := rapid.Uint32Range(0xfffffff0, 0xffffffff)
		key := rapid.OneOf(rapid.Uint32(), rapid.Uint32Range(0, 40), near, rapid.Map(rapid.Uint32Range(0, 40), func(n uint32) uint32 { return n << 24 }))
		keys := rapid.SliceOfNDistinct(key, 0, 200, rapid.ID).Draw(t, "keys")
		var x index[uint32]
		var records []*uint32
		want := map[uint32]*uint32{}
		for i := range keys {
			records, want[keys[i]] = append(records, &keys[i]), &keys[i]
		}
		x.build(records, func(k *uint32) uint32 { return *k })
		for _, k := range append(rapid.SliceOf(key).Draw(t, "asked"), keys...) {
			if got := x.get(k); got != want[k] {
				t.Fatalf("get(%d) = %v, want %v", k, got, want[k])
			}
		}
		if len(x.slots) < slotsPerRecordMax*len(keys) {
			for i := range x.slots {
				if at := int(x.slots[i].key * fibonacci >> x.shift); x.slots[i].record != nil && (i-at+len(x.slots))%len(x.slots) >= probesMax {
					t.Fatalf("key %d lies %d slots from its place", x.slots[i].key, i-at)
				}
			}
		}
	})
}

func TestLookupsAllocateNothing(t *testing.T) {
	s := example(t)
	hot := map[string]func(){
		"Peer":            func() { s.Peer(ip1) },
		"VPC":             func() { s.VPC(100) },
		"Instance":        func() { s.VPCs[0].Instance(ip2) },
		"Contains":        func() { s.VPCs[0].Contains(ip2) },
		"Route":           func() { s.VPCs[0].Subnets[1].Route(ip3) },
		"Gateway":         func() { s.Gateway(1) },
		"GatewayByPublic": func() { s.GatewayByPublic(ip4) },
		"Edge":            func() { s.Edge(12345) },
	}
	for name, f := range hot {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

var ip1, ip2, ip3, ip4 = ip("172.31.0.11"), ip("10.0.1.10"), ip("203.0.113.10"), ip("198.51.100.1")

func BenchmarkPeer(b *testing.B) {
	s := example(b)
	for b.Loop() {
		s.Peer(ip1)
	}
}

func BenchmarkVPC(b *testing.B) {
	s := example(b)
	for b.Loop() {
		s.VPC(200)
	}
}

func BenchmarkInstance(b *testing.B) {
	v := example(b).VPC(100)
	for b.Loop() {
		v.Instance(ip2)
	}
}

func BenchmarkRoute(b *testing.B) {
	sub := example(b).VPC(100).Subnets[1]
	for b.Loop() {
		sub.Route(ip3)
	}
}

func BenchmarkGatewayByPublic(b *testing.B) {
	s := example(b)
	for b.Loop() {
		s.GatewayByPublic(ip4)
	}
}

func BenchmarkEdge(b *testing.B) {
	s := example(b)
	for i := uint64(0); b.Loop(); i++ {
		s.Edge(i)
	}
}

func BenchmarkParseExample(b *testing.B) {
	data := readFile(b, "testdata/example.yaml")
	for b.Loop() {
		if _, err := Parse("example.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}
