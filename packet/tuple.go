package packet

import (
	"strconv"
	"unsafe"
)

// Tuple is the key of a flow in one direction. It is 16 bytes, free of
// pointers and of padding, so that it can be compared with ==, hashed as two
// words and kept in tables that the garbage collector never walks.
//
//	 0       3 4              8             12      14      15
//	+---------+-+-------------+-------------+-------+-------+
//	|   VNI   |p|     Src     |     Dst     |SrcPort|DstPort|
//	+---------+-+-------------+-------------+-------+-------+
//
// (The drawing is by value; in memory each field has the machine's byte order.)
type Tuple struct {
	// Net is VNI<<8 | protocol. VNI 0 is the internet.
	Net uint32
	// Src and Dst are the addresses.
	Src, Dst Addr4
	// SrcPort and DstPort are the ports of TCP and UDP. An ICMP echo request has
	// its identifier in SrcPort and 0 in DstPort, a reply has 0 and its
	// identifier: so that Reverse of a request is its reply.
	SrcPort, DstPort uint16
}

// Both lines fail to compile unless Tuple is exactly 16 bytes.
const (
	_ = uint(16 - unsafe.Sizeof(Tuple{}))
	_ = uint(unsafe.Sizeof(Tuple{}) - 16)
)

// MakeTuple builds a tuple; vni has 24 bits.
func MakeTuple(vni uint32, proto uint8, src Addr4, sport uint16, dst Addr4, dport uint16) Tuple {
	return Tuple{Net: vni<<8 | uint32(proto), Src: src, Dst: dst, SrcPort: sport, DstPort: dport}
}

// Reverse is the tuple of the packets that travel the other way.
func (t Tuple) Reverse() Tuple {
	return Tuple{Net: t.Net, Src: t.Dst, Dst: t.Src, SrcPort: t.DstPort, DstPort: t.SrcPort}
}

// Sender is the sending end alone: the tuple without destination.
func (t Tuple) Sender() Tuple {
	t.Dst, t.DstPort = 0, 0
	return t
}

// VNI is the virtual network in which the addresses have their meaning.
func (t Tuple) VNI() uint32 { return t.Net >> 8 }

// Proto is the IP protocol.
func (t Tuple) Proto() uint8 { return uint8(t.Net) }

// WithVNI is the same tuple in another network.
func (t Tuple) WithVNI(vni uint32) Tuple {
	t.Net = vni<<8 | t.Net&0xff
	return t
}

// Words packs the tuple into two words, for hashing.
func (t Tuple) Words() (uint64, uint64) {
	return uint64(t.Net)<<32 | uint64(t.Src),
		uint64(t.Dst)<<32 | uint64(t.SrcPort)<<16 | uint64(t.DstPort)
}

// String prints "tcp 10.0.1.10:4000 > 203.0.113.10:80 vni 100", without the
// VNI where it is 0. It allocates: for logs and tests only.
func (t Tuple) String() string {
	b := make([]byte, 0, 64)
	switch t.Proto() {
	case ProtoICMP:
		b = append(b, "icmp"...)
	case ProtoTCP:
		b = append(b, "tcp"...)
	case ProtoUDP:
		b = append(b, "udp"...)
	default:
		b = append(b, "proto-"...)
		b = strconv.AppendUint(b, uint64(t.Proto()), 10)
	}
	b = append(b, ' ')
	b = appendEnd(b, t.Src, t.SrcPort)
	b = append(b, " > "...)
	b = appendEnd(b, t.Dst, t.DstPort)
	if t.VNI() != 0 {
		b = append(b, " vni "...)
		b = strconv.AppendUint(b, uint64(t.VNI()), 10)
	}
	return string(b)
}

func appendEnd(b []byte, a Addr4, port uint16) []byte {
	b = a.Netip().AppendTo(b)
	b = append(b, ':')
	return strconv.AppendUint(b, uint64(port), 10)
}
