package resolver

import (
	"net/netip"
	"sync"
	"time"
)

// limiter counts the packets of clients: a token bucket for each, kept as the time at
// which it is full again. A client whose bucket is full needs no record.
type limiter struct {
	mu   sync.Mutex // innermost: nothing is locked under it
	full map[netip.Addr]time.Duration
	next time.Duration // when sweep looks again
}

// allow takes one token of a client's bucket at now; false means that there is
// none, or that the table has no room for the client.
func (l *limiter) allow(client netip.Addr, now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	full, known := l.full[client]
	if !known && len(l.full) >= clientsMax && !l.sweep(now) {
		return false
	}
	full = max(full, now)
	if full+packetTime > now+burst {
		return false
	}
	if l.full == nil {
		l.full = make(map[netip.Addr]time.Duration)
	}
	l.full[client] = full + packetTime
	return true
}

// sweep forgets full buckets, at most once in the time that an empty one takes to
// fill, and reports whether there is room.
func (l *limiter) sweep(now time.Duration) bool {
	if now < l.next {
		return false
	}
	l.next = now + burst
	for c, full := range l.full {
		if full <= now {
			delete(l.full, c)
		}
	}
	return len(l.full) < clientsMax
}
