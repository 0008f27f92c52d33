package chain

import (
	"testing"
	"time"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

func TestOutside(t *testing.T) {
	for _, c := range []struct {
		name       string
		flow, want packet.Tuple
	}{
		{"TCP", packet.MakeTuple(100, packet.ProtoTCP, 1, 4000, 2, 80), packet.MakeTuple(0, packet.ProtoTCP, 9, 5000, 2, 80)},
		{"echo", packet.MakeTuple(100, packet.ProtoICMP, 1, 7, 2, 0), packet.MakeTuple(0, packet.ProtoICMP, 9, 5000, 2, 0)},
	} {
		m := Message{Flow: c.flow, Public: 9, PublicPort: 5000}
		if got := m.Outside(); got != c.want {
			t.Errorf("%s: Outside = %v, want %v", c.name, got, c.want)
		}
	}
}

func TestKinds(t *testing.T) {
	for kind := Kind(0); kind <= kindMax; kind++ {
		if want := kind == Choose || kind == Release || kind == Lease; kind.ForDecider() != want {
			t.Errorf("%v.ForDecider = %v", kind, !want)
		}
	}
	if Miss.String() != "miss" || Lease.String() != "lease" || len(kindNames) != int(kindMax)+1 || Kind(200).String() != "kind(200)" {
		t.Errorf("kinds print as %v, %v, %v", Miss, Lease, Kind(200))
	}
}

// Every class has a port in every block, and none is above ClassMax.
func TestPortClass(t *testing.T) {
	var ports [ClassMax + 1]int
	for port := range 1 << 16 {
		ports[PortClass(uint16(port))]++
	}
	for class, n := range ports {
		if want := 1 << 16 / PortBlock; class > 0 && n != want || class == 0 && n != want*PortsAnyone {
			t.Errorf("class %d has %d ports", class, n)
		}
	}
}

// What is not set is not printed; what is set is.
func TestString(t *testing.T) {
	flow := packet.MakeTuple(100, packet.ProtoTCP, 10<<24|1, 4000, 203<<24|1, 80)
	for _, c := range []struct {
		m    Message
		want string
	}{
		{Message{Kind: Miss, Service: 1, Flow: flow}, "miss service 1 tcp 10.0.0.1:4000 > 203.0.0.1:80 vni 100"},
		{Message{Kind: Refused, Inbound: true, Service: 1, Flow: flow, Reason: drop.NoOwner}, "refused inbound service 1 tcp 10.0.0.1:4000 > 203.0.0.1:80 vni 100: no_owner"},
		{Message{Kind: Seen, Service: 1, Flow: flow, FlagsOut: packet.TCPAck, FlagsIn: packet.TCPSyn | packet.TCPAck, Public: 198 << 24, PublicPort: 5000, At: time.Second, Age: 20},
			"seen service 1 tcp 10.0.0.1:4000 > 203.0.0.1:80 vni 100 out=A in=SA as 198.0.0.0:5000 at 1s age 20ms"},
		{Message{Kind: Choose, Packet: true, Quoted: true, Service: 1, Flow: flow, Class: 3, Lease: 77, View: 5<<32 | 10<<24 | 2},
			"choose quoted packet service 1 tcp 10.0.0.1:4000 > 203.0.0.1:80 vni 100 class 3 lease 77 view 5@10.0.0.2"},
		{Message{Kind: Copy, Service: 1, Flow: flow, State: 0x32, Age: 1500, View: 9},
			"copy service 1 tcp 10.0.0.1:4000 > 203.0.0.1:80 vni 100 state 0x32 age 1.5s view 9"},
	} {
		if got := c.m.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// Every combination of flags survives being written and read.
func TestFlags(t *testing.T) {
	for flags := range 256 {
		if got, err := ParseFlags(FlagString(uint8(flags))); err != nil || got != uint8(flags) {
			t.Errorf("flags %#x → %q → %#x, %v", flags, FlagString(uint8(flags)), got, err)
		}
	}
	if _, err := ParseFlags("SX"); err == nil {
		t.Error("ParseFlags took an unknown letter")
	}
}
