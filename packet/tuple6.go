package packet

import (
	"net/netip"
	"strconv"
	"unsafe"
)

// Tuple6 is the key of an IPv6 flow in one direction: what Tuple is to IPv4. It
// is free of pointers and of padding.
type Tuple6 struct {
	// Net is VNI<<8 | protocol; the protocol of an echo is ProtoICMPv6. VNI 0 is
	// the internet.
	Net uint32
	// SrcPort and DstPort are as in Tuple: an echo request has its identifier in
	// SrcPort and 0 in DstPort, a reply has 0 and its identifier.
	SrcPort, DstPort uint16
	// Src and Dst are the addresses.
	Src, Dst Addr6
}

// Both lines fail to compile unless Tuple6 is exactly 40 bytes.
const (
	_ = uint(40 - unsafe.Sizeof(Tuple6{}))
	_ = uint(unsafe.Sizeof(Tuple6{}) - 40)
)

// Reverse is the tuple of the packets that travel the other way.
func (t Tuple6) Reverse() Tuple6 {
	return Tuple6{Net: t.Net, Src: t.Dst, Dst: t.Src, SrcPort: t.DstPort, DstPort: t.SrcPort}
}

// VNI is the virtual network in which the addresses have their meaning.
func (t Tuple6) VNI() uint32 { return t.Net >> 8 }

// Proto is the protocol of the transport header.
func (t Tuple6) Proto() uint8 { return uint8(t.Net) }

// WithVNI is the same tuple in another network.
func (t Tuple6) WithVNI(vni uint32) Tuple6 {
	t.Net = vni<<8 | t.Net&0xff
	return t
}

// Words packs the tuple into words, for hashing.
func (t *Tuple6) Words() [5]uint64 {
	return [5]uint64{
		be64(t.Src[:]), be64(t.Src[8:]), be64(t.Dst[:]), be64(t.Dst[8:]),
		uint64(t.Net)<<32 | uint64(t.SrcPort)<<16 | uint64(t.DstPort),
	}
}

// String prints "tcp [2001:db8::1]:4000 > [64:ff9b::cb00:710a]:80 vni 100",
// without the VNI where it is 0. It allocates: for logs and tests only.
func (t Tuple6) String() string {
	name, ok := map[uint8]string{ProtoTCP: "tcp", ProtoUDP: "udp", ProtoICMPv6: "icmpv6"}[t.Proto()]
	if !ok {
		name = "proto-" + strconv.Itoa(int(t.Proto()))
	}
	s := name + " " + netip.AddrPortFrom(t.Src.Netip(), t.SrcPort).String() +
		" > " + netip.AddrPortFrom(t.Dst.Netip(), t.DstPort).String()
	if t.VNI() != 0 {
		s += " vni " + strconv.Itoa(int(t.VNI()))
	}
	return s
}
