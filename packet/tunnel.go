package packet

import "hyperplane/telemetry/drop"

// Tunnel is what a packet carries besides itself between hosts, nodes and
// edges: a GENEVE header (RFC 8926, section 3.4) with one option.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---+-----------+-+-+-----------+-------------------------------+
//	|Ver|  Opt len  |O|C|   Rsvd    |    Protocol type (0x0800)     |  0  base header
//	+---+-----------+-+-+-----------+---------------+---------------+
//	|      Virtual network identifier (VNI)         |   Reserved    |  4
//	+-------------------------------+-+-------------+-----+---------+
//	|     Option class (0xFF48)     |C| type (0x01) |Rsvd | Length 3|  8  option header
//	+-------------------------------+-+-------------+-----+---------+
//	|                            Service                            | 12  option body
//	+---------------+---------------+---------------+---------------+
//	|     Stage     |     Hops      |    Flags    P |   GSO type    | 16
//	+---------------+---------------+---------------+---------------+
//	|           GSO size            |           Reserved            | 20
//	+-------------------------------+-------------------------------+
//
// Flags: P is set where the inner transport checksum is partial.
//
// The option is critical: an endpoint that does not know it must drop the
// packet (RFC 8926, section 3.5), because one that ignored it would deliver
// packets with unfinished checksums and without a hop budget.
type Tunnel struct {
	// VNI is the virtual network of the inner addresses, 24 bits; 0 is the internet.
	VNI uint32
	// Service is the gateway that the packet is for or comes from; 0 is none.
	Service uint32
	// Stage says which step of the chain is to handle the packet.
	Stage uint8
	// Hops is how many more times the packet may be sent inside the cell (I10).
	Hops uint8
	// Partial, GSO and GSOSize are the inner packet's Offload. They may be
	// believed only from peers of the state, never from outside.
	Partial bool
	GSO     GSOType
	GSOSize uint16
}

const (
	geneveBaseLen   = 8
	geneveOptionLen = 4 // an option's header
	geneveControl   = 0x80
	geneveCritical  = 0x40
	geneveIPv4      = 0x0800

	// Class 0xFF48 lies in the range for experimental use (RFC 8926, section 7).
	// The type's high bit marks the option critical.
	geneveClass        = 0xff48
	geneveType         = 0x81
	geneveTypeCritical = 0x80
	geneveBodyLen      = GeneveLen - geneveBaseLen - geneveOptionLen

	geneveFlagPartial = 1
)

// Encode writes the header to the first GeneveLen bytes of b, which must be
// there, and returns GeneveLen.
func (t *Tunnel) Encode(b []byte) int {
	_ = b[GeneveLen-1]
	b[0] = (GeneveLen - geneveBaseLen) / 4 // version 0
	b[1] = geneveCritical
	put16(b[2:], geneveIPv4)
	put32(b[4:], t.VNI<<8)
	put16(b[8:], geneveClass)
	b[10] = geneveType
	b[11] = geneveBodyLen / 4
	put32(b[12:], t.Service)
	b[16] = t.Stage
	b[17] = t.Hops
	b[18] = 0
	if t.Partial {
		b[18] = geneveFlagPartial
	}
	b[19] = uint8(t.GSO)
	put16(b[20:], t.GSOSize)
	put16(b[22:], 0)
	return GeneveLen
}

// Decode reads the header at the start of b and returns where the inner packet
// begins. It sets every field, to zero where the header is refused.
//
// Options are accepted in any order (RFC 8926, section 3.5.1). Unknown ones are
// skipped unless critical. Reserved bits and fields are ignored, as the RFC
// demands of receivers. The base header's C bit is not needed: it spares those
// who cannot read options from looking, and all are read here.
func (t *Tunnel) Decode(b []byte) (n int, r drop.Reason) {
	*t = Tunnel{}
	if len(b) < geneveBaseLen {
		return 0, drop.GeneveTooShort
	}
	if b[0]>>6 != 0 {
		return 0, drop.GeneveBadVersion
	}
	n = geneveBaseLen + int(b[0]&0x3f)*4 // at most 8 + 252: the walk below is bounded
	if len(b) < n {
		return 0, drop.GeneveTooShort
	}
	if b[1]&geneveControl != 0 {
		return 0, drop.GeneveControl
	}
	if be16(b[2:]) != geneveIPv4 {
		return 0, drop.GeneveBadProtocol
	}
	var body []byte
	for o := b[geneveBaseLen:n]; len(o) > 0; {
		// Lengths are in words, so four bytes of an option header are always there.
		size := geneveOptionLen + int(o[3]&0x1f)*4
		if size > len(o) {
			return 0, drop.GeneveBadOption
		}
		switch {
		case be16(o) == geneveClass && o[2] == geneveType:
			// A second one would leave open which of them counts.
			if size != geneveOptionLen+geneveBodyLen || body != nil {
				return 0, drop.GeneveBadOption
			}
			body = o[geneveOptionLen:size]
		case o[2]&geneveTypeCritical != 0:
			return 0, drop.GeneveUnknownCritical
		}
		o = o[size:]
	}
	if body == nil {
		return 0, drop.GeneveMissingOption
	}
	t.VNI = be32(b[4:]) >> 8
	t.Service = be32(body)
	t.Stage = body[4]
	t.Hops = body[5]
	t.Partial = body[6]&geneveFlagPartial != 0
	t.GSO = GSOType(body[7])
	t.GSOSize = be16(body[8:])
	return n, drop.None
}
