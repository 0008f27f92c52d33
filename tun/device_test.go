package tun

import (
	"testing"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// What the kernel hands over is checked before it is believed.
func TestAccept(t *testing.T) {
	header := func(flags, gso byte) []byte {
		b := make([]byte, packet.VirtioLen+1)
		b[0], b[1], b[packet.VirtioLen] = flags, gso, 0x45
		return b
	}
	for _, c := range []struct {
		name string
		in   []byte
		want drop.Reason
	}{
		{"packet", header(0, 0), drop.None},
		{"nothing", nil, drop.TooShort},
		{"header alone", header(0, 0)[:packet.VirtioLen], drop.TooShort},
		{"unknown segmentation", header(0, 3), drop.BadOffload},
		{"unknown flag", header(0x40, 0), drop.BadOffload},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := packet.Packet{Offload: packet.Offload{Partial: true}} // reused
			if got := accept(&p, c.in); got != c.want {
				t.Fatalf("reason %v, want %v", got, c.want)
			}
			if c.want == drop.None && (len(p.Data) != 1 || p.Offload != packet.Offload{}) {
				t.Errorf("packet %+v", p)
			}
		})
	}
}
