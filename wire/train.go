package wire

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
)

// train is a run of datagrams for one peer that leave in one system call, if
// they fit the path. All are seg bytes long but the last, which may be shorter
// and closes the train.
//
//	arena  │hdr a + packet a│hdr b + packet b│hdr c + head c│hdr d + head d│
//	iovecs └────────────── 0 ──────────────────────────────┘└───── 2 ──────┘
//	                                         referenced body c └ 1   body d └ 3
type train struct {
	peer   packet.Addr4
	lane   uint8 // its datagrams are all of one lane: the receiver's kernel looks at the first
	seg    int
	n      int    // datagrams
	bytes  int    // of all datagrams
	ends   uint64 // bit i: datagram i is the last of a packet
	closed bool   // takes no more datagrams
	singly bool   // its datagrams are longer than the path: they leave one by one
	copied bool   // the last iovec ends where the arena's free part begins
	broken bool   // after Flush: the packet that goes on in another train lost a datagram here

	// from is the train in which the packet began whose rest this train begins
	// with, -1 when there is none.
	from int

	iovecs int
	iovec  [trainIovecsMax]unix.Iovec
	used   int // bytes of arena
	arena  []byte
}

// accepts says whether a datagram of size bytes may follow in this train.
func (t *train) accepts(size int) bool {
	return !t.closed && size <= t.seg && t.bytes+size <= datagramMax
}

// copy appends bytes of the current datagram.
func (t *train) copy(b []byte) {
	if len(b) == 0 {
		return
	}
	copy(t.arena[t.used:], b)
	t.extend(len(b))
}

// extend appends n bytes that stand in the arena behind those used.
func (t *train) extend(n int) {
	if !t.copied {
		t.iovec[t.iovecs].Base = &t.arena[t.used]
		t.iovec[t.iovecs].Len = 0
		t.iovecs++
		t.copied = true
	}
	last := &t.iovec[t.iovecs-1]
	last.SetLen(int(last.Len) + n)
	t.used += n
}

// body appends a packet's bytes to the current datagram: short ones as a copy,
// long ones by reference.
func (t *train) body(b []byte) {
	if len(b) <= copyMax {
		t.copy(b)
		return
	}
	t.iovec[t.iovecs].Base = unsafe.SliceData(b)
	t.iovec[t.iovecs].SetLen(len(b))
	t.iovecs++
	t.copied = false
}

// finish ends the current datagram of size bytes; last says that a packet ends with it.
func (t *train) finish(size int, last bool) {
	if last {
		t.ends |= 1 << t.n
	}
	t.n++
	t.bytes += size
	t.closed = t.closed || size < t.seg || t.n == trainDatagramsMax
}

// queue holds the trains between two flushes, in the order in which they
// began. Only the latest train of a peer and lane takes datagrams: that keeps a
// peer's packets in order.
type queue struct {
	trains []train
	n      int
	sizeOK int // longest datagram that fits the path; the kernel takes no train of longer ones

	// latest finds a peer's latest train of a lane (index + 1) by a hash of both.
	// Two peers that share a place only close each other's trains.
	latest [latestPlaces]uint16
}

const latestPlaces = 256

func (q *queue) init(sizeOK int) {
	q.sizeOK = sizeOK
	q.trains = make([]train, trainsMax)
	arenas := make([]byte, trainsMax*datagramMax)
	for i := range q.trains {
		q.trains[i].arena = arenas[i*datagramMax:][:datagramMax:datagramMax]
	}
}

// room returns a train for the next datagram of a lane to peer and its index, nil when
// there is none left.
func (q *queue) room(peer packet.Addr4, lane uint8, size int) (*train, int) {
	place := &q.latest[(uint32(peer)*0x9e3779b1)>>24^uint32(lane)]
	if *place != 0 {
		i := int(*place) - 1
		if t := &q.trains[i]; t.peer == peer && t.lane == lane && t.accepts(size) {
			return t, i
		}
	}
	if q.n == len(q.trains) {
		return nil, -1
	}
	i := q.n
	q.n++
	*place = uint16(q.n)
	t := &q.trains[i]
	t.peer, t.lane, t.seg, t.from = peer, lane, size, -1
	t.n, t.bytes, t.ends, t.iovecs, t.used = 0, 0, 0, 0, 0
	t.copied, t.broken = false, false
	t.closed, t.singly = false, size > q.sizeOK
	return t, i
}

func (q *queue) reset() {
	q.n = 0
	clear(q.latest[:])
}
