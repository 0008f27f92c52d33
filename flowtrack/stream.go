package flowtrack

import (
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/shard"
)

// stream sends the records of one owner to one holder, round after round, at a
// pace that nothing changes. The batches of a view are numbered; the holder says
// up to which number it has all of them, and the owner goes back to the first one
// that it does not (go-back-N). It may then cut the rest into other batches than
// before, so these have numbers of their own: an acknowledgement always means what
// was sent under the number. When a round has ended and all of it has been
// acknowledged, the holder knows every flow that the owner knew when the round
// began; those that came later passed by it one by one.
//
//	records  0 … … … … … … … … … high       round: from 0 to high
//	         ▲acked   ▲cursor
//	batches   12 13 14│15                   at most streamWindow under way
//
//	number  31          20 19            0
//	        │ times it went │ batch since, │   both wrap around
//	        │ back          │ from 1       │
type stream struct {
	to packet.Addr4

	next, acked uint32 // the number of the next batch, and the last acknowledged
	marks       [streamWindow]int
	cursor      int
	ackedAt     time.Duration // when acked last moved, or the first batch after that left
	budget      int           // batches left in this tick

	began      time.Duration // of the round
	whole      bool          // the round began when the owner knew all its flows
	lastBatch  uint32        // the number of the round's last batch; 0: it has not been sent
	heldBefore time.Duration // all flows opened before are held
	complete   bool          // one round has ended in this view
	lacking    int           // flows that the last round found not copied yet …
	counting   int           // … and this one so far
}

// hearing is what a holder has heard of one owner's stream.
type hearing struct {
	from packet.Addr4
	upTo uint32
}

// Batch is one batch of a stream, to be sent to one node.
type Batch struct {
	To     packet.Addr4
	Number uint32
	Last   bool // ends a round after which the holder knows everything
}

// restream begins all streams anew for a view.
func (m *Master) restream(now time.Duration, v View) {
	m.streams, m.hearing = m.streams[:0], m.hearing[:0]
	if !v.Mine {
		return
	}
	for _, x := range v.Members {
		if x.Addr != m.self && m.copiesTo(x.Addr) {
			m.streams = append(m.streams, stream{to: x.Addr, next: 1, began: now, ackedAt: now, heldBefore: -1, whole: m.knowsOwn(now)})
		}
	}
}

// copiesTo reports whether a node is to hold any slot that this one owns.
func (m *Master) copiesTo(a packet.Addr4) bool {
	for s := range uint32(shard.Slots) {
		if m.ownsInView(s) && m.current.holds(a, s) {
			return true
		}
	}
	return false
}

// knowsOwn reports whether this node knows all flows of the slots that it owns.
func (m *Master) knowsOwn(now time.Duration) bool {
	for s := range uint32(shard.Slots) {
		if m.ownsInView(s) && now < m.current.knows[s] {
			return false
		}
	}
	return true
}

// NextBatch appends the records of the next batch that is due to records, until
// no batch is due.
func (m *Master) NextBatch(now time.Duration, records []chain.Message) (Batch, []chain.Message, bool) {
	if m.standing.Alone || !m.standing.Serving {
		return Batch{}, records, false
	}
	for i := range m.streams {
		s := &m.streams[i]
		for s.budget > 0 && m.due(now, s) {
			s.budget--
			at := s.cursor
			if records = m.fill(now, s, records); len(records) == 0 && s.cursor < m.slab.High() {
				continue // looked at many that are not for this holder
			}
			b := Batch{To: s.to, Number: s.next}
			if s.cursor >= m.slab.High() {
				s.lastBatch, b.Last = s.next, s.whole
				s.lacking, s.counting = s.counting, 0
			}
			if s.next == s.acked+1 {
				s.ackedAt = now
			}
			s.marks[s.next%streamWindow] = at
			s.next++
			return b, records, true
		}
	}
	return Batch{}, records, false
}

// due decides whether the stream may send, and turns rounds and goes back where
// that is due.
func (m *Master) due(now time.Duration, s *stream) bool {
	if s.next != s.acked+1 && now-s.ackedAt >= streamRetry {
		s.cursor, s.ackedAt = s.marks[(s.acked+1)%streamWindow], now
		if s.lastBatch != s.acked {
			s.lastBatch = 0
		}
		s.renumber()
	}
	if s.next&batchMask == batchMask { // the last number of this kind
		if s.next != s.acked+1 {
			return false
		}
		s.renumber()
	}
	if s.lastBatch != 0 {
		if s.acked != s.lastBatch || now-s.began < roundPeriod {
			return false
		}
		s.began, s.cursor, s.lastBatch, s.whole = now, 0, 0, m.knowsOwn(now)
	}
	return s.next-s.acked <= streamWindow
}

// renumber goes over to the numbers after those that may have been used.
func (s *stream) renumber() {
	ended := s.lastBatch == s.acked
	s.acked = (s.acked>>batchBits + 1) << batchBits
	s.next = s.acked + 1
	if s.lastBatch != 0 && ended {
		s.lastBatch = s.acked
	}
}

// fill appends the owner's records for the stream's holder, from the cursor on.
func (m *Master) fill(now time.Duration, s *stream, records []chain.Message) []chain.Message {
	for range scanPerBatchMax {
		if s.cursor >= m.slab.High() || len(records) == m.BatchRecords {
			break
		}
		i := uint32(s.cursor)
		s.cursor++
		if !m.slab.InUse(i) {
			continue
		}
		r := &m.records[i]
		if !m.ownsInView(uint32(r.slot)) || !m.valid(r) || !m.current.holds(s.to, uint32(r.slot)) {
			continue
		}
		if !r.copied && r.opened < m.heldBefore() {
			r.copied = true
		}
		if !r.copied && r.state != Resting {
			s.counting++
		}
		c := r.message(chain.Copy)
		c.To, c.View, c.Age, c.Quoted = s.to, m.current.ballot, milliseconds(now-r.lastSeen), !r.copied
		if r.state == Resting {
			c.Age = milliseconds(r.opened - now)
		}
		records = append(records, c)
	}
	return records
}

// heldBefore is the time before which all flows opened are held by everybody who
// should.
func (m *Master) heldBefore() time.Duration {
	t := never
	for i := range m.streams {
		t = min(t, m.streams[i].heldBefore)
	}
	return t
}

// heldRound says that at a time all holders had heard of all that happened before
// another.
type heldRound struct{ before, at time.Duration }

// noteHeld remembers that a round has ended at all holders.
func (m *Master) noteHeld(now time.Duration) {
	before := m.heldBefore()
	if n := len(m.heldRounds); before < 0 || n > 0 && m.heldRounds[n-1].before == before {
		return
	}
	if len(m.heldRounds) == heldRoundsMax {
		m.heldRounds = m.heldRounds[:copy(m.heldRounds, m.heldRounds[1:])]
	}
	m.heldRounds = append(m.heldRounds, heldRound{before, now})
}

// toldLongAgo is the time before which all that happened was known to every holder
// so long ago that no entry given in ignorance of it is in use.
func (m *Master) toldLongAgo(now time.Duration) time.Duration {
	for i := len(m.heldRounds) - 1; i >= 0; i-- {
		if h := m.heldRounds[i]; now-h.at >= ignoranceMax {
			return h.before
		}
	}
	return -1
}

// ack notes up to which batch a holder has all.
func (m *Master) ack(now time.Duration, msg *chain.Message) {
	if msg.View != m.current.ballot {
		return
	}
	for i := range m.streams {
		s := &m.streams[i]
		upTo := uint32(msg.Lease)
		if s.to != msg.From || upTo-s.acked-1 >= s.next-s.acked-1 {
			continue // nothing new, or a number that was given up
		}
		s.acked, s.ackedAt = upTo, now
		if s.lastBatch != 0 && s.acked == s.lastBatch {
			s.heldBefore, s.complete = s.began, true
			m.noteHeld(now)
		}
	}
}

// Heard notes a batch of a stream, after its messages have been taken by Step,
// and returns the Ack for it; false if it is of another view.
func (m *Master) Heard(now time.Duration, from packet.Addr4, view uint64, number uint32, last bool) (chain.Message, bool) {
	if view != m.current.ballot || !m.current.mine || number == 0 {
		return chain.Message{}, false
	}
	var h *hearing
	for i := range m.hearing {
		if m.hearing[i].from == from {
			h = &m.hearing[i]
		}
	}
	if h == nil {
		if len(m.hearing) == streamsMax {
			return chain.Message{}, false
		}
		m.hearing = append(m.hearing, hearing{from: from})
		h = &m.hearing[len(m.hearing)-1]
	}
	wentBack := number&batchMask == 1 && int32(number-h.upTo) > 0
	if number == h.upTo+1 || wentBack {
		if h.upTo = number; last {
			m.told(now, from)
		}
	}
	return chain.Message{Kind: chain.Ack, View: view, Lease: uint64(h.upTo), To: from}, true
}

// told notes that an owner has told this node all that it knows.
func (m *Master) told(now time.Duration, owner packet.Addr4) {
	for s := range uint32(shard.Slots) {
		if m.current.owner(s) == owner && m.current.knows[s] == never && m.current.holds(m.self, s) {
			m.current.knows[s] = now
		}
	}
}

// Unheld reports how many of this node's flows may be with no other node: those that
// the latest rounds found not copied yet, and all while a stream has not ended its
// first round.
func (m *Master) Unheld() int {
	for i := range m.streams {
		if !m.streams[i].complete {
			return m.slab.Len()
		}
	}
	lacking := 0
	for i := range m.streams {
		lacking = max(lacking, m.streams[i].lacking)
	}
	return lacking
}

// renew tells the Deciders again of a share of the leases, all of them every
// renewPeriod.
func (m *Master) renew(now time.Duration, out []chain.Message) []chain.Message {
	elapsed := now - m.renewedAt
	m.renewedAt = now
	high := m.slab.High()
	if high == 0 {
		return out
	}
	share := min(int64(high), int64(high)*int64(elapsed)/int64(renewPeriod)+1, sweepPerCallMax)
	for range share {
		if m.renewAt >= high {
			m.renewAt = 0
		}
		i := uint32(m.renewAt)
		m.renewAt++
		if m.slab.InUse(i) && m.Owns(uint32(m.records[i].slot)) && m.valid(&m.records[i]) {
			out = append(out, m.leaseNote(i))
		}
	}
	return out
}
