package packet

// VerifyL4 reports whether the transport checksum is right. One that is absent
// (UDP zero) or still partial counts as right: there is nothing that could be
// wrong yet. A fragment's cannot be checked and counts as wrong.
func (v *View) VerifyL4(p *Packet) bool {
	l4 := v.L4
	switch v.Kind {
	case KindTCP:
		return p.Offload.Partial || v.pseudoFold(ProtoTCP) == 0xffff
	case KindUDP:
		return p.Offload.Partial || UDP(l4).Checksum() == 0 || v.pseudoFold(ProtoUDP) == 0xffff
	case KindEcho, KindICMPError:
		return Fold(Sum(l4, 0)) == 0xffff
	}
	return false
}

// FinishChecksum turns a partial transport checksum into a complete one, for
// ways out that cannot carry the metadata. It sums the pseudo header anew and
// does not trust the field. A superpacket is left alone: it has no single
// checksum, and must be cut first.
func (p *Packet) FinishChecksum(v *View) {
	if !p.Offload.Partial || p.Offload.GSO != GSONone {
		return
	}
	switch v.Kind {
	case KindTCP:
		TCP(v.L4).UpdateChecksum(v.IP.Src(), v.IP.Dst())
	case KindUDP:
		UDP(v.L4).UpdateChecksum(v.IP.Src(), v.IP.Dst())
	}
	p.Offload = Offload{}
}

func (v *View) pseudoFold(proto uint8) uint16 {
	return Fold(Sum(v.L4, PseudoSum4(v.IP.Src(), v.IP.Dst(), proto, len(v.L4))))
}
