package cellstate

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hyperplane/packet"
	"hyperplane/shard"
)

func ip(s string) packet.Addr4 {
	a, ok := packet.AddrFrom(netip.MustParseAddr(s))
	if !ok {
		panic(s)
	}
	return a
}

func example(t testing.TB) *State {
	t.Helper()
	data, err := Read("testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse("example.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExampleHeader(t *testing.T) {
	s := example(t)
	if s.Version != 1 || s.Cell != "demo" || s.UnderlayMTU != 9001 || s.InternetMTU != 1500 {
		t.Errorf("header: version %d, cell %q, MTUs %d and %d", s.Version, s.Cell, s.UnderlayMTU, s.InternetMTU)
	}
	if s.Copies != 2 || s.CellID != uint32(shard.NodeID("demo")) || s.CellID == 0 {
		t.Errorf("copies %d, cell id %#x", s.Copies, s.CellID)
	}
	if len(s.Nodes) != 3 || len(s.Edges) != 2 || len(s.Hosts) != 2 || len(s.VPCs) != 2 || len(s.Gateways) != 2 || len(s.Instances) != 3 {
		t.Errorf("counts: %d nodes, %d edges, %d hosts, %d VPCs, %d gateways, %d instances",
			len(s.Nodes), len(s.Edges), len(s.Hosts), len(s.VPCs), len(s.Gateways), len(s.Instances))
	}
}

func TestExamplePeers(t *testing.T) {
	s := example(t)
	for addr, want := range map[string]Peer{
		"172.31.0.11": {"node-1", PeerNode, ip("172.31.0.11"), shard.NodeID("node-1"), RolesAll, false},
		"172.31.0.22": {"edge-2", PeerEdge, ip("172.31.0.22"), shard.NodeID("edge-2"), 0, false},
		"172.31.0.31": {"host-1", PeerHost, ip("172.31.0.31"), shard.NodeID("host-1"), 0, false},
	} {
		kind, p := s.Peer(ip(addr))
		if p == nil || kind != want.Kind || *p != want {
			t.Fatalf("Peer(%s) = %v %+v, want %+v", addr, kind, p, want)
		}
		if s.PeerByName(want.Name) != p {
			t.Errorf("PeerByName(%q) is another peer", want.Name)
		}
	}
	for _, addr := range []string{"172.31.0.10", "0.0.0.0", "255.255.255.255", "198.51.100.1"} {
		if kind, p := s.Peer(ip(addr)); kind != PeerUnknown || p != nil {
			t.Errorf("Peer(%s) = %v %+v, want unknown", addr, kind, p)
		}
	}
}

func TestExampleInstances(t *testing.T) {
	s := example(t)
	blue, green := s.VPC(100), s.VPC(200)
	if blue == nil || green == nil || s.VPC(0) != nil || s.VPC(101) != nil {
		t.Fatalf("VPCs: %v %v", blue, green)
	}
	// The same address in two VPCs is two instances (I7).
	b, g := blue.Instance(ip("10.0.1.10")), green.Instance(ip("10.0.1.10"))
	if b.Name != "blue-1" || g.Name != "green-1" || b.VPC != blue || g.VPC != green {
		t.Errorf("10.0.1.10 is %q and %q", b.Name, g.Name)
	}
	if green.Instance(ip("10.0.1.11")) != nil || blue.Instance(0) != nil {
		t.Error("an instance where there is none")
	}
	i := blue.Instance(ip("10.0.1.11"))
	if i.Host.Name != "host-2" || i.MTU != 1500 || i.NetNS != "hp-blue-2" || i.Device != "eth0" || i.Subnet.Name != "private" {
		t.Errorf("blue-2: %+v", i)
	}
	if !blue.Contains(ip("10.0.255.255")) || blue.Contains(ip("10.1.0.0")) || blue.Contains(ip("9.255.255.255")) {
		t.Error("Contains is wrong at the range's ends")
	}
	if got := blue.Subnet(ip("10.0.1.255")); got == nil || got.Router != ip("10.0.1.1") {
		t.Errorf("Subnet(10.0.1.255) = %+v", got)
	}
	if blue.Subnet(ip("10.0.2.0")) != nil {
		t.Error("a subnet where there is none")
	}
	var names []string
	for _, i := range s.InstancesOn("host-1") {
		names = append(names, i.Name)
	}
	if diff := cmp.Diff([]string{"blue-1", "green-1"}, names); diff != "" {
		t.Errorf("InstancesOn(host-1) (-want +got):\n%s", diff)
	}
}

func TestExampleRoutes(t *testing.T) {
	s := example(t)
	blue := s.VPC(100)
	nat := Target{RouteNAT, s.Gateway(1)}
	for _, c := range []struct {
		subnet, dst string
		want        Target
	}{
		{"private", "203.0.113.10", nat},
		{"private", "0.0.0.1", nat},
		{"private", "255.255.255.255", nat},
		{"private", "192.0.2.1", Target{Kind: RouteBlackhole}},
		{"private", "192.0.3.0", nat},
		{"private", "10.0.1.1", Target{Kind: RouteLocal}},
		{"private", "10.0.200.7", Target{Kind: RouteLocal}},
		{"private", "10.1.0.0", nat},
		{"public", "10.0.1.10", Target{Kind: RouteLocal}},
		{"public", "203.0.113.10", Target{}},
	} {
		i := slices.IndexFunc(blue.Subnets, func(s *Subnet) bool { return s.Name == c.subnet })
		if got := blue.Subnets[i].Route(ip(c.dst)); got != c.want {
			t.Errorf("%s to %s: %v %v, want %v", c.subnet, c.dst, got.Kind, got.Gateway, c.want.Kind)
		}
	}
}

func TestExampleGateways(t *testing.T) {
	s := example(t)
	g := s.Gateway(1)
	if g == nil || g.Name != "nat-blue" || g.VPC != s.VPC(100) || g.Private != ip("10.0.0.5") {
		t.Fatalf("Gateway(1) = %+v", g)
	}
	if s.GatewayByPublic(ip("198.51.100.1")) != g || s.GatewayByPublic(ip("198.51.100.2")) != s.Gateway(2) {
		t.Error("public addresses lead elsewhere")
	}
	if s.Gateway(0) != nil || s.Gateway(3) != nil || s.GatewayByPublic(ip("198.51.100.3")) != nil {
		t.Error("a gateway where there is none")
	}
	for _, g := range s.Gateways {
		if g.Timeouts != ProfileAWS.Timeouts() || g.FlowsPerDestination != 55000 {
			t.Errorf("%s: %+v", g.Name, g)
		}
	}
}

// TestMostSpecificRouteWins: a route inside the VPC's own range beats the range,
// as anywhere else.
func TestMostSpecificRouteWins(t *testing.T) {
	spec := exampleSpec(t)
	routes := &spec.VPCs[0].RouteTables[0].Routes
	*routes = append(*routes, RouteSpec{Destination: netip.MustParsePrefix("10.0.7.0/24"), Blackhole: true},
		RouteSpec{Destination: netip.MustParsePrefix("10.0.0.0/8"), NATGateway: "nat-blue"})
	s := compileOK(t, spec)
	private := s.VPC(100).Subnets[1]
	for dst, want := range map[string]RouteKind{"10.0.7.9": RouteBlackhole, "10.0.8.9": RouteLocal, "10.9.0.1": RouteNAT} {
		if got := private.Route(ip(dst)).Kind; got != want {
			t.Errorf("route to %s: %v, want %v", dst, got, want)
		}
	}
}

func TestTimeoutsAndZeroRest(t *testing.T) {
	spec := exampleSpec(t)
	spec.NATGateways[1].Timeouts = &TimeoutsSpec{TCPIdle: new(Duration(90 * time.Second)), PortRest: new(Duration(0))}
	want := ProfileAWS.Timeouts()
	want.TCPIdle, want.PortRest = 90*time.Second, 0
	if got := compileOK(t, spec).Gateway(2).Timeouts; got != want {
		t.Errorf("timeouts %+v, want %+v", got, want)
	}
}

func exampleSpec(t testing.TB) *Spec {
	t.Helper()
	spec := &Spec{}
	r := newReport("example")
	r.lines = map[string]int{}
	if !r.decode(readFile(t, "testdata/example.yaml"), spec) || r.err() != nil {
		t.Fatal(r.err())
	}
	return spec
}

func compileOK(t testing.TB, spec *Spec) *State {
	t.Helper()
	s, err := Compile("memory", spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
