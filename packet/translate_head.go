package packet

// headerGrowth is by how many bytes an IPv6 header is longer than an IPv4 header
// without options.
const headerGrowth = IPv6HeaderLen - IPv4HeaderLen

// header4 is the IPv4 header, without its addresses, of an IPv6 packet with
// extensions x and l4len bytes after them (RFC 7915, sections 5.1 and 5.1.1).
// segment is the length that the packet, or each segment of a superpacket, has
// on the wire.
//
//	TOS, TTL        copied from traffic class and hop limit
//	total length    without the IPv6 header and its extensions, plus 20
//	protocol        of the transport header
//	identification  id; the low 16 bits of a fragment header's
//	DF              "If the size of the translated IPv4 packet is less than or equal
//	                to 1260 bytes, it is set to zero; otherwise, it is set to one";
//	                zero with a fragment header
//	MF, offset      zero; those of a fragment header
func header4(h IPv6, x extensions, l4len, segment int, id uint16) IPv4Fields {
	f := IPv4Fields{
		TOS: h.TrafficClass(), TotalLen: IPv4HeaderLen + l4len, ID: id, DontFragment: segment > IPv6MTUMin-headerGrowth,
		TTL: h.HopLimit(), Protocol: protocol4(x.proto),
	}
	if x.fragment != 0 {
		offset, more, id := fragmentHeader(h[x.fragment:])
		f.ID, f.DontFragment, f.MoreFragments, f.FragmentOffset = uint16(id), false, more, offset
	}
	return f
}

// head6 is an IPv6 header, perhaps with a fragment header.
type head6 struct {
	f      IPv6Fields
	proto  uint8 // the transport's
	isPart bool  // whether there is a fragment header
	offset int
	more   bool
	id     uint16
}

// header6 is the IPv6 header, without its addresses, of an IPv4 packet with
// l4len bytes after its header (RFC 7915, section 4.1).
//
//	traffic class, hop limit  copied from TOS and TTL
//	flow label                0
//	payload length            without header and options, plus that of a fragment header
//	next header               the protocol
//	fragment header           "only included if the IPv4 packet is already fragmented"
//	  identification          copied to the low 16 bits; the high 16 bits are 0
//	  M, offset               copied
func header6(h IPv4, l4len int) head6 {
	h6 := head6{
		f:     IPv6Fields{TrafficClass: h.TOS(), PayloadLen: l4len, NextHeader: protocol6(h.Protocol()), HopLimit: h.TTL()},
		proto: protocol6(h.Protocol()),
	}
	if h.IsFragment() {
		h6.isPart, h6.offset, h6.more, h6.id = true, h.FragmentOffset(), h.MoreFragments(), h.ID()
		h6.f.NextHeader = extFragment
		h6.f.PayloadLen += fragmentHeaderLen
	}
	return h6
}

func (h *head6) len() int {
	if h.isPart {
		return IPv6HeaderLen + fragmentHeaderLen
	}
	return IPv6HeaderLen
}

func (h *head6) extensions() extensions {
	x := extensions{proto: h.proto, end: h.len()}
	if h.isPart {
		x.fragment = IPv6HeaderLen
	}
	return x
}

func (h *head6) put(b []byte) {
	IPv6(b).Encode(h.f)
	if h.isPart {
		putFragmentHeader(b[IPv6HeaderLen:], h.proto, h.offset, h.more, uint32(h.id))
	}
}
