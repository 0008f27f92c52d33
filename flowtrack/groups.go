package flowtrack

import (
	"hyperplane/flowtable"
	"hyperplane/packet"
)

// groups are the records that have something in common, a ring of each: those of one
// inside endpoint, say. They follow from the records alone, so nothing of them is copied
// between nodes.
//
//	key ──hash──▶ index ──▶ head ⇄ 9 ⇄ 2 ⇄ … ⇄ 5 ⇄ (head)
//	                        those that live    those that rest
type groups struct {
	by    common
	heads *flowtable.Index
	links []link // by record
}

// common is what the records of a group have in common.
type common uint8

const (
	insideEnd common = iota // the address and port of the instance
	publicEnd               // the public address and port
	peerOfEnd               // the address and port of the instance, and the remote address
)

func (g *groups) key(r *record) packet.Tuple {
	switch g.by {
	case insideEnd:
		return r.inside.Sender()
	case publicEnd:
		return r.outside().Sender()
	}
	return peerOf(r.inside)
}

// link is a record's place in its ring. The head's neighbour before it is the last one.
type link struct{ next, prev uint32 }

func newGroups(n int, seed flowtable.Seed, by common) *groups {
	return &groups{by: by, heads: flowtable.NewIndex(n, seed), links: make([]link, n)}
}

// head finds the head of the ring of a key.
func (g *groups) head(records []record, key packet.Tuple) (uint32, bool) {
	return g.heads.Find(key, func(i uint32) bool { return g.key(&records[i]) == key })
}

// join makes record i, which is written already, the head of its ring; false when there
// is no room.
func (g *groups) join(records []record, i uint32) bool {
	key := g.key(&records[i])
	head, known := g.head(records, key)
	if known {
		g.heads.Delete(key, head)
	}
	if !g.heads.Add(key, i) {
		return false
	}
	if !known {
		g.links[i] = link{i, i}
		return true
	}
	g.insert(i, head)
	return true
}

// insert puts i before at.
func (g *groups) insert(i, at uint32) {
	prev := g.links[at].prev
	g.links[i] = link{next: at, prev: prev}
	g.links[prev].next, g.links[at].prev = i, i
}

// part takes record i, which is still written, out of its ring.
func (g *groups) part(records []record, i uint32) {
	key, l := g.key(&records[i]), g.links[i]
	if g.heads.Delete(key, i) && l.next != i {
		g.heads.Add(key, l.next) // in the place that has just become free
	}
	g.links[l.prev].next, g.links[l.next].prev = l.next, l.prev
}

// lower makes record i the last of its ring, behind those that live.
func (g *groups) lower(records []record, i uint32) {
	key := g.key(&records[i])
	head, _ := g.head(records, key)
	if head != i {
		l := g.links[i]
		g.links[l.prev].next, g.links[l.next].prev = l.next, l.prev
		g.insert(i, head)
		return
	}
	if next := g.links[i].next; next != i {
		g.heads.Delete(key, i)
		g.heads.Add(key, next)
	}
}

// find returns the first record of a key that is as asked for, of the walkMax that joined
// last.
func (g *groups) find(records []record, key packet.Tuple, is func(r *record) bool) (uint32, bool) {
	head, ok := g.head(records, key)
	if !ok {
		return 0, false
	}
	for i, n := head, 0; n < walkMax; n++ {
		if is(&records[i]) {
			return i, true
		}
		if i = g.links[i].next; i == head {
			break
		}
	}
	return 0, false
}
