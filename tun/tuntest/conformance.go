package tuntest

import (
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hyperplane/packet"
	"hyperplane/tun"
)

// Subject is a device under test together with the far side of it: what the
// operating system's network stack does with a real device.
type Subject struct {
	Device tun.Device
	// Inject sends p out through the device, so that Read returns it. An error
	// means that it will not.
	Inject func(p packet.Packet) error
	// Sent returns what arrived from the device since the last call, without
	// waiting. The packets are valid until the next call.
	Sent func() []packet.Packet
}

// waitMax is how long the suite waits for what must happen. It is reached only
// where a test fails.
const waitMax = 5 * time.Second

// Conformance checks that a device behaves as package tun promises. open makes
// a fresh device with MTU 1500 for each case and sees to its end.
func Conformance(t *testing.T, open func(t *testing.T) Subject) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *bench)
	}{
		{"read nothing", readNothing},
		{"read complete packet", readComplete},
		{"read partial checksum", readPartial},
		{"read TCP superpacket whole", readSuperTCP},
		{"read TCP superpacket with CWR whole", readSuperECN},
		{"read UDP superpacket whole", readSuperUDP},
		{"read IPv6 superpackets whole", readSuper6},
		{"read into short buffer", readShort},
		{"read above the MTU", readTooBig},
		{"write complete packet", writeComplete},
		{"write partial checksum", writePartial},
		{"write TCP superpacket whole", writeSuperTCP},
		{"write TCP superpacket with CWR whole", writeSuperECN},
		{"write UDP superpacket whole", writeSuperUDP},
		{"merge TCP", merges(1000, TCPData)},
		{"merge UDP", merges(100, partialUDP)},
		{"write IPv6 superpackets whole", writeSuper6},
		{"merge TCP over IPv6", merges(1000, TCPData6)},
		{"merge UDP over IPv6", merges(100, partialUDP6)},
		{"merge no version with the other", mergeVersions},
		{"merge only what continues", mergeBroken},
		{"keep order", keepOrder},
		{"flush nothing", flushNothing},
		{"refuse rubbish", refuseRubbish},
		{"close", closeDevice},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, &bench{Subject: open(t), buf: make([]byte, tun.ReadLen)}) })
	}
}

// bench is a subject with what the cases have in common.
type bench struct {
	Subject
	buf []byte
}

// wait repeats step until it is true.
func wait(t *testing.T, what string, step func() bool) {
	t.Helper()
	for limit := time.Now().Add(waitMax); !step(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("waited %v for %s", waitMax, what)
		}
	}
}

// read waits for a packet from the device.
func (b *bench) read(t *testing.T) (p packet.Packet) {
	t.Helper()
	wait(t, "a packet to read", func() (ok bool) {
		var err error
		if p, ok, err = b.Device.Read(b.buf); err != nil {
			t.Fatalf("read: %v", err)
		}
		return ok
	})
	return p
}

func (b *bench) inject(t *testing.T, p packet.Packet) {
	t.Helper()
	if err := b.Inject(p); err != nil {
		t.Fatalf("inject: %v", err)
	}
}

// write writes copies of the packets, flushes, and returns the n messages that
// must have left.
func (b *bench) write(t *testing.T, n int, ps ...packet.Packet) (sent []packet.Packet) {
	t.Helper()
	for _, p := range ps {
		c := Clone(p)
		b.Device.Write(&c)
	}
	b.Device.Flush()
	wait(t, "what was written", func() bool {
		for _, p := range b.Sent() {
			sent = append(sent, Clone(p))
		}
		return len(sent) >= n
	})
	if len(sent) != n {
		t.Fatalf("%d messages left, want %d", len(sent), n)
	}
	s := b.Device.Stats()
	if s.WrittenPackets != uint64(len(ps)) || s.RefusedPackets != 0 || s.Writes != uint64(n) {
		t.Fatalf("written %d refused %d in %d writes, want %d, 0 and %d",
			s.WrittenPackets, s.RefusedPackets, s.Writes, len(ps), n)
	}
	return sent
}

// same compares two packets with all that is said about them. HdrLen is a hint
// that the kernel writes as it likes.
func same(t *testing.T, got, want packet.Packet) {
	t.Helper()
	got.Offload.HdrLen, want.Offload.HdrLen = 0, 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packet differs (-want +got):\n%s", diff)
	}
}

func readNothing(t *testing.T, b *bench) {
	if p, ok, err := b.Device.Read(b.buf); ok || err != nil {
		t.Errorf("read %v, %v, %v from an idle device", p, ok, err)
	}
}

func readComplete(t *testing.T, b *bench) {
	b.inject(t, TCPData(0, 100))
	b.inject(t, Echo(1))
	same(t, b.read(t), TCPData(0, 100))
	same(t, b.read(t), Echo(1))
	if s := b.Device.Stats(); s.ReadPackets != 2 || s.ReadBytes != 140+36 {
		t.Errorf("counted %d packets, %d bytes", s.ReadPackets, s.ReadBytes)
	}
}

func readPartial(t *testing.T, b *bench) {
	b.inject(t, Partial(UDPData(0, 100)))
	same(t, b.read(t), Partial(UDPData(0, 100)))
}

func readSuperTCP(t *testing.T, b *bench) {
	p := Super(TCPData(0, 40*1000+1), 1000)
	b.inject(t, p)
	same(t, b.read(t), p)
	b.inject(t, Echo(2)) // nothing of the superpacket sticks to the next
	same(t, b.read(t), Echo(2))
}

// readSuperECN: the mark that only the first segment carries (TSO_ECN).
func readSuperECN(t *testing.T, b *bench) {
	p := superECN()
	b.inject(t, p)
	same(t, b.read(t), p)
}

func readSuperUDP(t *testing.T, b *bench) {
	p := Super(UDPData(0, 20*1000+1), 1000)
	b.inject(t, p)
	same(t, b.read(t), p)
}

func readSuper6(t *testing.T, b *bench) {
	for _, p := range []packet.Packet{
		TCPData6(0, 100), Partial(UDPData6(0, 100)), Super(TCPData6(0, 40*1000+1), 1000), Super(UDPData6(0, 20*1000+1), 1000),
	} {
		b.inject(t, p)
		same(t, b.read(t), p)
	}
}

func readShort(t *testing.T, b *bench) {
	b.inject(t, Echo(1))
	if _, _, err := b.Device.Read(b.buf[:tun.ReadLen-1]); !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("error %v, want ErrShortBuffer", err)
	}
	same(t, b.read(t), Echo(1))
}

func readTooBig(t *testing.T, b *bench) {
	if err := b.Inject(UDPData(0, 1500)); err == nil {
		t.Error("a packet above the MTU was sent out")
	}
	b.inject(t, UDPData(0, 1500-28))
	same(t, b.read(t), UDPData(0, 1500-28))
}

func flushNothing(t *testing.T, b *bench) {
	b.Device.Flush()
	if s := b.Device.Stats(); s.Writes != 0 {
		t.Errorf("%d writes", s.Writes)
	}
}

func refuseRubbish(t *testing.T, b *bench) {
	bad := Super(TCPData(0, 3000), 0) // no segment size
	ps := []packet.Packet{{Data: []byte("rubbish")}, Echo(1), bad, {}}
	for i := range ps {
		b.Device.Write(&ps[i])
	}
	b.Device.Flush()
	var sent []packet.Packet
	wait(t, "the good packet", func() bool { sent = b.Sent(); return len(sent) > 0 })
	same(t, sent[0], Echo(1))
	if s := b.Device.Stats(); s.WrittenPackets != 1 || s.RefusedPackets != 3 {
		t.Errorf("written %d, refused %d, want 1 and 3", s.WrittenPackets, s.RefusedPackets)
	}
}

func closeDevice(t *testing.T, b *bench) {
	p := TCPData(0, 10)
	b.Device.Write(&p)
	for range 2 {
		if err := b.Device.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	if _, ok, err := b.Device.Read(b.buf); ok || !errors.Is(err, tun.ErrClosed) {
		t.Errorf("read after close: %v, %v, want ErrClosed", ok, err)
	}
	b.Device.Write(&p)
	b.Device.Flush()
	if s := b.Device.Stats(); s.RefusedPackets != 2 || s.WrittenPackets != 0 {
		t.Errorf("refused %d, written %d, want 2 and 0", s.RefusedPackets, s.WrittenPackets)
	}
	if b.Device.FD() != -1 {
		t.Error("a descriptor after close")
	}
}
