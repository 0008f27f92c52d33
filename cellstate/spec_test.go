package cellstate

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var specCompare = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})}

// read decodes without compiling: what Marshal wrote need not make sense.
func read(t interface{ Fatalf(string, ...any) }, data []byte) *Spec {
	r, spec := newReport("spec.yaml"), &Spec{}
	r.lines = map[string]int{}
	if !r.decode(data, spec) || r.err() != nil {
		t.Fatalf("%v\n%s", r.err(), data)
	}
	return spec
}

func TestExampleMarshalsBack(t *testing.T) {
	spec := exampleSpec(t)
	data, err := spec.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec, read(t, data), specCompare); diff != "" {
		t.Errorf("(-before +after):\n%s\n%s", diff, data)
	}
	if _, err := Parse("marshalled.yaml", data); err != nil {
		t.Error(err)
	}
}

// TestSpecMarshalsBack: any Spec whose values can stand in a file, whatever its
// names look like to a YAML parser (null, yes, 1e3, 2026-01-01, "#", ": ").
func TestSpecMarshalsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := &Spec{}
		draw(t, reflect.ValueOf(spec).Elem(), "spec", false)
		data, err := spec.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(spec, read(t, data), specCompare, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-before +after):\n%s\n%s", diff, data)
		}
	})
}

// draw fills any part of a Spec by its type.
func draw(t *rapid.T, v reflect.Value, label string, optional bool) {
	switch v.Interface().(type) {
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{byte(rapid.Uint8().Draw(t, label)), 0, 2, 1})))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{rapid.Uint8().Draw(t, label)}), rapid.IntRange(0, 32).Draw(t, label))))
		return
	case Duration:
		v.SetInt(rapid.OneOf(rapid.Int64(), rapid.Map(rapid.Int64Range(-1e6, 1e6), func(n int64) int64 { return n * int64(time.Second) })).Draw(t, label))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			draw(t, v.Field(i), f.Name, strings.Contains(f.Tag.Get("yaml"), "omitempty"))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 3).Draw(t, label), 3))
		for i := range v.Len() {
			draw(t, v.Index(i), label, false)
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, label) {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, v.Elem(), label, false)
		}
	case reflect.String:
		if text := rapid.OneOf(
			rapid.StringMatching(`[a-z0-9-]{1,10}`),
			rapid.SampledFrom([]string{"null", "~", "yes", "true", "1e3", "0x1", "2026-01-01", "#", ": ", "-", "*a", "&a", "!a", "é\n"}),
		); !optional || rapid.Bool().Draw(t, label) {
			v.SetString(text.Draw(t, label))
		}
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, label))
	case reflect.Int:
		v.SetInt(int64(rapid.IntRange(0, 1<<62).Draw(t, label)))
	case reflect.Uint32:
		v.SetUint(uint64(rapid.Uint32().Draw(t, label)))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, label))
	default:
		t.Fatalf("a field of type %s: teach draw about it", v.Type())
	}
}

// TestCompileSaysPathsWithoutLines: a Spec from memory has the same problems.
func TestCompileSaysPathsWithoutLines(t *testing.T) {
	spec := exampleSpec(t)
	spec.Instances[2].Host = "host-9"
	_, err := Compile("topology", spec)
	want := `topology: instances[2].host: there is no host called "host-9" (declared: host-1, host-2)`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 350 * time.Second: "350s", time.Hour: "1h", 90 * time.Minute: "1h30m", 24 * time.Hour: "24h",
		3661 * time.Second: "1h1m1s", 1500 * time.Millisecond: "1.5s", -5 * time.Second: "-5s", 10 * time.Hour: "10h",
	} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// TestLimits: a list at its limit is taken, one longer is refused by its path (I13).
func TestLimits(t *testing.T) {
	peers := func(n int, net byte) (out []PeerSpec) {
		for i := range n {
			out = append(out, PeerSpec{fmt.Sprintf("p%d-%d", net, i), netip.AddrFrom4([4]byte{172, net, byte(i >> 8), byte(i)})})
		}
		return out
	}
	nodes := func(n int) (out []NodeSpec) {
		for i, p := range peers(n, 20) {
			out = append(out, NodeSpec{Name: p.Name, Address: p.Address})
			if i >= flowMastersMax {
				out[i].Roles = []string{"top", "decider"}
			}
		}
		return out
	}
	vpc := func(spec *Spec) *VPCSpec { return &spec.VPCs[0] }
	for path, c := range map[string]struct {
		most int
		fill func(spec *Spec, n int)
	}{
		"nodes": {nodesMax, func(s *Spec, n int) { s.Nodes = nodes(n) }},
		"edges": {edgesMax, func(s *Spec, n int) { s.Edges = peers(n, 21) }},
		"hosts": {hostsMax, func(s *Spec, n int) { s.Hosts = append(s.Hosts[:2:2], peers(n-2, 22)...) }},
		"vpcs": {vpcsMax, func(s *Spec, n int) {
			for i := range n - 2 {
				s.VPCs = append(s.VPCs, VPCSpec{Name: fmt.Sprint("v", i), VNI: uint32(1000 + i), CIDRs: vpc(s).CIDRs})
			}
		}},
		"nat_gateways": {gatewaysMax, func(s *Spec, n int) {
			s.VPCs[1].Subnets = append(s.VPCs[1].Subnets, SubnetSpec{Name: "big", CIDR: netip.MustParsePrefix("10.0.128.0/17")})
			for i := range n - 2 {
				s.NATGateways = append(s.NATGateways, GatewaySpec{
					Name: fmt.Sprint("g", i), Service: uint32(1000 + i), VPC: "green",
					Address:         netip.AddrFrom4([4]byte{10, 0, byte(129 + i>>8), byte(i)}),
					PublicAddresses: []netip.Addr{netip.AddrFrom4([4]byte{1, 0, byte(i >> 8), byte(i)})},
				})
			}
		}},
		"instances": {instancesMax, func(s *Spec, n int) {
			s.VPCs[1].Subnets = append(s.VPCs[1].Subnets, SubnetSpec{Name: "big", CIDR: netip.MustParsePrefix("10.0.128.0/17")})
			for i := range n - 3 {
				s.Instances = append(s.Instances, InstanceSpec{
					Name: fmt.Sprint("i", i), VPC: "green", Host: "host-1",
					Address: new(netip.AddrFrom4([4]byte{10, 0, byte(129 + i>>8), byte(i)})),
				})
			}
		}},
		"vpcs[0].cidrs": {cidrsMax, func(s *Spec, n int) {
			for i := range n - 1 {
				vpc(s).CIDRs = append(vpc(s).CIDRs, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i + 1)}), 16))
			}
		}},
		"vpcs[0].subnets": {subnetsMax, func(s *Spec, n int) {
			for i := range n - 2 {
				vpc(s).Subnets = append(vpc(s).Subnets, SubnetSpec{Name: fmt.Sprint("s", i), CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i + 2)}), 24)})
			}
		}},
		"vpcs[0].route_tables": {routeTablesMax, func(s *Spec, n int) {
			for i := range n - 1 {
				vpc(s).RouteTables = append(vpc(s).RouteTables, RouteTableSpec{Name: fmt.Sprint("t", i)})
			}
		}},
		"vpcs[0].route_tables[0].routes": {routesMax, func(s *Spec, n int) {
			routes := &vpc(s).RouteTables[0].Routes
			for i := range n - 2 {
				*routes = append(*routes, RouteSpec{Destination: netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(i)}), 16), Blackhole: true})
			}
		}},
		"nat_gateways[0].public_addresses": {publicsMax, func(s *Spec, n int) {
			for i := range n - 1 {
				s.NATGateways[0].PublicAddresses = append(s.NATGateways[0].PublicAddresses, netip.AddrFrom4([4]byte{1, 2, 3, byte(i)}))
			}
		}},
	} {
		t.Run(path, func(t *testing.T) {
			spec := exampleSpec(t)
			c.fill(spec, c.most)
			s := compileOK(t, spec)
			checkState(t, s)

			spec = exampleSpec(t)
			c.fill(spec, c.most+1)
			before, _ := spec.Marshal()
			_, err := Compile("memory", spec)
			want := fmt.Sprintf("memory: %s: has %d entries; at most %d are allowed", path, c.most+1, c.most)
			if err == nil || err.Error() != want {
				t.Errorf("one more:\n got %v\nwant %s", err, want)
			}
			if after, _ := spec.Marshal(); string(before) != string(after) {
				t.Error("Compile changed the Spec")
			}
		})
	}
}
