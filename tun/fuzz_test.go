package tun_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/tun/tuntest"
)

// FuzzWriter writes arbitrary bytes with arbitrary metadata, twice and beside
// a good packet, to a kernel that refuses superpackets at times. Nothing
// panics, each packet is counted once, and the good ones leave.
func FuzzWriter(f *testing.F) {
	for _, p := range []packet.Packet{
		tuntest.TCPData(0, 100), tuntest.UDPData(0, 100), tuntest.Echo(1),
		tuntest.TCPData6(0, 100), tuntest.UDPData6(0, 100), tuntest.Super(tuntest.TCPData6(0, 3000), 1000),
		tuntest.Super(tuntest.TCPData(0, 3000), 1000), tuntest.Super(tuntest.UDPData(0, 300), 100),
	} {
		o := p.Offload
		f.Add(p.Data, uint8(o.GSO), o.Partial, o.GSOSize, o.HdrLen, o.CsumStart, o.CsumOffset)
	}
	f.Fuzz(func(t *testing.T, data []byte, gso uint8, partial bool, size, hdr, start, offset uint16) {
		d := tuntest.New(1500)
		n := 0
		d.Refuse(func(off packet.Offload) unix.Errno {
			if n++; off.GSO != packet.GSONone && n%2 == 0 {
				return unix.EINVAL
			}
			return 0
		})
		bad := packet.Packet{Data: data, Offload: packet.Offload{
			GSO: packet.GSOType(gso), Partial: partial, GSOSize: size,
			HdrLen: hdr, CsumStart: start, CsumOffset: offset,
		}}
		good := tuntest.UDPData(0, 100)
		written := 0
		for _, p := range []packet.Packet{good, bad, good, bad, bad, good} {
			p = tuntest.Clone(p)
			d.Write(&p)
			if written++; written == 4 {
				d.Flush()
			}
		}
		d.Flush()
		s := d.Stats()
		if s.WrittenPackets+s.RefusedPackets != 6 {
			t.Errorf("written %d and refused %d of 6", s.WrittenPackets, s.RefusedPackets)
		}
		full := s.Writes > 400 // cut into so many that the twin's queue overflows
		if s.WrittenPackets < 3 && !full {
			t.Errorf("written %d of 3 good packets", s.WrittenPackets)
		}
	})
}
