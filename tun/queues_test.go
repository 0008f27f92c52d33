package tun_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"hyperplane/packet"
	"hyperplane/tun"
	"hyperplane/tun/tuntest"
)

// The kernel spreads flows over the queues, keeps each flow on one, and takes
// writes on all of them at once.
func TestQueues(t *testing.T) {
	const queues, flows, each = 4, 64, 3
	ns := tuntest.Namespace(t)
	devices := open(t, tun.Config{Name: "hptest0", MTU: 1500, Queues: queues, NetNS: ns})
	if len(devices) != queues {
		t.Fatalf("%d devices, want %d", len(devices), queues)
	}
	f := openFar(t, ns, "hptest0")
	for range each {
		for flow := range flows {
			if err := f.Inject(ofFlow(flow)); err != nil {
				t.Fatalf("inject: %v", err)
			}
		}
	}
	queueOf := map[uint16]int{}
	used := map[int]bool{}
	buf := make([]byte, tun.ReadLen)
	limit := time.Now().Add(5 * time.Second)
	for read := 0; read < flows*each; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("read %d packets of %d", read, flows*each)
		}
		for i, d := range devices {
			p, ok, err := d.Read(buf)
			if err != nil {
				t.Fatalf("read: %v", err)
			}
			if !ok {
				continue
			}
			read++
			used[i] = true
			port := packet.UDP(packet.IPv4(p.Data).Payload()).SrcPort()
			if q, seen := queueOf[port]; seen && q != i {
				t.Errorf("port %d on queues %d and %d", port, q, i)
			}
			queueOf[port] = i
		}
	}
	if len(used) < 2 {
		t.Errorf("%d flows used %d queue of %d", flows, len(used), queues)
	}

	var writers sync.WaitGroup
	for i, d := range devices {
		writers.Go(func() {
			for flow := range flows {
				p := ofFlow(flow*queues + i)
				d.Write(&p)
			}
			d.Flush()
		})
	}
	writers.Wait()
	got := 0
	for got < flows*queues {
		if time.Now().After(limit) {
			t.Fatalf("%d packets arrived of %d", got, flows*queues)
		}
		got += len(f.Sent())
		runtime.Gosched()
	}
	for i, d := range devices {
		if s := d.Stats(); s.WrittenPackets != flows || s.RefusedPackets != 0 {
			t.Errorf("queue %d: written %d, refused %d, want %d and 0", i, s.WrittenPackets, s.RefusedPackets, flows)
		}
	}
}

// ofFlow is a datagram from a port of its own.
func ofFlow(n int) packet.Packet {
	p := tuntest.UDPData(0, 20)
	udp := packet.UDP(packet.IPv4(p.Data).Payload())
	udp.SetSrcPort(uint16(1024 + n))
	udp.UpdateChecksum(packet.IPv4(p.Data).Src(), packet.IPv4(p.Data).Dst())
	return p
}
