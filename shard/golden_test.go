package shard

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hyperplane/packet"
)

var rewrite = flag.Bool("rewrite", false, "write the golden tables anew: never for a change of an algorithm, it would move live flows")

// TestGolden holds every placement decision to the bit (I15). A difference here
// is not a test to renew but a change that would send live flows to nodes that
// do not know them.
func TestGolden(t *testing.T) {
	for name, table := range map[string]func() string{
		"ids": func() string {
			var b strings.Builder
			for _, n := range []string{"", "a", "node-1", "node-2", "node-3", "edge-1", "edge-2", "a-name-that-is-longer-than-two-words"} {
				fmt.Fprintf(&b, "%-40q %#016x\n", n, NodeID(n))
			}
			return b.String()
		},
		"slots": func() string {
			var b strings.Builder
			for _, service := range []uint32{1, 2, 1<<32 - 1} {
				for _, proto := range []uint8{1, 6, 17} {
					for _, addr := range []packet.Addr4{0, 0xcb00710a, 0xcb007114, 0xffffffff} {
						for _, port := range []uint16{0, 53, 80, 65535} {
							fmt.Fprintf(&b, "service %-10d proto %-2d remote %s:%-5d slot %d\n", service, proto, addr, port, Slot(service, proto, addr, port))
						}
					}
				}
			}
			return b.String()
		},
		"rank": func() string {
			var b strings.Builder
			for n := range 9 {
				for _, key := range []uint64{0, OwnerKey(1, 0), OwnerKey(1, 1), OwnerKey(2, 1023), 1<<64 - 1} {
					fmt.Fprintf(&b, "node-1..%d key %#016x: %v\n", n, key, Rank(nil, key, names(n)))
				}
			}
			return b.String()
		},
		"owners": func() string {
			var b strings.Builder
			var table Table
			for _, n := range []int{1, 2, 3, 5, 16, TableNodesMax} {
				table.Build(names(n), TableBestMax)
				for _, slot := range []uint32{0, 1, 2, 511, Slots - 1} {
					fmt.Fprintf(&b, "node-1..%d slot %d, key %#016x: %v\n", n, slot, OwnerKey(0, slot), table.At(slot))
				}
				// Its hash stands for the whole table.
				var raw []byte
				for slot := range uint32(Slots) {
					raw = append(raw, table.At(slot)...)
				}
				fmt.Fprintf(&b, "node-1..%d all slots: siphash %#016x\n", n, Hash(Placement, raw))
			}
			return b.String()
		},
		"maglev": func() string {
			var b strings.Builder
			for _, n := range []int{1, 2, 3, 7} {
				for _, size := range []int{7, 251} {
					fmt.Fprintf(&b, "node-1..%d size %d: %v\n", n, size, Maglev(names(n), size))
				}
			}
			// The size the edges use: its hash stands for the whole table.
			for _, n := range []int{1, 2, 32} {
				var raw []byte
				for _, i := range Maglev(names(n), 4093) {
					raw = append(raw, byte(i), byte(i>>8))
				}
				fmt.Fprintf(&b, "node-1..%d size 4093: siphash %#016x\n", n, Hash(Placement, raw))
			}
			return b.String()
		},
	} {
		t.Run(name, func(t *testing.T) {
			file, got := "testdata/"+name+".txt", table()
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("placement changed (-golden +now):\n%s", diff)
			}
		})
	}
}
