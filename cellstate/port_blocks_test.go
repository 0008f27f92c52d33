package cellstate

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hyperplane/packet"
)

// Every inside address has blocks of its own, and who has a port is found from it alone;
// a port of nobody has no holder.
func TestPortBlocksAreDisjoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blocks := rapid.IntRange(1, 60).Draw(t, "blocks")
		each := PortBlocksMax / blocks
		most := bits.Len(uint(publicsMax*each)) - 1 // so that a gateway may have addresses enough
		length := 32 - rapid.IntRange(0, min(8, most)).Draw(t, "inside bits")
		publics := (1<<(32-length) + each - 1) / each
		var list []string
		for i := range publics {
			list = append(list, fmt.Sprintf("198.51.100.%d", i+1))
		}
		s, err := Parse("blocks.yaml", fmt.Appendf(nil, `
version: 1
cell: demo
nodes: [{name: node-1, address: 172.31.0.11}]
vpcs: [{name: d, vni: 1, cidrs: [10.0.0.0/16], subnets: [{name: s, cidr: 10.0.0.0/24}]}]
nat_gateways: [{name: g, service: 1, vpc: d, address: 10.0.0.5, public_addresses: [%s], port_blocks: {inside: 10.0.7.0/%d, blocks: %d}}]
`, strings.Join(list, ", "), length, blocks))
		if err != nil {
			t.Fatal(err)
		}
		g := s.Gateways[0]
		base, held := packet.Addr4(10<<24|7<<8), 0
		for i := range packet.Addr4(1 << (32 - length)) {
			public, first, ok := g.Block(base + i)
			if !ok {
				t.Fatalf("%v has no block", base+i)
			}
			for _, port := range []uint32{0, PortBlockLen*uint32(blocks) - 1} {
				if got, ok := g.Holder(public, uint16(PortBlockFirst+first*PortBlockLen+port)); !ok || got != base+i {
					t.Fatalf("port %d of %v's block on %v is %v's, %v", port, base+i, public, got, ok)
				}
			}
		}
		for _, a := range g.Public {
			for port := 0; port < 1<<16; port += PortBlockLen {
				if _, ok := g.Holder(a, uint16(port)); ok {
					held++
				}
			}
		}
		if want := blocks << (32 - length); held != want {
			t.Fatalf("%d blocks have a holder, want %d", held, want)
		}
		for _, a := range []packet.Addr4{base - 1, base + 1<<(32-length), 0} {
			if _, _, ok := g.Block(a); ok {
				t.Fatalf("%v has a block", a)
			}
		}
		if _, ok := g.Holder(198<<24|51<<16|100<<8|200, 5000); ok {
			t.Fatal("a port of a stranger's address has a holder")
		}
	})
}
