package main

import (
	"net/netip"
	"strings"
	"testing"

	"hyperplane/cellstate"
)

func TestWhose(t *testing.T) {
	s, err := cellstate.Parse("cell.yaml", []byte(`
version: 3
cell: demo
nodes: [{name: node-1, address: 172.31.0.11}]
hosts: [{name: host-1, address: 172.31.0.31}]
vpcs: [{name: blue, vni: 1, cidrs: [10.0.0.0/16], subnets: [{name: s, cidr: 10.0.0.0/24}]}]
nat_gateways:
  - {name: own, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1], port_blocks: {inside: 10.0.0.0/25, blocks: 1}, port_forwards: [{protocol: udp, public_port: 53, instance: a, port: 5353}]}
  - {name: shared, service: 2, vpc: blue, address: 10.0.0.6, public_addresses: [198.51.100.2]}
instances: [{name: a, vpc: blue, address: 10.0.0.10, host: host-1}]
`))
	if err != nil {
		t.Fatal(err)
	}
	for end, want := range map[string]string{
		"198.51.100.1:3584": "instance a, 10.0.0.10 of VPC blue by own (ports 3584 to 3839)",
		"198.51.100.1:3839": "instance a, 10.0.0.10 of VPC blue by own (ports 3584 to 3839)",
		"198.51.100.1:3840": "no instance, 10.0.0.11 of VPC blue by own (ports 3840 to 4095)",
		"198.51.100.1:53":   "instance a, 10.0.0.10 of VPC blue by own (UDP port forward from 5353)",
		"198.51.100.1:80":   "!shares the ports",
		"198.51.100.2:3584": "!shares the ports",
		"198.51.100.9:3584": "!no public address of cell demo in state version 3",
		"[2001:db8::1]:80":  "!its instance's own",
	} {
		lines, err := whose(s, netip.MustParseAddrPort(end))
		got := strings.Join(lines, "; ")
		if err != nil {
			got = "!" + err.Error()
		}
		if got != want && !(want[0] == '!' && err != nil && strings.Contains(got, want[1:])) {
			t.Errorf("%s: %q, want %q", end, got, want)
		}
	}
}
