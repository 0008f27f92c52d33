package conformance

import (
	"fmt"
	"net/netip"
	"os"

	"go.yaml.in/yaml/v3"

	"hyperplane/cellstate"
)

// dualStack is what IPv6 adds to the default network.
const dualStack = "testdata/dual-stack.yaml"

// world is the default network with edits merged into it, in their order, each a part
// of a state file: entries of a list are known by their names, all else is replaced (of
// routes, which have none, all have to be given). With tenants, that many VPCs come to
// it, each with the same subnet, one instance of the same address, and a gateway with
// one public address. Gateways that name none have the profile.
func world(tenants int, profile string, edits ...string) (*cellstate.State, error) {
	file, err := os.ReadFile("../cellstate/testdata/example.yaml")
	if err != nil {
		return nil, err
	}
	var base map[string]any
	if err := yaml.Unmarshal(file, &base); err != nil {
		return nil, err
	}
	for _, gateway := range base["nat_gateways"].([]any) {
		delete(gateway.(map[string]any), "timeouts") // the profile's
	}
	merged := base
	for _, edit := range edits {
		var change map[string]any
		if err := yaml.Unmarshal([]byte(edit), &change); err != nil {
			return nil, err
		}
		merged = merge(merged, change).(map[string]any)
	}
	for i := range tenants {
		addTenant(merged, i)
	}
	for _, gateway := range merged["nat_gateways"].([]any) {
		if g := gateway.(map[string]any); g["profile"] == nil {
			g["profile"] = profile
		}
	}
	text, err := yaml.Marshal(merged)
	if err != nil {
		return nil, err
	}
	return cellstate.Parse("world", text)
}

func merge(old, change any) any {
	switch change := change.(type) {
	case map[string]any:
		was, ok := old.(map[string]any)
		if !ok {
			return change
		}
		for key, value := range change {
			was[key] = merge(was[key], value)
		}
		return was
	case []any:
		was, ok := old.([]any)
		if !ok {
			return change
		}
		for _, entry := range change {
			name := nameOf(entry)
			if name == nil {
				return change
			}
			at := -1
			for i := range was {
				if nameOf(was[i]) == name {
					at = i
				}
			}
			if at < 0 {
				was = append(was, entry)
			} else {
				was[at] = merge(was[at], entry)
			}
		}
		return was
	}
	return change
}

func nameOf(entry any) any {
	if m, ok := entry.(map[string]any); ok {
		return m["name"]
	}
	return nil
}

func addTenant(state map[string]any, i int) {
	name := fmt.Sprintf("tenant-%d", i+1)
	add := func(list string, entry map[string]any) { state[list] = append(state[list].([]any), entry) }
	add("vpcs", map[string]any{
		"name": name, "vni": 1000 + i, "cidrs": []any{"10.0.0.0/16"},
		"route_tables": []any{map[string]any{"name": "main", "routes": []any{map[string]any{"destination": "0.0.0.0/0", "nat_gateway": "nat-" + name}}}},
		"subnets": []any{
			map[string]any{"name": "public", "cidr": "10.0.0.0/24"},
			map[string]any{"name": "private", "cidr": "10.0.1.0/24", "route_table": "main"},
		},
	})
	public := netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})
	add("nat_gateways", map[string]any{
		"name": "nat-" + name, "service": 1000 + i, "vpc": name, "address": "10.0.0.5", "public_addresses": []any{public.String()},
	})
	add("instances", map[string]any{"name": name, "vpc": name, "address": "10.0.1.10", "host": fmt.Sprintf("host-%d", 1+i%2)})
}
