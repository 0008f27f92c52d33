package shard

// NodeID is the stable id of a node: the hash of its name, so that it keeps its
// place when the list is sorted otherwise or its address changes.
func NodeID(name string) uint64 { return Hash(Placement, []byte(name)) }

// Rank appends to dst[:0] the indexes of all nodes, best owner of key first, and
// returns it. The weight of a node is hash(key, id); equal weights, which equal
// ids always have, are ordered by id and then by index. Taking a node out leaves
// the order of the others as it was.
//
// It sorts by insertion, computing weights again rather than keeping them: cells
// have tens of nodes, and no memory is needed beside dst.
func Rank(dst []int, key uint64, nodes []uint64) []int {
	dst = dst[:0]
	for i := range nodes {
		dst = append(dst, i)
		for j := i; j > 0 && better(key, nodes, i, dst[j-1]); j-- {
			dst[j], dst[j-1] = dst[j-1], dst[j]
		}
	}
	return dst
}

// First returns the index of the best owner alone, or -1 when there are no
// nodes. It equals Rank(…)[0] at one hash per node.
func First(key uint64, nodes []uint64) int {
	best, weight := -1, uint64(0)
	for i, id := range nodes {
		w := weigh(key, id)
		if best < 0 || w > weight || w == weight && id < nodes[best] {
			best, weight = i, w
		}
	}
	return best
}

func weigh(key, id uint64) uint64 { return hashWords(Placement, key, id) }

// better reports whether node i comes before node j; i was listed later.
func better(key uint64, nodes []uint64, i, j int) bool {
	wi, wj := weigh(key, nodes[i]), weigh(key, nodes[j])
	return wi > wj || wi == wj && nodes[i] < nodes[j]
}
