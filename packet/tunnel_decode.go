package packet

import "hyperplane/telemetry/drop"

// Decode reads the header at the start of b and returns where the inner packet,
// or a control datagram's payload, begins. It sets every field, to zero where
// the header is refused. A packet of another IP version than the protocol type
// says is refused as well: who received it would take it for what it is not.
//
// Options are accepted in any order (RFC 8926, section 3.5.1). Unknown ones are
// skipped unless critical. Reserved bits and fields are ignored, as the RFC
// demands of receivers, and so is the offload of a control datagram. The base
// header's C bit is not needed: it spares those who cannot read options from
// looking, and all are read here. What the chain option says is package
// chain's to judge.
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
	var body []byte
	var chain *[ChainLen]byte
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
		case be16(o) == geneveClass && o[2] == geneveChainType:
			if size != geneveOptionLen+ChainLen || chain != nil {
				return 0, drop.GeneveBadOption
			}
			chain = (*[ChainLen]byte)(o[geneveOptionLen:])
		case o[2]&geneveTypeCritical != 0:
			return 0, drop.GeneveUnknownCritical
		}
		o = o[size:]
	}
	if body == nil {
		return 0, drop.GeneveMissingOption
	}
	// The stage says what the rest of the header must look like.
	stage := body[4]
	control, protocol, version := byte(0), uint16(geneveIPv4), byte(4)
	switch {
	case stage >= StageMessages:
		control, protocol = geneveControl, geneveLocal
	case stage == StageData && be16(b[2:]) == geneveIPv6:
		protocol, version = geneveIPv6, 6
	}
	switch {
	case b[1]&geneveControl != control:
		return 0, drop.GeneveControl
	case be16(b[2:]) != protocol, control == 0 && len(b) > n && b[n]>>4 != version:
		return 0, drop.GeneveBadProtocol
	case (chain != nil) != (stage == StageChain):
		return 0, drop.GeneveBadOption
	}
	t.VNI = be32(b[4:]) >> 8
	t.Service = be32(body)
	t.Stage = stage
	t.Hops = body[5]
	if control == 0 {
		t.IPv6 = version == 6
		t.Partial = body[6]&geneveFlagPartial != 0
		t.GSO = GSOType(body[7])
		t.GSOSize = be16(body[8:])
		t.Chain = chain
	}
	return n, drop.None
}
