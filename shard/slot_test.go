package shard

import (
	"testing"

	"pgregory.net/rapid"

	"hyperplane/packet"
)

// TestFragmentSlot: the pieces of a packet have one slot, whatever is in them,
// and the packets of one sender spread over all.
func TestFragmentSlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service, src := rapid.Uint32().Draw(t, "service"), packet.Addr4(rapid.Uint32().Draw(t, "src"))
		var n [Slots]int
		for id := range 16 * Slots {
			slot := FragmentSlot(service, 17, src, uint16(id))
			if slot != Slot(service, 17, src, uint16(id)) {
				t.Fatal("not the slot of a flow from that port")
			}
			n[slot]++
		}
		for slot, n := range n {
			if n > 48 {
				t.Fatalf("slot %d has %d of %d packets, want about 16", slot, n, 16*Slots)
			}
		}
	})
}
