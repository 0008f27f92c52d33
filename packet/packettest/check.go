package packettest

import (
	"bytes"
	"fmt"
	"testing"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// A Checker says what is wrong with a packet, or nil.
type Checker func(data []byte) error

// Check applies every checker to a packet that starts at its IP header, and
// reports all that fail, with the packet in one line.
func Check(t testing.TB, data []byte, checks ...Checker) {
	t.Helper()
	failed := false
	for _, c := range checks {
		if err := c(data); err != nil {
			t.Errorf("%v\n\tin %s", err, Line(data))
			failed = true
		}
	}
	if failed {
		leave(t, data)
	}
}

// All joins checkers into one.
func All(checks ...Checker) Checker {
	return func(data []byte) error {
		for _, c := range checks {
			if err := c(data); err != nil {
				return err
			}
		}
		return nil
	}
}

// IPv4 asks for a valid IPv4 packet that fills data exactly, and applies checks to it.
func IPv4(checks ...Checker) Checker {
	return func(data []byte) error {
		ip, r := packet.NewIPv4(data)
		if r != drop.None {
			return fmt.Errorf("not valid IPv4: %s", r)
		}
		if len(ip) != len(data) {
			return fmt.Errorf("total length is %d, packet has %d bytes", len(ip), len(data))
		}
		return All(checks...)(data)
	}
}

// Src asks for a source address.
func Src(want string) Checker {
	return header("source", Addr(want), func(h packet.IPv4) packet.Addr4 { return h.Src() })
}

// Dst asks for a destination address.
func Dst(want string) Checker {
	return header("destination", Addr(want), func(h packet.IPv4) packet.Addr4 { return h.Dst() })
}

// TTL asks for a time to live.
func TTL(want uint8) Checker { return header("TTL", want, packet.IPv4.TTL) }

// TOS asks for a type of service.
func TOS(want uint8) Checker { return header("TOS", want, packet.IPv4.TOS) }

// ID asks for an identification.
func ID(want uint16) Checker { return header("ID", want, packet.IPv4.ID) }

// DF asks for the don't-fragment bit.
func DF(want bool) Checker { return header("DF", want, packet.IPv4.DontFragment) }

// Length asks for the packet's length in bytes.
func Length(want int) Checker { return header("length", want, packet.IPv4.TotalLen) }

// SrcPort asks for the source port of TCP or UDP.
func SrcPort(want uint16) Checker {
	return l4("source port", want, packet.UDPHeaderLen, func(b []byte) uint16 { return be16(b) }, packet.ProtoTCP, packet.ProtoUDP)
}

// DstPort asks for the destination port of TCP or UDP.
func DstPort(want uint16) Checker {
	return l4("destination port", want, packet.UDPHeaderLen, func(b []byte) uint16 { return be16(b[2:]) }, packet.ProtoTCP, packet.ProtoUDP)
}

// TCPFlags asks for exactly these flags, such as "SA".
func TCPFlags(want string) Checker {
	return tcp("flags", flagString(Flags(want)), func(h packet.TCP) string { return flagString(h.Flags()) })
}

// Seq asks for a TCP sequence number.
func Seq(want uint32) Checker { return tcp("seq", want, packet.TCP.Seq) }

// Ack asks for a TCP acknowledgment number.
func Ack(want uint32) Checker { return tcp("ack", want, packet.TCP.Ack) }

// Window asks for a TCP window.
func Window(want uint16) Checker { return tcp("window", want, packet.TCP.Window) }

// MSS asks for the value of the maximum segment size option, 0 for none.
func MSS(want uint16) Checker {
	return tcp("MSS", want, func(h packet.TCP) uint16 { mss, _ := h.MSS(); return mss })
}

// ICMPType asks for a type and code.
func ICMPType(typ, code uint8) Checker {
	return icmpCheck("ICMP type and code", [2]uint8{typ, code}, func(h packet.ICMP) [2]uint8 { return [2]uint8{h.Type(), h.Code()} })
}

// ICMPInfo asks for the word at offset 4 of an ICMP message, such as the next-hop MTU.
func ICMPInfo(want uint32) Checker { return icmpCheck("ICMP info", want, packet.ICMP.Info) }

// EchoID asks for an echo's identifier.
func EchoID(want uint16) Checker { return icmpCheck("echo id", want, packet.ICMP.ID) }

// PayloadIs asks for the data of TCP, UDP or an echo, or an ICMP error's quote.
func PayloadIs(want []byte) Checker {
	return func(data []byte) error {
		got, err := payload(data)
		if err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("payload has %d bytes, want %d; first difference at %d", len(got), len(want), firstDifference(got, want))
		}
		return err
	}
}

// Quote applies checks to the packet that an ICMP error quotes. The quote may be
// cut short, so IPv4 and ValidChecksums do not fit there.
func Quote(checks ...Checker) Checker {
	return func(data []byte) error {
		ip, b, err := split(data)
		if err != nil {
			return err
		}
		if ip.Protocol() != packet.ProtoICMP || len(b) < packet.ICMPHeaderLen || !packet.ICMP(b).IsError() {
			return fmt.Errorf("not an ICMP error")
		}
		if err := All(checks...)(packet.ICMP(b).Payload()); err != nil {
			return fmt.Errorf("quoted packet: %w", err)
		}
		return nil
	}
}

// ValidChecksums asks for right checksums of the IP header and what follows it;
// UDP may have none.
func ValidChecksums() Checker {
	return func(data []byte) error {
		var v packet.View
		p := packet.Packet{Data: append([]byte(nil), data...)}
		if r := v.Decode(&p); r != drop.None {
			return fmt.Errorf("not decoded: %s", r)
		}
		if v.Kind != packet.KindFragment && !v.VerifyL4(&p) {
			return fmt.Errorf("transport checksum is wrong")
		}
		return nil
	}
}

// split finds the transport part; the packet may be cut short, as a quote is.
func split(data []byte) (packet.IPv4, []byte, error) {
	if len(data) < packet.IPv4HeaderLen || data[0]>>4 != 4 {
		return nil, nil, fmt.Errorf("no IPv4 header in %d bytes", len(data))
	}
	ip := packet.IPv4(data)
	hl := ip.HeaderLen()
	if hl < packet.IPv4HeaderLen || hl > len(data) {
		return nil, nil, fmt.Errorf("header length %d in %d bytes", hl, len(data))
	}
	return ip, data[hl:max(hl, min(len(data), ip.TotalLen()))], nil
}

func payload(data []byte) ([]byte, error) {
	ip, b, err := split(data)
	if err != nil {
		return nil, err
	}
	n := packet.UDPHeaderLen
	if ip.Protocol() == packet.ProtoTCP {
		h, r := packet.NewTCP(b)
		if r != drop.None {
			return nil, fmt.Errorf("no TCP header: %s", r)
		}
		n = h.HeaderLen()
	}
	if len(b) < n {
		return nil, fmt.Errorf("transport header is cut: %d bytes", len(b))
	}
	return b[n:], nil
}

func header[T comparable](what string, want T, get func(packet.IPv4) T) Checker {
	return func(data []byte) error {
		ip, _, err := split(data)
		if err != nil {
			return err
		}
		return differ(what, get(ip), want)
	}
}

func l4[T comparable](what string, want T, need int, get func([]byte) T, protos ...uint8) Checker {
	return func(data []byte) error {
		ip, b, err := split(data)
		if err != nil {
			return err
		}
		if !bytes.Contains(protos, []byte{ip.Protocol()}) {
			return fmt.Errorf("%s: protocol %d has none", what, ip.Protocol())
		}
		if len(b) < need {
			return fmt.Errorf("%s: transport header is cut: %d bytes", what, len(b))
		}
		return differ(what, get(b), want)
	}
}

func tcp[T comparable](what string, want T, get func(packet.TCP) T) Checker {
	return l4("TCP "+what, want, packet.TCPHeaderLen, func(b []byte) (v T) {
		if h, r := packet.NewTCP(b); r == drop.None {
			v = get(h)
		}
		return v
	}, packet.ProtoTCP)
}

func icmpCheck[T comparable](what string, want T, get func(packet.ICMP) T) Checker {
	return l4(what, want, packet.ICMPHeaderLen, func(b []byte) T { return get(packet.ICMP(b)) }, packet.ProtoICMP)
}

func differ[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, want %v", what, got, want)
	}
	return nil
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
