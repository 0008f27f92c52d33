package natgw

import (
	"time"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// droppedPacket is one drop that `explain` can look back on.
type droppedPacket struct {
	at      time.Duration
	tuple   packet.Tuple // with the VNI the packet came with; zero when it was not decoded
	service uint32
	reason  drop.Reason
}

// dropLog remembers the newest drops. Writing one is a store, so it is cheap
// enough for every drop.
type dropLog struct {
	ring [dropsRemembered]droppedPacket
	next int
}

func (l *dropLog) add(at time.Duration, t packet.Tuple, service uint32, r drop.Reason) {
	l.ring[l.next%dropsRemembered] = droppedPacket{at, t, service, r}
	l.next++
}

// last returns the newest drop of a packet with tuple t.
func (l *dropLog) last(t packet.Tuple) (droppedPacket, bool) {
	for i := range min(l.next, dropsRemembered) {
		if d := l.ring[(l.next-1-i)%dropsRemembered]; d.tuple == t {
			return d, true
		}
	}
	return droppedPacket{}, false
}
