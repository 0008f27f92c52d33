package chain

import (
	"testing"

	"hyperplane/packet"
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
	for kind := Kind(0); kind <= Release; kind++ {
		if want := kind == Choose || kind == Release; kind.ForDecider() != want {
			t.Errorf("%v.ForDecider = %v", kind, !want)
		}
	}
	if Miss.String() != "miss" || Release.String() != "release" || Kind(200).String() != "kind(200)" {
		t.Errorf("kinds print as %v, %v, %v", Miss, Release, Kind(200))
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
