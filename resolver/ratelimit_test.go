package resolver

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// A client may send 1,024 packets at once, and 1,024 in each second.
func TestLimiter(t *testing.T) {
	var l limiter
	client, other := netip.MustParseAddr("10.0.1.10"), netip.MustParseAddr("fd00::10")
	count := func(client netip.Addr, from, until time.Duration) (n int) {
		for now := from; now < until; now += 100 * time.Microsecond {
			if l.allow(client, now) {
				n++
			}
		}
		return n
	}
	for range packetsPerSecondMax {
		if !l.allow(client, 0) {
			t.Fatal("the burst is less")
		}
	}
	if l.allow(client, 0) {
		t.Fatal("the burst is more")
	}
	if !l.allow(other, 0) {
		t.Error("one client's limit is another's")
	}
	if n := count(client, 0, 10*time.Second); n < 10*packetsPerSecondMax-2 || n > 10*packetsPerSecondMax {
		t.Errorf("%d packets in 10 s", n)
	}
	if n := count(client, 100*time.Second, 100*time.Second+1); n != 1 || l.full[client] != 100*time.Second+packetTime {
		t.Errorf("after silence the bucket is full at %v", l.full[client])
	}
}

// The table is bounded; the silent make room.
func TestLimiterTable(t *testing.T) {
	var l limiter
	client := func(i int) netip.Addr {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(10<<24+i))))
	}
	for i := range clientsMax {
		if !l.allow(client(i), 0) {
			t.Fatalf("client %d", i)
		}
	}
	if l.allow(client(clientsMax), 0) || len(l.full) != clientsMax {
		t.Fatalf("%d clients are counted", len(l.full))
	}
	if !l.allow(client(0), 0) {
		t.Error("one that is counted is not allowed")
	}
	if !l.allow(client(clientsMax), burst) || len(l.full) != 1 {
		t.Errorf("%d clients after a second of silence", len(l.full))
	}
}
