package packet

import "fmt"

// What the tests of package packet_test may see.
const (
	ReassemblyFragmentsMax       = reassemblyFragmentsMax
	ReassemblyBlocksPerPacketMax = reassemblyBlocksPerPacketMax
	ReassemblyBlock              = reassemblyBlock
	ReassemblySourceShare        = reassemblySourceShare
)

// SourceHolds is how many datagrams and blocks a source holds.
func (r *Reassembler) SourceHolds(vni uint32, src Addr4) (datagrams, blocks int) {
	return r.holds(source4(vni, src))
}

// SourceHolds6 is how many datagrams and blocks a source of IPv6 holds.
func (r *Reassembler) SourceHolds6(vni uint32, src Addr6) (datagrams, blocks int) {
	return r.holds(source6(vni, src[:]))
}

func (r *Reassembler) holds(source sourceKey) (datagrams, blocks int) {
	k := datagramKey{source: source}
	r.sign(&k)
	if s := r.findSource(&k.source); s != none {
		return r.sources[s].datagrams, r.sources[s].blocks
	}
	return 0, 0
}

// CheckStore walks everything and says which invariant of the store is broken.
func (r *Reassembler) CheckStore() error {
	seen := make([]bool, len(r.nextBlock))
	take := func(b int32) error {
		if seen[b] {
			return fmt.Errorf("block %d is in two places", b)
		}
		seen[b] = true
		return nil
	}
	free := 0
	for b := r.freeBlock; b != none; b = r.nextBlock[b] {
		if err := take(b); err != nil {
			return err
		}
		free++
	}
	if free != r.freeBlocks {
		return fmt.Errorf("%d free blocks, counted %d", free, r.freeBlocks)
	}
	used, held, inBlocks := 0, 0, 0
	bySource := map[int32][2]int{}
	prev := none
	for d := r.oldest; d != none; d = r.datagrams[d].next {
		x := &r.datagrams[d]
		if r.find(&x.key) != d || x.prev != prev || prev != none && r.datagrams[prev].deadline > x.deadline {
			return fmt.Errorf("datagram %d: not found, or not in order of age", d)
		}
		prev = d
		fragments, blocks, bytes, end, before := 0, 0, 0, int32(0), none
		for f := x.first; f != none; f = r.fragments[f].next {
			g := r.fragments[f]
			if g.prev != before || g.from < end || g.to <= g.from {
				return fmt.Errorf("datagram %d: fragments overlap or are not sorted", d)
			}
			before, end = f, g.to
			fragments++
			bytes += int(g.to - g.from)
			for b := f; b != none; b = r.nextBlock[b] {
				if err := take(b); err != nil {
					return err
				}
				blocks++
			}
		}
		if x.last != before || fragments != x.fragments || blocks != x.blocks || bytes != x.bytes {
			return fmt.Errorf("datagram %d: %d fragments, %d blocks, %d bytes, counted %d, %d, %d", d, fragments, blocks, bytes, x.fragments, x.blocks, x.bytes)
		}
		s := bySource[x.source]
		bySource[x.source] = [2]int{s[0] + 1, s[1] + blocks}
		used, held, inBlocks = used+1, held+fragments, inBlocks+blocks
	}
	if used != r.used || held != r.held || inBlocks+free != len(r.nextBlock) || r.newest != prev {
		return fmt.Errorf("%d datagrams, %d fragments, %d+%d blocks, counted %d, %d of %d", used, held, inBlocks, free, r.used, r.held, len(r.nextBlock))
	}
	for s, n := range bySource {
		o := &r.sources[s]
		if r.findSource(&o.key) != s || o.datagrams != n[0] || o.blocks != n[1] {
			return fmt.Errorf("source %d holds %v, counted %d, %d", s, n, o.datagrams, o.blocks)
		}
		if o.datagrams > r.shareDatagrams || o.blocks > r.shareBlocks {
			return fmt.Errorf("source %d is above its share: %v", s, n)
		}
	}
	sources := 0
	for i := r.freeSource; i != none; i = r.sources[i].chain {
		sources++
	}
	if sources+len(bySource) != len(r.sources) {
		return fmt.Errorf("%d sources in use, %d free, of %d", len(bySource), sources, len(r.sources))
	}
	return nil
}
