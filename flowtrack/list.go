package flowtrack

import "hyperplane/packet"

// findInside finds the record that stands for an inside tuple: of the flow that lives,
// if one does.
func (m *Master) findInside(inside packet.Tuple) (uint32, bool) {
	return m.byInside.Find(inside, func(i uint32) bool { return m.records[i].inside == inside })
}

// findOutside finds the record of an outside tuple.
func (m *Master) findOutside(outside packet.Tuple) (uint32, bool) {
	return m.byOutside.Find(outside, func(i uint32) bool { return m.records[i].outside() == outside })
}

// Lookup finds a flow by the tuple the instance sends (with its VNI), or by
// the tuple the internet sees (VNI 0) in either direction. It changes nothing.
func (m *Master) Lookup(flow packet.Tuple) (Flow, bool) {
	if flow.VNI() != 0 {
		i, ok := m.living(flow)
		return m.flow(i, ok)
	}
	if i, ok := m.findOutside(flow); ok {
		return m.flow(i, ok)
	}
	i, ok := m.findOutside(flow.Reverse())
	return m.flow(i, ok)
}

// Each calls yield with every flow until it returns false, in an order that
// only depends on the messages before. yield must not call Step, Tick or Apply.
func (m *Master) Each(yield func(Flow) bool) {
	for i := range uint32(m.slab.High()) {
		if !m.slab.InUse(i) {
			continue
		}
		if f, _ := m.flow(i, true); !yield(f) {
			return
		}
	}
}

func (m *Master) flow(i uint32, ok bool) (Flow, bool) {
	if !ok {
		return Flow{}, false
	}
	r := &m.records[i]
	return Flow{
		Service: r.service, Inside: r.inside, Public: r.public, PublicPort: r.publicPort, State: r.state,
		Independent: r.independent(),
		Owned:       m.Owns(uint32(r.slot)), Memory: !m.valid(r), Opened: r.opened, LastSeen: r.lastSeen, Deadline: m.deadline(r), Lease: r.lease,
	}, true
}

// Owned returns the number of flows that this node decides about. It walks the
// table: not for every packet.
func (m *Master) Owned() (n int) {
	for i := range uint32(m.slab.High()) {
		if m.slab.InUse(i) && m.records[i].state != Resting && m.valid(&m.records[i]) && m.Owns(uint32(m.records[i].slot)) {
			n++
		}
	}
	return n
}
