package packet

import (
	"encoding/binary"

	"hyperplane/telemetry/drop"
)

// GSOType says how a superpacket is to be cut: virtio's numbers
// (VIRTIO_NET_HDR_GSO_*), which also travel in the tunnel header.
type GSOType uint8

// Types of superpackets. UDP fragmentation offload (3) is not among them: no
// device here asks for it.
const (
	GSONone  GSOType = 0
	GSOTCPv4 GSOType = 1
	GSOTCPv6 GSOType = 4
	GSOUDP   GSOType = 5 // UDP_L4: one header, datagrams of equal size
	// GSOECN is a bit beside a TCP type: CWR belongs to the first segment only.
	GSOECN GSOType = 0x80
)

// Base is the type without the ECN bit.
func (g GSOType) Base() GSOType { return g &^ GSOECN }

func (g GSOType) known() bool {
	switch g {
	case GSONone, GSOTCPv4, GSOTCPv6, GSOUDP, GSOTCPv4 | GSOECN, GSOTCPv6 | GSOECN:
		return true
	}
	return false
}

// Offload is what a packet's owner still has to do to it: cut it into segments
// and finish its transport checksum. View.Decode checks it against the packet
// and derives HdrLen, CsumStart and CsumOffset anew; before that they are what
// the kernel said and not to be used.
type Offload struct {
	// GSO is how to cut; GSONone for an ordinary packet.
	GSO GSOType
	// Partial (NEEDS_CSUM): the transport checksum field holds the folded
	// pseudo-header sum, not complemented, and the rest is still to be added.
	Partial bool
	// GSOSize is the number of payload bytes of each segment but the last.
	GSOSize uint16
	// HdrLen is the length of IP and transport header; 0 unless GSO.
	HdrLen uint16
	// CsumStart is where the checksum begins, counted from the IP header, and
	// CsumOffset where its field lies from there; 0 unless Partial.
	CsumStart, CsumOffset uint16
}

// struct virtio_net_hdr, in the machine's byte order as a legacy TUN writes it:
//
//	 0       1       2       4       6            8             10
//	+-------+-------+-------+-------+------------+-------------+
//	| flags |  gso  |hdr len| gso   | csum start | csum offset |
//	|       | type  |       | size  |            |             |
//	+-------+-------+-------+-------+------------+-------------+
const (
	virtioNeedsCsum = 1 // VIRTIO_NET_HDR_F_NEEDS_CSUM
	virtioDataValid = 2 // VIRTIO_NET_HDR_F_DATA_VALID: the kernel verified the checksum
)

// DecodeVirtio reads a virtio header. It sets every field. DATA_VALID is
// accepted and ignored: the checksum is complete either way. Flags and types
// that were not negotiated are refused.
func (o *Offload) DecodeVirtio(b []byte) drop.Reason {
	*o = Offload{}
	if len(b) < VirtioLen || b[0]&^(virtioNeedsCsum|virtioDataValid) != 0 {
		return drop.BadOffload
	}
	gso := GSOType(b[1])
	if !gso.known() {
		return drop.BadOffload
	}
	o.GSO = gso
	o.Partial = b[0]&virtioNeedsCsum != 0
	o.HdrLen = binary.NativeEndian.Uint16(b[2:])
	o.GSOSize = binary.NativeEndian.Uint16(b[4:])
	o.CsumStart = binary.NativeEndian.Uint16(b[6:])
	o.CsumOffset = binary.NativeEndian.Uint16(b[8:])
	return drop.None
}

// EncodeVirtio writes a virtio header to the first VirtioLen bytes of b.
func (o Offload) EncodeVirtio(b []byte) {
	_ = b[VirtioLen-1]
	b[0] = 0
	if o.Partial {
		b[0] = virtioNeedsCsum
	}
	b[1] = uint8(o.GSO)
	binary.NativeEndian.PutUint16(b[2:], o.HdrLen)
	binary.NativeEndian.PutUint16(b[4:], o.GSOSize)
	binary.NativeEndian.PutUint16(b[6:], o.CsumStart)
	binary.NativeEndian.PutUint16(b[8:], o.CsumOffset)
}

// derive makes an Offload true for a packet of which kind, header lengths and
// total length are known, or refuses it; tcp is the type of its IP version's
// superpackets. Nothing that the sender wrote about offsets survives: the
// kernel's hdr_len can be the length of a whole first segment on forwarded
// packets, and a peer may lie.
func (o *Offload) derive(kind Kind, tcp GSOType, ipLen, headLen, total int) drop.Reason {
	if *o == (Offload{}) {
		return drop.None
	}
	var csumOffset uint16
	var gso GSOType
	switch kind {
	case KindTCP:
		gso, csumOffset = tcp, tcpChecksumOffset
	case KindUDP:
		gso, csumOffset = GSOUDP, udpChecksumOffset
	default:
		// ICMP and fragments are always complete.
		if o.GSO != GSONone || o.Partial {
			return drop.BadOffload
		}
	}
	want := Offload{}
	if o.GSO != GSONone {
		// A superpacket's checksum can only be partial: it has no single one.
		if o.GSO.Base() != gso || !o.GSO.known() || o.GSOSize == 0 || !o.Partial {
			return drop.BadOffload
		}
		// What fits one segment is an ordinary packet.
		if headLen+int(o.GSOSize) < total {
			want.GSO, want.GSOSize, want.HdrLen = o.GSO, o.GSOSize, uint16(headLen)
		}
	}
	if o.Partial {
		want.Partial, want.CsumStart, want.CsumOffset = true, uint16(ipLen), csumOffset
	}
	*o = want
	return drop.None
}

// translate makes an Offload that is true for a packet true for what the packet
// became: of the other IP version, with headers of other lengths. A superpacket
// stays one; tcp is the type of the new version's.
func (o *Offload) translate(tcp GSOType, ipLen, headLen int) {
	if base := o.GSO.Base(); base == GSOTCPv4 || base == GSOTCPv6 {
		o.GSO = tcp | o.GSO&GSOECN
	}
	if o.GSO != GSONone {
		o.HdrLen = uint16(headLen)
	}
	if o.Partial {
		o.CsumStart = uint16(ipLen)
	}
}
