package decider

import (
	"testing"

	"hyperplane/chain"
	"hyperplane/packet"
)

// Every port from 1024 is in exactly one class, the one that its place says,
// and the classes have exactly the sizes that the limits say.
func TestClassesPartitionThePorts(t *testing.T) {
	found := map[uint16]uint8{}
	for n := range uint8(chain.ClassMax + 1) {
		c := classOf(&chain.Message{Class: n})
		want := uint32(252)
		if n == 0 {
			want = 60480
		}
		if c.size(blocks) != want {
			t.Errorf("class %d has %d ports, want %d", n, c.size(blocks), want)
		}
		for k, last := uint32(0), uint16(0); k < c.size(blocks); k++ {
			p := c.port(k)
			if p < 1024 || p <= last {
				t.Fatalf("port %d of class %d is %d, after %d", k, n, p, last)
			}
			last = p
			place, class := p%256, uint8(0)
			if place >= 240 {
				class = uint8(1 + place - 240)
			}
			if other, seen := found[p]; seen || class != n || chain.PortClass(p) != n {
				t.Fatalf("port %d is in class %d, want %d; found before: %v, in class %d", p, n, class, seen, other)
			}
			found[p] = n
		}
	}
	if len(found) != 64512 {
		t.Errorf("%d ports in all classes, want 64512", len(found))
	}
	for n := chain.ClassMax + 1; n < 256; n++ {
		if size := classOf(&chain.Message{Class: uint8(n)}).size(blocks); size != 0 {
			t.Errorf("class %d has %d ports, want none", n, size)
		}
	}
}

// Every port is one of just one class of endpoints, and each has as many.
func TestEndpointClassesPartitionThePorts(t *testing.T) {
	found := map[uint16]uint32{}
	for i := 0; len(found) < 64512; i++ {
		if i == 10000 {
			t.Fatalf("%d endpoints have %d ports", i, len(found))
		}
		flow := packet.MakeTuple(100, packet.ProtoUDP, packet.Addr4(0x0a000000+i), uint16(i), 0, 0)
		want := chain.EndpointClass(flow)
		for n := range uint8(chain.ClassMax + 1) {
			c := classOf(&chain.Message{Independent: true, Flow: flow, Class: n})
			if size := c.size(blocks); n == 0 && size != 1440 || n > 0 && size != 6 {
				t.Fatalf("class %d of endpoints %d has %d ports", n, want, size)
			}
			for k := range c.size(blocks) {
				p := c.port(k)
				if other, seen := found[p]; seen && other != want || p < 1024 || chain.PortClass(p) != n || chain.PortEndpointClass(p) != want {
					t.Fatalf("port %d of class %d of endpoints %d: found in %d", p, n, want, other)
				}
				found[p] = want
			}
		}
	}
}
