package packet_test

import "fmt"

// plainCheck says what is wrong with the lengths and checksums of a packet (I9).
// It shares no code with the package: it knows the RFCs' layouts by heart, and
// sums every byte anew. partial says that the transport checksum is still the
// pseudo header's sum.
func plainCheck(b []byte, partial bool) error {
	var pseudo, l4 []byte
	var proto byte
	fragment := false
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		hl := int(b[0]&15) * 4
		if int(b[2])<<8+int(b[3]) != len(b) || plainSum(b[:hl]) != 0xffff {
			return fmt.Errorf("IPv4 header: length %d of %d, sum %#x", int(b[2])<<8+int(b[3]), len(b), plainSum(b[:hl]))
		}
		proto, l4 = b[9], b[hl:]
		pseudo = append(append(pseudo, b[12:20]...), 0, proto, byte(len(l4)>>8), byte(len(l4)))
		if proto == 1 {
			pseudo = nil
		}
		fragment = b[6]&0x3f != 0 || b[7] != 0
		if b[6]&0x80 != 0 || b[6]&0x60 == 0x60 {
			return fmt.Errorf("flags %#x", b[6])
		}
	case len(b) >= 40 && b[0]>>4 == 6:
		if int(b[4])<<8+int(b[5]) != len(b)-40 {
			return fmt.Errorf("payload length %d of %d", int(b[4])<<8+int(b[5]), len(b)-40)
		}
		proto, l4 = b[6], b[40:]
		for proto == 0 || proto == 43 || proto == 60 || proto == 44 {
			n := 8
			if proto != 44 {
				n += int(l4[1]) * 8
			} else if fragment = l4[2] != 0 || l4[3] != 0; l4[1] != 0 || l4[3]&6 != 0 {
				return fmt.Errorf("fragment header % x", l4[:8])
			}
			if proto, l4 = l4[0], l4[n:]; fragment {
				break
			}
		}
		pseudo = append(append(pseudo, b[8:40]...), 0, 0, byte(len(l4)>>8), byte(len(l4)), 0, 0, 0, proto)
	default:
		return fmt.Errorf("no IP packet of %d bytes", len(b))
	}
	if fragment {
		return nil
	}
	at := map[byte]int{1: 2, 6: 16, 17: 6, 58: 2}[proto]
	if at == 0 || len(l4) < 8 {
		return fmt.Errorf("protocol %d, %d bytes", proto, len(l4))
	}
	csum := int(l4[at])<<8 + int(l4[at+1])
	switch {
	case partial:
		if csum != plainSum(pseudo) {
			return fmt.Errorf("partial checksum %#x, want %#x", csum, plainSum(pseudo))
		}
	case proto == 17 && csum == 0 && b[0]>>4 == 4:
	case proto == 17 && csum == 0:
		return fmt.Errorf("no UDP checksum over IPv6")
	case plainSum(append(pseudo, l4...)) != 0xffff:
		return fmt.Errorf("checksum %#x is wrong", csum)
	}
	if proto == 17 && int(l4[4])<<8+int(l4[5]) != len(l4) {
		return fmt.Errorf("UDP length")
	}
	return nil
}

func plainSum(b []byte) (sum int) {
	for i, c := range b {
		sum += int(c) << (8 * (1 - i%2))
		if sum > 0xffff {
			sum -= 0xffff
		}
	}
	return sum
}
