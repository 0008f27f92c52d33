package packet

// Tunnel is what a packet carries besides itself between hosts, nodes and
// edges: a GENEVE header (RFC 8926, section 3.4) with one option, or two.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---+-----------+-+-+-----------+-------------------------------+
//	|Ver|  Opt len  |O|C|   Rsvd    |         Protocol type         |  0  base header
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
//	+-------------------------------+-+-------------+-----+---------+
//	|     Option class (0xFF48)     |C| type (0x02) |Rsvd |Length 18| 24  StageChain only
//	+-------------------------------+-+-------------+-----+---------+
//	|                Chain, 72 bytes (package chain)                | 28
//	+---------------------------------------------------------------+
//	|          Packet, or payload of a control datagram             | 24 or 100
//
// Flags: P is set where the inner transport checksum is partial.
//
//	stage               O   protocol type   options   behind it
//	0 StageData         0   0x0800          1         IPv4 packet
//	                        0x86DD                    IPv6 packet
//	1 StageChain        0   0x0800          1 and 2   IPv4 packet
//	2 and more          1   0x88B5          1         the stage's own message
//
// Both options are critical: an endpoint that does not know one must drop the
// packet (RFC 8926, section 3.5), because one that ignored it would deliver
// packets with unfinished checksums, without a hop budget, or past the tier
// that was to decide about them.
type Tunnel struct {
	// VNI is the virtual network of the inner addresses, 24 bits; 0 is the internet.
	VNI uint32
	// Service is the gateway that the packet is for or comes from; 0 is none.
	Service uint32
	// Stage says what the datagram is for, and so which tier is to handle it.
	Stage uint8
	// Hops is how many more times the packet may be sent inside the cell (I10).
	Hops uint8
	// IPv6 is the version of the inner packet, as the protocol type says it: IPv4
	// where it is false. In StageData only; Decode refuses it in StageChain.
	IPv6 bool
	// Partial, GSO and GSOSize are the inner packet's Offload. They may be
	// believed only from peers of the state, never from outside. A control
	// datagram has none.
	Partial bool
	GSO     GSOType
	GSOSize uint16
	// Chain is the body of the chain option: set in StageChain, nil in every
	// other. Decode lets it point into the datagram.
	Chain *[ChainLen]byte
}

const (
	geneveBaseLen   = 8
	geneveOptionLen = 4 // an option's header
	geneveControl   = 0x80
	geneveCritical  = 0x40
	geneveIPv4      = 0x0800
	geneveIPv6      = 0x86dd
	// A control datagram holds nothing that has an EtherType of its own, so it
	// says "local experimental" (IEEE 802): no decoder takes it for a packet.
	geneveLocal = 0x88b5

	// Class 0xFF48 lies in the range for experimental use (RFC 8926, section 7).
	// The types' high bit marks the options critical.
	geneveClass        = 0xff48
	geneveType         = 0x81
	geneveChainType    = 0x82
	geneveTypeCritical = 0x80
	geneveBodyLen      = GeneveLen - geneveBaseLen - geneveOptionLen

	geneveFlagPartial = 1
)

// Len is the length of the header that Encode writes: GeneveLen, or GeneveMax
// with a chain option.
func (t *Tunnel) Len() int {
	if t.Chain != nil {
		return GeneveMax
	}
	return GeneveLen
}

// Describe sets what the header says of the packet behind it: data, and what is
// to be done to it. Of a control datagram it says nothing.
func (t *Tunnel) Describe(data []byte, o Offload) {
	if t.Control() {
		data, o = nil, Offload{}
	}
	t.IPv6 = len(data) > 0 && data[0]>>4 == 6
	t.Partial, t.GSO, t.GSOSize = o.Partial, o.GSO, o.GSOSize
}

// Encode writes the header to the first Len bytes of b, which must be there,
// and returns Len. Stage decides about the O bit, Chain about the second
// option; a receiver refuses one that does not belong to the stage.
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
	b[18], b[19] = 0, 0
	put32(b[20:], 0)
	if t.Control() {
		b[1] |= geneveControl
		put16(b[2:], geneveLocal)
	} else {
		if t.IPv6 {
			put16(b[2:], geneveIPv6)
		}
		if t.Partial {
			b[18] = geneveFlagPartial
		}
		b[19] = uint8(t.GSO)
		put16(b[20:], t.GSOSize)
	}
	if t.Chain == nil {
		return GeneveLen
	}
	_ = b[GeneveMax-1]
	b[0] = (GeneveMax - geneveBaseLen) / 4
	put16(b[GeneveLen:], geneveClass)
	b[GeneveLen+2] = geneveChainType
	b[GeneveLen+3] = ChainLen / 4
	copy(b[GeneveMax-ChainLen:GeneveMax], t.Chain[:])
	return GeneveMax
}
