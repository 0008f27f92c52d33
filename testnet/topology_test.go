package testnet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hyperplane/cellstate"
)

// The embedded topologies are what their names and the documentation say.
func TestBuiltin(t *testing.T) {
	if diff := cmp.Diff([]string{"apart", "default", "dual-stack", "five", "internet-only", "jumbo", "underlay-1600"}, Builtin()); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct {
		name               string
		parts              int
		underlay, instance int
	}{
		{"default", 14, 9001, 1500},
		{"apart", 18, 9001, 1500},
		{"dual-stack", 17, 9001, 1500},
		{"five", 16, 9001, 1500},
		{"underlay-1600", 14, 1600, 1500},
		{"jumbo", 14, 9001, 8500},
		{"internet-only", 4, 9001, 0},
	} {
		top := load(t, tt.name)
		if n := len(top.Parts()); n != tt.parts {
			t.Errorf("%s: %d parts, want %d", tt.name, n, tt.parts)
		}
		if top.State.UnderlayMTU != tt.underlay || top.State.InternetMTU != 1500 {
			t.Errorf("%s: MTUs %d and %d", tt.name, top.State.UnderlayMTU, top.State.InternetMTU)
		}
		for _, i := range top.State.Instances {
			if i.MTU != tt.instance {
				t.Errorf("%s: %s has MTU %d, want %d", tt.name, i.Name, i.MTU, tt.instance)
			}
		}
	}
}

// The roles stand apart in one topology, and nobody has less than one of each.
func TestRolesApart(t *testing.T) {
	var got []string
	for _, n := range load(t, "apart").State.Nodes {
		got = append(got, n.Name+" "+n.Roles.String())
	}
	want := []string{
		"top-1 top", "top-2 top",
		"master-1 flowmaster", "master-2 flowmaster", "master-3 flowmaster",
		"decider-1 decider", "decider-2 decider",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A spare has a namespace on the underlay and is not among those that run.
func TestSpare(t *testing.T) {
	text, _ := edit(t, "network: 172.31.0.0/24 ", "spares: [{name: node-4, address: 172.31.0.14}]\n  network: 172.31.0.0/24 ")
	top, err := ParseTopology("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := top.peer("node-4")
	if err != nil || p.Role != RoleSpare || p.Namespace() != "hp-node-4" || !p.HasProcess() {
		t.Errorf("%+v, %v", p, err)
	}
	for _, q := range top.peers() {
		if q.Name == "node-4" {
			t.Error("the state knows the spare")
		}
	}
	if !slices.Contains(top.underlay(), p) {
		t.Error("the spare is not on the underlay")
	}
}

// A name is looked for only among the parts that will do, and they are what the
// error lists.
func TestFind(t *testing.T) {
	top := load(t, "internet-only")
	if p, err := top.find("web", "process", Part.HasProcess); err != nil || p.Role != RoleInternetHost {
		t.Errorf("%+v, %v", p, err)
	}
	for _, c := range []struct {
		find func() (Part, error)
		want string
	}{
		{func() (Part, error) { return top.find("internet", "process", Part.HasProcess) }, `no process is called "internet": there are web, peer`},
		{func() (Part, error) { return top.peer("web") }, `no part on the underlay is called "web": there is none`},
	} {
		if p, err := c.find(); err == nil || err.Error() != c.want {
			t.Errorf("%+v, %v; want %s", p, err, c.want)
		}
	}
}

// Others script against the default topology's names and addresses.
func TestDefaultParts(t *testing.T) {
	var got []string
	for _, p := range load(t, "default").Parts() {
		address := "-"
		if p.Address.IsValid() {
			address = p.Address.String()
		}
		got = append(got, strings.Join([]string{p.Namespace(), string(p.Role), address}, " "))
	}
	want := []string{
		"hp-underlay underlay -",
		"hp-internet router 203.0.113.1",
		"hp-web internet-host 203.0.113.10",
		"hp-peer internet-host 203.0.113.20",
		"hp-node-1 node 172.31.0.11",
		"hp-node-2 node 172.31.0.12",
		"hp-node-3 node 172.31.0.13",
		"hp-edge-1 edge 172.31.0.21",
		"hp-edge-2 edge 172.31.0.22",
		"hp-host-1 host 172.31.0.31",
		"hp-host-2 host 172.31.0.32",
		"hp-blue-1 instance 10.0.1.10",
		"hp-blue-2 instance 10.0.1.11",
		"hp-green-1 instance 10.0.1.10",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The state file that the roles read is the topology's, comments included, and
// an error in it has the topology file's line.
func TestStateText(t *testing.T) {
	top := load(t, "default")
	s, err := cellstate.Parse("state.yaml", top.StateText)
	if err != nil {
		t.Fatal(err)
	}
	if s.Cell != "demo" || len(s.Instances) != 3 {
		t.Errorf("cell %q with %d instances", s.Cell, len(s.Instances))
	}
	if !strings.HasPrefix(string(top.StateText), "version: 1\ncell: demo\n") {
		t.Errorf("state file begins %.40q", top.StateText)
	}
}

// edit returns the default topology with one text replaced, and the line where
// the replacement begins.
func edit(t *testing.T, old, new string) (string, int) {
	t.Helper()
	return editOf(t, DefaultTopology, old, new)
}

// editOf is edit for any embedded topology.
func editOf(t *testing.T, name, old, new string) (string, int) {
	t.Helper()
	text := string(load(t, name).Text)
	before, _, ok := strings.Cut(text, old)
	if !ok {
		t.Fatalf("the topology %s has no %q", name, old)
	}
	return strings.Replace(text, old, new, 1), 1 + strings.Count(before, "\n")
}

// Every mistake is named by file, line and path, and says what would be right.
func TestTopologyErrors(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown field", "  router: 203", "  rooter: 203", "internet.rooter: unknown field: want hosts, public, router, router6, transit, transit6"},
		{"unknown section", "underlay:\n  network", "underlays:\n  network", "underlays: unknown field: want internet, state, underlay"},
		{"twice", "  transit: 198.18.0.0/24", "  router: 203.0.113.2\n  transit: 198.18.0.0/24", "internet.router: given twice"},
		{"missing", "{name: peer, address: 203.0.113.20}", "{name: peer}", "internet.hosts[1].address: is missing"},
		{"address", "203.0.113.20}", "203.0.113.256}", `internet.hosts[1].address: "203.0.113.256": want an IPv4 address`},
		{"IPv6", "203.0.113.20}", `"2001:db8::1"}`, "want an IPv4 address"},
		{"multicast", "203.0.113.20}", "224.0.0.5}", "want an IPv4 address"},
		{"host bits", "198.51.100.0/24]", "198.51.100.1/24]", `internet.public[0]: "198.51.100.1/24": want an IPv4 or IPv6 network`},
		{"not a list", "[198.51.100.0/24]", "198.51.100.0/24", "internet.public: want a list"},
		{"bad name", "{name: peer,", "{name: Peer,", `internet.hosts[1].name: "Peer": want 1 to 15`},
		{"long name", "{name: peer,", "{name: peer-with-a-long-name,", "want 1 to 15"},
		{"reserved name", "{name: peer,", "{name: internet,", `the name "internet" is the router's own already`},
		{"name twice", "{name: peer,", "{name: web,", `internet.hosts[1]: the name "web" is that of internet.hosts[0] already`},
		{"name of an instance", "{name: peer,", "{name: blue-1,", `state.instances[0].name: the name "blue-1" is that of internet.hosts[1] already`},
		{"address twice", "203.0.113.20}", "203.0.113.10}", "internet.hosts[1]: the address 203.0.113.10 is web's already"},
		{"host in the underlay", "203.0.113.20}", "172.31.0.99}", "172.31.0.99 lies in the underlay's"},
		{"peer outside", "address: 172.31.0.12}", "address: 172.32.0.12}", "state.nodes[1].address: 172.32.0.12 is not in underlay.network 172.31.0.0/24"},
		{"spare outside", "network: 172.31.0.0/24 ", "spares: [{name: x, address: 172.32.0.9}]\n  network: 172.31.0.0/24 ", "underlay.spares[0].address: 172.32.0.9 is not in underlay.network"},
		{"spare in use", "network: 172.31.0.0/24 ", "spares: [{name: x, address: 172.31.0.12}]\n  network: 172.31.0.0/24 ", "state.nodes[1]: the address 172.31.0.12 is x's already"},
		{"spare that is a node", "network: 172.31.0.0/24 ", "spares: [{name: node-1, address: 172.31.0.14}]\n  network: 172.31.0.0/24 ", `state.nodes[0]: the name "node-1" is that of underlay.spares[0] already`},
		{"spare without an address", "network: 172.31.0.0/24 ", "spares: [{name: x}]\n  network: 172.31.0.0/24 ", "underlay.spares[0].address: is missing"},
		{"netns", "netns: hp-blue-2", "netns: blue-2", "state.instances[1].netns: is \"blue-2\""},
		{"public address unrouted", "[198.51.100.2]", "[198.51.101.2]", "state.nat_gateways[1].public_addresses: 198.51.101.2 is in none of internet.public"},
		{"transit too small", "198.18.0.0/24 ", "198.18.0.0/31 ", "internet.transit: 198.18.0.0/31 is too small for a router and 2 edges"},
		{"networks overlap", "198.18.0.0/24 ", "172.31.0.0/25 ", "internet.transit: 172.31.0.0/25 overlaps underlay.network"},
		{"state", "vni: 200", "vni: 0", "vni"},
		{"state's unknown field", "  cell: demo", "  zell: demo", "zell"},
		{"state in flow style", "state:\n  version: 1", "state: {version: 1}\nrest:\n  version: 1", "state: want the cell's state as an indented block"},
		{"syntax", "  transit:", "\ttransit:", "default.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, _ := edit(t, tt.old, tt.new)
			_, err := ParseTopology("default.yaml", []byte(text))
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q\nlacks %q", err, tt.want)
			}
		})
	}
}

// Of IPv6, as of IPv4, every mistake is named and says what would be right.
func TestTopologyErrorsOfIPv6(t *testing.T) {
	const (
		router6  = "  router6: 2001:db8:ffff::1 "
		transit6 = "  transit6: 2001:db8:fffe::/64\n"
		services = "    - {name: dns, address: 172.31.0.53} "
	)
	for _, tt := range []struct{ name, old, new, want string }{
		{"IPv4 router", router6, "  router6: 203.0.113.2 ", `internet.router6: "203.0.113.2": want an IPv6 address`},
		{"IPv6 router", "  router: 203.0.113.1", "  router: 2001:db8:ffff::1", `internet.router: "2001:db8:ffff::1": want an IPv4 address`},
		{"link-local router", router6, "  router6: fe80::1 ", `internet.router6: "fe80::1": want an IPv6 address`},
		{"zone", router6, "  router6: 2001:db8:ffff::1%eth0 ", "want an IPv6 address"},
		{"mapped address", `"2001:db8:ffff::20"`, `"::ffff:203.0.113.20"`, "internet.hosts[1].ipv6_address: \"::ffff:203.0.113.20\": want an IPv6 address"},
		{"translated address", `"2001:db8:ffff::20"`, `"64:ff9b::10"`, "want an IPv6 address"},
		{"multicast", `"2001:db8:ffff::20"`, `"ff02::1"`, "want an IPv6 address"},
		{"IPv4 transit", transit6, "  transit6: 198.19.0.0/24\n", `internet.transit6: "198.19.0.0/24": want an IPv6 network`},
		{"host bits", transit6, "  transit6: 2001:db8:fffe::1/64\n", `internet.transit6: "2001:db8:fffe::1/64": want an IPv6 network`},
		{"host bits of a public network", `"2001:db8::/36"`, `"2001:db8::1/36"`, `internet.public[1]: "2001:db8::1/36": want an IPv4 or IPv6 network`},
		{"router without transit", transit6, "", "internet.router6: wants internet.transit6"},
		{"transit without router", router6, "  # ", "internet.transit6: wants internet.router6"},
		{"host without router", router6, "  # ", "internet.hosts[0].ipv6_address: there is no IPv6 on this internet"},
		{"transit too small", transit6, "  transit6: 2001:db8:fffe::/127\n", "internet.transit6: 2001:db8:fffe::/127 is too small for a router and 2 edges"},
		{"router in transit", router6, "  router6: 2001:db8:fffe::9 ", "internet.transit6: 2001:db8:fffe::/64 contains the router's address towards the hosts, 2001:db8:fffe::9"},
		{"address twice", `"2001:db8:ffff::20"`, `"2001:db8:ffff::10"`, "internet.hosts[1]: the address 2001:db8:ffff::10 is web's already"},
		{"the router's address", `"2001:db8:ffff::20"`, `"2001:db8:ffff::1"`, "internet.hosts[1]: the address 2001:db8:ffff::1 is the router's already"},
		{"host in a public network", `"2001:db8:ffff::20"`, `"2001:db8:300::20"`, "internet.hosts[1].ipv6_address: 2001:db8:300::20 lies in the transit or a public network"},
		{"networks overlap", `"2001:db8::/36"`, `"2001:db8::/32"`, "internet.public[1]: 2001:db8::/32 overlaps the underlay, the transit network or the router"},
		{"VPC unrouted", `"2001:db8::/36"`, `"2001:db8:100::/48"`, "state.vpcs[1].ipv6_cidrs[0]: 2001:db8:200::/56 is in none of internet.public: nothing would come back"},
		{"VPC larger than what is routed", `"2001:db8::/36"`, `"2001:db8:100::/57", "2001:db8:200::/56"`, "state.vpcs[0].ipv6_cidrs[0]: 2001:db8:100::/56 is in none of internet.public"},
		{"service with IPv6", services, `    - {name: dns, address: 172.31.0.53, ipv6_address: "2001:db8:ffff::53"} `, "underlay.services[0].ipv6_address: unknown field: want address, name"},
		{"service outside", services, "    - {name: dns, address: 172.32.0.53} ", "underlay.services[0].address: 172.32.0.53 is not in underlay.network"},
		{"service in use", services, "    - {name: dns, address: 172.31.0.31} ", "state.hosts[0]: the address 172.31.0.31 is dns's already"},
		{"service called as a node", services, "    - {name: node-1, address: 172.31.0.53} ", `state.nodes[0]: the name "node-1" is that of underlay.services[0] already`},
		{"nobody to ask", "upstreams: [172.31.0.53]", "upstreams: [172.31.0.53, 172.31.0.54]", "state.resolver.upstreams[1]: no machine on the underlay has 172.31.0.54"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, _ := editOf(t, "dual-stack", tt.old, tt.new)
			_, err := ParseTopology("dual-stack.yaml", []byte(text))
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q\nlacks %q", err, tt.want)
			}
		})
	}
	const cidrs = "ipv6_cidrs: [\"2001:db8:200::/56\"]"
	text, line := editOf(t, "dual-stack", cidrs, strings.Replace(cidrs, "db8:200", "db8:f200", 1))
	text = strings.ReplaceAll(text, "2001:db8:200:", "2001:db8:f200:")
	want := fmt.Sprintf("dual-stack.yaml:%d: state.vpcs[1].ipv6_cidrs[0]:", line)
	if _, err := ParseTopology("dual-stack.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v lacks %q", err, want)
	}
}

// Instances reach the hosts by the family that they have, or that is asked for.
func TestServersFor(t *testing.T) {
	top := load(t, "dual-stack")
	for _, tt := range []struct {
		instance string
		ipv6     bool
		want     string
	}{
		{"blue-1", false, "[203.0.113.10 203.0.113.20] <nil>"},
		{"blue-1", true, "[2001:db8:ffff::10 2001:db8:ffff::20] <nil>"},
		{"six-1", false, "[64:ff9b::cb00:710a 64:ff9b::cb00:7114] <nil>"},
		{"six-1", true, "[2001:db8:ffff::10 2001:db8:ffff::20] <nil>"},
	} {
		list, err := top.serversFor(tt.instance, tt.ipv6)
		if got := fmt.Sprint(list, err); got != tt.want {
			t.Errorf("%s, IPv6 %v: %s", tt.instance, tt.ipv6, got)
		}
	}
	if list, err := load(t, "default").serversFor("blue-1", true); err == nil || err.Error() != "blue-1 has no IPv6 address" {
		t.Errorf("%v, %v", list, err)
	}
}

// An instance without an IPv4 address shows its other one, and no 0.0.0.0.
func TestDualStackParts(t *testing.T) {
	got := map[string]string{}
	for _, p := range load(t, "dual-stack").Parts() {
		if p.Role == RoleInstance || p.Role.serves() || p.Role == RoleRouter {
			got[p.Name] = fmt.Sprintln(p.Role, p.Address, p.Address6)
		}
	}
	want := map[string]string{
		"internet": "router 203.0.113.1 2001:db8:ffff::1\n",
		"web":      "internet-host 203.0.113.10 2001:db8:ffff::10\n",
		"peer":     "internet-host 203.0.113.20 2001:db8:ffff::20\n",
		"dns":      "service 172.31.0.53 invalid IP\n",
		"blue-1":   "instance 10.0.1.10 2001:db8:100:1::10\n",
		"blue-2":   "instance 10.0.1.11 2001:db8:100:1::11\n",
		"six-1":    "instance invalid IP 2001:db8:100:2::10\n",
		"six-2":    "instance invalid IP 2001:db8:100:2::11\n",
		"green-1":  "instance 10.0.1.10 2001:db8:200:1::10\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The line in an error is the one where the mistake stands, also for mistakes
// that cellstate finds in the part that is cut out for it.
func TestTopologyErrorLines(t *testing.T) {
	for _, tt := range []struct{ old, new string }{
		{"{name: peer,", "{name: Peer,"},
		{"- {name: node-2, address: 172.31.0.12}", "- {name: node-2, address: 172.32.0.12}"},
		{"- {name: nat-green, service: 4", "- {name: nat-green, service: 0"},
		{"vni: 200", "vni: 99999999"},
	} {
		text, line := edit(t, tt.old, tt.new)
		_, err := ParseTopology("default.yaml", []byte(text))
		want := fmt.Sprintf("default.yaml:%d:", line)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v lacks %q", tt.new, err, want)
		}
	}
}

// All mistakes are named at once, in the order of the file.
func TestTopologyErrorsTogether(t *testing.T) {
	text, _ := edit(t, "203.0.113.1 ", "203.0.113 ")
	text = strings.Replace(text, "{name: peer,", "{name: Peer,", 1)
	text = strings.Replace(text, "vni: 200", "vni: 0", 1)
	_, err := ParseTopology("x.yaml", []byte(text))
	if err == nil {
		t.Fatal("no error")
	}
	rows := strings.Split(err.Error(), "\n")
	if len(rows) != 3 {
		t.Fatalf("want three problems, got:\n%v", err)
	}
	for i, want := range []string{"internet.router", "internet.hosts[1].name", "vni"} {
		if !strings.Contains(rows[i], want) {
			t.Errorf("line %d is %q, want %s", i, rows[i], want)
		}
	}
}

func TestLoadTopologyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, load(t, "jumbo").Text, 0o644); err != nil {
		t.Fatal(err)
	}
	if top := load(t, path); top.State.Instances[0].MTU != 8500 {
		t.Error("not the file's content")
	}
	_, err := LoadTopology("nowhere")
	if err == nil || !strings.Contains(err.Error(), "apart, default, dual-stack") {
		t.Errorf("error %v does not name the embedded topologies", err)
	}
}

// Addresses of the links between router and edges never collide.
func TestTransitAddresses(t *testing.T) {
	top := load(t, "dual-stack")
	for _, transit := range top.transits() {
		seen := []string{transitRouter(transit).String()}
		for i := range 32 {
			a := transitEdge(transit, i).String()
			if slices.Contains(seen, a) || !transit.Contains(transitEdge(transit, i)) {
				t.Errorf("edge %d: %s", i, a)
			}
			seen = append(seen, a)
		}
	}
}

// No input makes the parser panic, and what it accepts can be laid out: every
// part has a name that a namespace and a file may have.
func FuzzParseTopology(f *testing.F) {
	for _, name := range Builtin() {
		top, err := LoadTopology(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(top.Text)
	}
	f.Add([]byte("state:\n  a: 1\nunderlay: &x [*x]\n"))
	f.Add([]byte("state: *s\ninternet: &s {}\n"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		top, err := ParseTopology("fuzz.yaml", data)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, p := range top.Parts() {
			if seen[p.Name] || strings.ContainsAny(p.Name, "/ .\x00") || p.Name == "" {
				t.Errorf("part %q", p.Name)
			}
			seen[p.Name] = true
		}
	})
}
