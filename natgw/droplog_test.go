package natgw

import (
	"testing"
	"time"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

func TestDropLog(t *testing.T) {
	var l dropLog
	tuple := func(port uint16) packet.Tuple { return packet.MakeTuple(100, packet.ProtoUDP, 1, port, 2, 53) }
	if _, ok := l.last(tuple(1)); ok {
		t.Error("an empty log remembers something")
	}
	l.add(1, tuple(1), 1, drop.NoFlow)
	l.add(2, tuple(1), 1, drop.TooBig)
	if d, ok := l.last(tuple(1)); !ok || d.reason != drop.TooBig {
		t.Errorf("last: %v %v, want the newest", d, ok)
	}
	for i := range dropsRemembered {
		l.add(time.Duration(3+i), tuple(uint16(2+i)), 1, drop.NoFlow)
	}
	if _, ok := l.last(tuple(1)); ok {
		t.Error("the log remembers more than it holds")
	}
	if _, ok := l.last(tuple(2)); !ok {
		t.Error("the log has lost one that it has room for")
	}
}
