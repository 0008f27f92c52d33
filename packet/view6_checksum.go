package packet

// checksumOffset is where the checksum field lies in the transport header of a
// packet whose checksum can be partial.
func (v *View6) checksumOffset() int {
	if v.Kind == KindTCP {
		return tcpChecksumOffset
	}
	return udpChecksumOffset
}

// finishedChecksum is the complete transport checksum of a packet whose own is
// partial, or of its first segment: of l4, which is v.L4 or the begin of it, after
// change (change16). The field is not trusted: it may be what an instance made up.
func (v *View6) finishedChecksum(l4 []byte, change uint64) uint16 {
	field := be16(l4[v.checksumOffset():])
	sum := Sum(l4, v.IP.PseudoSum(v.ext.proto, len(l4))) + change16(field, 0) + change
	return udpNonZero(^Fold(sum)) // RFC 8200, section 8.1; for TCP both forms of zero mean the same
}
