package conformance

import (
	"net/netip"
	"strings"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// underlay sends a datagram from one machine of the cell to another, through the
// bytes of its tunnel header as package wire would:
//
//	underlay FROM > TO vni N service N hops N { PACKET }
//
// FROM and TO are names, or addresses of strangers. Before the packet: "optlen N"
// makes our own option N words long; "option CLASS TYPE" adds an unknown one, critical
// where the type is 128 or more. A header that is refused ends there.
func (s *script) underlay(rest string) ([]string, error) {
	r := &reader{names: s.names, words: strings.Fields(rest)}
	from := s.machine(r)
	r.expect(">")
	to := s.machine(r)
	var t packet.Tunnel
	var option []byte
	length := -1
	for r.err == nil && r.peek() != "{" {
		switch w := r.next(); w {
		case "vni":
			t.VNI = uint32(r.number(24))
		case "service":
			t.Service = uint32(r.number(32))
		case "hops":
			t.Hops = uint8(r.number(8))
		case "optlen":
			length = int(r.number(5))
		case "option":
			class := r.number(16)
			option = []byte{byte(class >> 8), byte(class), byte(r.number(8)), 0}
		default:
			r.fail("unknown word %q", w)
		}
	}
	data := r.quote()
	if r.err != nil {
		return nil, r.err
	}
	head := make([]byte, t.Len(), t.Len()+len(option))
	t.Encode(head)
	const base = 8 // bytes of GENEVE before the options
	if option != nil {
		head = append(head, option...)
		head[0]++ // a word more of options
	}
	if length >= 0 {
		head[base+3] = byte(length)
	}
	if _, reason := t.Decode(head); reason != drop.None {
		return one("refused: " + reason.String()), nil
	}
	err := s.cell.Inject(from, to, t, packet.Packet{Data: data})
	return s.arrived(), err
}

// machine reads a machine's name or address.
func (s *script) machine(r *reader) packet.Addr4 {
	w := r.next()
	if p := s.cell.State.PeerByName(w); p != nil {
		return p.Addr
	}
	if a, err := netip.ParseAddr(w); err == nil {
		if a4, ok := packet.AddrFrom(a); ok {
			return a4
		}
	}
	r.fail("no machine %q", w)
	return 0
}
