package tun_test

import (
	"testing"

	"hyperplane/packet"
	"hyperplane/tun"
	"hyperplane/tun/tuntest"
)

// On a real device nothing that is done per packet allocates.
func TestAllocatesNothing(t *testing.T) {
	ns := tuntest.Namespace(t)
	d := open(t, tun.Config{Name: "hptest0", MTU: 1500, NetNS: ns})[0]
	f := openFar(t, ns, "hptest0")
	buf := make([]byte, tun.ReadLen)

	empty := func() {
		if _, ok, err := d.Read(buf); ok || err != nil {
			t.Fatal("read from an idle device")
		}
	}
	if n := testing.AllocsPerRun(100, empty); n != 0 {
		t.Errorf("%v allocations per empty Read", n)
	}

	const reads = 100
	for range reads + 1 { // AllocsPerRun warms up with one
		if err := f.Inject(tuntest.Super(tuntest.TCPData(0, 3000), 1000)); err != nil {
			t.Fatalf("inject: %v", err)
		}
	}
	read := func() {
		if _, ok, err := d.Read(buf); !ok || err != nil {
			t.Fatalf("read: %v, %v", ok, err)
		}
	}
	if n := testing.AllocsPerRun(reads, read); n != 0 {
		t.Errorf("%v allocations per Read", n)
	}

	if n := testing.AllocsPerRun(100, writeBatch(d)); n != 0 {
		t.Errorf("%v allocations per Write and Flush", n)
	}
	tun.SwitchOff(d)
	if n := testing.AllocsPerRun(100, writeBatch(d)); n != 0 {
		t.Errorf("%v allocations per Write and Flush when cutting", n)
	}
	if s := d.Stats(); s.RefusedPackets != 0 {
		t.Errorf("refused %d", s.RefusedPackets)
	}
}

// writeBatch returns a function that writes a batch: mergeable TCP and UDP, a
// superpacket, and what cannot be merged. The packets are restored each time,
// since Write may change their headers.
func writeBatch(d tun.Device) func() {
	var ps []packet.Packet
	for i := range 20 {
		ps = append(ps, tuntest.TCPData(i*1000, 1000))
	}
	for i := range 20 {
		ps = append(ps, tuntest.UDPData(i*100, 100))
	}
	for i := range 20 {
		ps = append(ps, tuntest.TCPData6(i*1000, 1000))
	}
	ps = append(ps, tuntest.Super(tuntest.UDPData(0, 3000), 100), tuntest.Super(tuntest.UDPData6(0, 3000), 100), tuntest.Echo(1))
	heads := make([][packet.HeadMax]byte, len(ps))
	for i := range ps {
		copy(heads[i][:], ps[i].Data)
	}
	return func() {
		for i := range ps {
			copy(ps[i].Data, heads[i][:])
			d.Write(&ps[i])
		}
		d.Flush()
	}
}
