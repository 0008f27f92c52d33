package flowtrack

import (
	"hyperplane/cellstate"
	"hyperplane/flowtable"
	"hyperplane/packet"
)

// tally counts the flows of each instance that this node holds, its own and copies of
// others', for gateways that limit them (RFC 6888, REQ-4). A flow of a limited instance is
// opened by the owner of its slot, which knows those of its own slots and of those that it
// is a second holder of: so with n Flow Masters an instance gets up to n/2 times the limit
// when its flows are spread, and the limit itself when all of them are of one slot. No
// message is spent on it.
//
// There is one while some gateway has a limit; an instance beyond tallyMax is not limited.
type tally struct {
	byInstance *flowtable.Index
	slab       *flowtable.Slab
	counts     []tallied
}

type tallied struct {
	instance packet.Tuple // VNI and address alone
	flows    int32
}

func instanceOf(inside packet.Tuple) packet.Tuple {
	return packet.Tuple{Net: inside.Net &^ 0xff, Src: inside.Src}
}

func (t *tally) find(instance packet.Tuple) (uint32, bool) {
	return t.byInstance.Find(instance, func(i uint32) bool { return t.counts[i].instance == instance })
}

func (t *tally) of(inside packet.Tuple) int {
	if i, ok := t.find(instanceOf(inside)); ok {
		return int(t.counts[i].flows)
	}
	return 0
}

func (t *tally) add(inside packet.Tuple) {
	instance := instanceOf(inside)
	i, ok := t.find(instance)
	if !ok {
		if i, ok = t.slab.Take(); !ok {
			return
		}
		if !t.byInstance.Add(instance, i) {
			t.slab.Give(i)
			return
		}
		t.counts[i] = tallied{instance: instance}
	}
	t.counts[i].flows++
}

func (t *tally) sub(inside packet.Tuple) {
	instance := instanceOf(inside)
	i, ok := t.find(instance)
	if !ok {
		return
	}
	if t.counts[i].flows--; t.counts[i].flows == 0 {
		t.byInstance.Delete(instance, i)
		t.slab.Give(i)
	}
}

// tallies makes the tally that a state asks for: of the flows that are there, in one go,
// where there was none.
func (m *Master) tallies(state *cellstate.State) {
	limited := false
	for _, g := range state.Gateways {
		limited = limited || g.FlowsPerInstance > 0
	}
	if !limited || m.tally != nil {
		if !limited {
			m.tally = nil
		}
		return
	}
	m.tally = &tally{
		byInstance: flowtable.NewIndex(tallyMax, m.seed),
		slab:       flowtable.NewSlab(tallyMax),
		counts:     make([]tallied, tallyMax),
	}
	for i := range uint32(m.slab.High()) {
		if m.slab.InUse(i) && m.records[i].state != Resting {
			m.tally.add(m.records[i].inside)
		}
	}
}

// begins and ceases note that a record is of a flow that lives, and is no more.
func (m *Master) begins(inside packet.Tuple) {
	if m.tally != nil {
		m.tally.add(inside)
	}
}

func (m *Master) ceases(inside packet.Tuple) {
	if m.tally != nil {
		m.tally.sub(inside)
	}
}

// crowded reports whether an instance has as many flows as its gateway allows one.
func (m *Master) crowded(gateway *cellstate.NATGateway, inside packet.Tuple) bool {
	return m.tally != nil && gateway.FlowsPerInstance > 0 && m.tally.of(inside) >= gateway.FlowsPerInstance
}
