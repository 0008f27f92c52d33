package flowtrack

import "time"

// A lease id names one decision among all about its slot. It is unique because the
// owner of a slot differs from view to view and its clock goes on within one, and
// it tells when the question was asked:
//
//	63           40 39                                      0
//	│ view counter │ owner's clock, in units of 16 µs, or one │
//	│   24 bits    │ more than the last, whichever is later   │
const (
	leaseClockBits = 40
	leaseUnit      = 16 * time.Microsecond
	leaseClockMask = 1<<leaseClockBits - 1
)

// newLease returns the next lease id.
func (m *Master) newLease(now time.Duration) uint64 {
	m.asked = max(m.asked+1, uint64(now/leaseUnit)+1, m.cut+1)
	return m.lease()
}

// lease is the newest id given, as one of the present view.
func (m *Master) lease() uint64 {
	return m.current.ballot>>32<<leaseClockBits | m.asked&leaseClockMask
}

// askedAt is the value of asked that went into a lease id of this node's. An id holds
// 203 days of it, and no question is as old as that.
func (m *Master) askedAt(lease uint64) uint64 {
	return m.asked - (m.asked-lease)&leaseClockMask
}
