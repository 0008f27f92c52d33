package tun_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/tun/tuntest"
)

// noGSO is a kernel that refuses every superpacket.
func noGSO(off packet.Offload) unix.Errno {
	if off.GSO != packet.GSONone {
		return unix.EINVAL
	}
	return 0
}

// writeTCP queues and flushes n segments of 1000 bytes, from stream position 0.
func writeTCP(d *tuntest.Device, n int) {
	for i := range n {
		p := tuntest.TCPData(i*1000, 1000)
		d.Write(&p)
	}
	d.Flush()
}

func writeUDP(d *tuntest.Device, n int) {
	for i := range n {
		p := tuntest.UDPData(i*100, 100)
		d.Write(&p)
	}
	d.Flush()
}

// wantStats compares the counters that cutting moves.
func wantStats(t *testing.T, d *tuntest.Device, written, refused, refusedGSO int) {
	t.Helper()
	s := d.Stats()
	if s.WrittenPackets != uint64(written) || s.RefusedPackets != uint64(refused) || s.RefusedGSO != uint64(refusedGSO) {
		t.Errorf("written %d, refused %d, refused superpackets %d; want %d, %d, %d",
			s.WrittenPackets, s.RefusedPackets, s.RefusedGSO, written, refused, refusedGSO)
	}
}

// A refused superpacket leaves as the packets it was made of.
func TestCutWhenRefused(t *testing.T) {
	d := tuntest.New(1500)
	d.Refuse(noGSO)
	writeTCP(d, 10)
	writeUDP(d, 10)
	sent := d.Sent()
	if len(sent) != 20 {
		t.Fatalf("%d packets left, want 20", len(sent))
	}
	for i := range 10 {
		same(t, sent[i], tuntest.Partial(tuntest.TCPData(i*1000, 1000)))
		same(t, sent[10+i], tuntest.Partial(tuntest.UDPData(i*100, 100)))
	}
	wantStats(t, d, 20, 0, 2)
}

// One that was queued as a superpacket is cut as well.
func TestCutSuperpacket(t *testing.T) {
	d := tuntest.New(1500)
	d.Refuse(noGSO)
	p := tuntest.Super(tuntest.TCPData(0, 2500), 1000)
	d.Write(&p)
	d.Flush()
	sent := d.Sent()
	if len(sent) != 3 {
		t.Fatalf("%d packets left, want 3", len(sent))
	}
	same(t, sent[0], tuntest.Partial(tuntest.TCPData(0, 1000)))
	same(t, sent[1], tuntest.Partial(tuntest.TCPData(1000, 1000)))
	last := tuntest.TCPData(2000, 500)
	packet.IPv4(last.Data).SetID(2)
	same(t, sent[2], tuntest.Partial(last))
	wantStats(t, d, 1, 0, 1)
}

// So is one of IPv6, and what was merged leaves as it came.
func TestCutIPv6(t *testing.T) {
	d := tuntest.New(1500)
	d.Refuse(noGSO)
	for i := range 3 {
		p := tuntest.UDPData6(i*100, 100)
		d.Write(&p)
	}
	p := tuntest.Super(tuntest.TCPData6(0, 2500), 1000)
	d.Write(&p)
	d.Flush()
	sent := d.Sent()
	if len(sent) != 6 {
		t.Fatalf("%d packets left, want 6", len(sent))
	}
	for i := range 3 {
		same(t, sent[i], tuntest.Partial(tuntest.UDPData6(i*100, 100)))
		same(t, sent[3+i], tuntest.Partial(tuntest.TCPData6(i*1000, min(1000, 2500-i*1000))))
	}
	wantStats(t, d, 4, 0, 2)
}

// A kernel that objects to one version's superpackets goes on taking the other's.
func TestGiveUpByVersion(t *testing.T) {
	d := tuntest.New(1500)
	d.Refuse(func(off packet.Offload) unix.Errno {
		if off.GSO == packet.GSOTCPv6 || off.GSO == packet.GSOUDP && off.CsumStart == packet.IPv6HeaderLen {
			return unix.EINVAL
		}
		return 0
	})
	for range 10 {
		for _, build := range []func(at, size int) packet.Packet{tuntest.TCPData, tuntest.TCPData6, tuntest.UDPData, tuntest.UDPData6} {
			for i := range 3 {
				p := build(i*100, 100)
				d.Write(&p)
			}
		}
		d.Flush()
	}
	wantStats(t, d, 120, 0, 8)
	if off := d.Stats().GSOOff; off != unix.TUN_F_TSO6|unix.TUN_F_USO6 {
		t.Errorf("off are %#x; want TSO6 and USO6", off)
	}
	d.Sent()
	four, six := tuntest.Super(tuntest.UDPData(0, 300), 100), tuntest.Super(tuntest.UDPData6(0, 300), 100)
	d.Write(&four)
	d.Write(&six)
	d.Flush()
	if n := len(d.Sent()); n != 4 {
		t.Errorf("two superpackets left in %d packets, want 1 and 3", n)
	}
}

// After repeated refusal one kind is given up, and the other is not touched.
func TestGiveUp(t *testing.T) {
	d := tuntest.New(1500)
	d.Refuse(func(off packet.Offload) unix.Errno {
		if off.GSO == packet.GSOUDP {
			return unix.EINVAL
		}
		return 0
	})
	for range 10 {
		writeUDP(d, 3)
		writeTCP(d, 3)
	}
	wantStats(t, d, 60, 0, 4)
	if off := d.Stats().GSOOff; off != unix.TUN_F_USO4 {
		t.Errorf("off are %#x; want only USO4, %#x", off, unix.TUN_F_USO4)
	}
	d.Sent()
	super := tuntest.Super(tuntest.UDPData(0, 300), 100)
	d.Write(&super)
	d.Flush()
	if n := len(d.Sent()); n != 3 {
		t.Errorf("a UDP superpacket left in %d packets, want 3", n)
	}
	wantStats(t, d, 61, 0, 4)
}

// A superpacket taken in between shows that the kind works.
func TestRefusalsInARow(t *testing.T) {
	d := tuntest.New(1500)
	n := 0
	d.Refuse(func(off packet.Offload) unix.Errno {
		if off.GSO == packet.GSONone {
			return 0
		}
		if n++; n%4 == 0 {
			return 0
		}
		return unix.EINVAL
	})
	for range 40 {
		writeTCP(d, 2)
		d.Sent()
	}
	wantStats(t, d, 80, 0, 30)
	if d.Stats().GSOOff != 0 {
		t.Error("TSO was given up")
	}
}

// Where the pieces are refused too, the packet is bad and not the kernel.
func TestBadPacketsGiveNothingUp(t *testing.T) {
	d := tuntest.New(1500)
	d.Refuse(func(packet.Offload) unix.Errno { return unix.EINVAL })
	for range 10 {
		writeTCP(d, 2)
	}
	wantStats(t, d, 0, 20, 10)
	if d.Stats().GSOOff != 0 {
		t.Error("TSO was given up")
	}
}

// Each queued packet is counted by its own fate; a queued superpacket of which
// a piece is lost is lost.
func TestCutCounts(t *testing.T) {
	d := tuntest.New(1500)
	n := 0
	d.Refuse(func(off packet.Offload) unix.Errno {
		if off.GSO != packet.GSONone {
			return unix.EINVAL
		}
		if n++; n%3 == 0 {
			return unix.EIO
		}
		return 0
	})
	writeTCP(d, 10) // the third, sixth and ninth are refused
	wantStats(t, d, 7, 3, 1)
	p := tuntest.Super(tuntest.TCPData(0, 3000), 1000)
	d.Write(&p)
	d.Flush()
	wantStats(t, d, 7, 4, 2)
}

// Errors other than EINVAL are no reason to cut.
func TestNoCutWhenDown(t *testing.T) {
	d := tuntest.New(1500)
	d.Refuse(func(packet.Offload) unix.Errno { return unix.EIO })
	writeTCP(d, 10)
	wantStats(t, d, 0, 10, 0)
	if w := d.Stats().Writes; w != 1 {
		t.Errorf("%d writes, want 1", w)
	}
}
