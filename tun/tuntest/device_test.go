package tuntest_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"hyperplane/tun"
	"hyperplane/tun/tuntest"
)

func TestConformance(t *testing.T) {
	tuntest.Conformance(t, func(t *testing.T) tuntest.Subject {
		d := tuntest.New(1500)
		t.Cleanup(func() { d.Close() })
		return tuntest.Subject{Device: d, Inject: d.Inject, Sent: d.Sent}
	})
}

// The twin refuses as a full device does: counted, not lost.
func TestFull(t *testing.T) {
	d := tuntest.New(1500)
	taken := 0
	for d.Inject(tuntest.Echo(1)) == nil {
		taken++
	}
	if err := d.Inject(tuntest.Echo(1)); err != unix.ENOBUFS {
		t.Errorf("error %v, want ENOBUFS", err)
	}
	for range taken + 1 {
		p := tuntest.Echo(1)
		d.Write(&p)
	}
	d.Flush()
	if s := d.Stats(); s.WrittenPackets != uint64(taken) || s.RefusedPackets != 1 {
		t.Errorf("written %d, refused %d, want %d and 1", s.WrittenPackets, s.RefusedPackets, taken)
	}
	if n := len(d.Sent()); n != taken {
		t.Errorf("sent %d, want %d", n, taken)
	}
}

func TestTwinAllocatesNothing(t *testing.T) {
	d := tuntest.New(1500)
	buf := make([]byte, tun.ReadLen)
	in, out := tuntest.Super(tuntest.TCPData(0, 60000), 1000), tuntest.UDPData(0, 100)
	turn := func() {
		if d.Inject(in) != nil {
			t.Fatal("inject")
		}
		if _, ok, err := d.Read(buf); !ok || err != nil {
			t.Fatal("read")
		}
		d.Write(&out)
		d.Flush()
		d.Sent()
	}
	for range 1000 { // every buffer of the twin has its size
		turn()
	}
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%v allocations per turn", n)
	}
}
