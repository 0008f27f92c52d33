package livenesstest

import (
	"os"
	"testing"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/shard"
)

// Example is the state of cellstate's example. A test runs in its package's
// folder, and the roles' folders stand beside cellstate.
func Example(t testing.TB) *cellstate.State {
	t.Helper()
	b, err := os.ReadFile("../cellstate/testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := cellstate.Parse("example.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// FirstTop is the Top of a slot when all are alive, by the definition.
func FirstTop(s *cellstate.State, slot uint32) packet.Addr4 {
	var ids []uint64
	for _, top := range s.Tops {
		ids = append(ids, top.ID)
	}
	return s.Tops[shard.First(shard.OwnerKey(0, slot), ids)].Addr
}
