package sim

import "time"

// link is one direction between two places of the underlay. Faults that
// overlap on it add up, and each takes back only what it added.
type link struct {
	base linkShape
	dice dice

	// Added by faults.
	cuts      int // it carries nothing while positive
	loss      int // further losses, in millionths
	bursts    int // it has bad spells while positive
	delay     time.Duration
	copies    int           // further duplicates, in millionths
	perPacket time.Duration // a narrow link: time on it for each datagram

	clogged time.Duration // what is sent waits until then
	free    time.Duration // of a narrow link: when the next datagram may begin
	bad     bool          // in a bad spell
	last    time.Duration // when the latest datagram arrives: the next comes not before it
	onWay   int
}

// linkShape is what a link does without faults. Chances are in millionths.
type linkShape struct {
	min, mean                      time.Duration
	loss, duplicate, reorder, bits int
	toBad, toGood, lossBad         int // of bad spells
}

// fate is what becomes of one datagram.
type fate struct {
	lost, corrupt bool
	byFault       bool             // one that makes the link lose is in force
	at            [2]time.Duration // of arrival; the second is a duplicate's
	n             int
}

// send decides about a datagram sent at now.
func (l *link) send(now time.Duration) (f fate) {
	s := &l.base
	f.byFault = l.cuts > 0 || l.loss > 0 || l.bursts > 0
	if l.cuts > 0 || l.onWay >= linkQueueMax || l.dice.chance(s.loss+l.loss) || l.badSpell() {
		f.lost = true
		return f
	}
	f.corrupt = l.dice.chance(s.bits)
	start := max(now, l.clogged)
	if l.perPacket > 0 {
		start = max(start, l.free)
		l.free = start + l.perPacket
		if start-now > linkDelayMax {
			f.lost = true
			return f
		}
	}
	at := start + s.min + l.delay + l.dice.about(s.mean-s.min)
	if l.dice.chance(s.reorder) {
		at += l.dice.between(0, 20*s.mean)
	} else {
		at = max(at, l.last)
		l.last = at
	}
	f.at[0], f.n = at, 1
	if l.dice.chance(s.duplicate + l.copies) {
		f.at[1], f.n = at+l.dice.about(10*s.mean), 2
	}
	return f
}

// badSpell moves between the two states of Gilbert and Elliott's model and
// reports whether the datagram is lost in the bad one.
func (l *link) badSpell() bool {
	if l.bursts == 0 && l.base.toBad == 0 {
		l.bad = false
		return false
	}
	toBad, toGood, loss := burstToBad, burstToGood, burstLoss
	if l.bursts == 0 {
		toBad, toGood, loss = l.base.toBad, l.base.toGood, l.base.lossBad
	}
	if l.bad {
		l.bad = !l.dice.chance(toGood)
	} else {
		l.bad = l.dice.chance(toBad)
	}
	return l.bad && l.dice.chance(loss)
}
