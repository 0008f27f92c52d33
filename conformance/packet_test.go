package conformance

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

// A packet is written much as it is printed:
//
//	tcp 10.0.1.10:4000 > 203.0.113.10:80 S          flags of "FSRPAUEC", or -
//	udp 203.0.113.10:53 > 198.51.100.1:$p1
//	echo 10.0.1.10 > 203.0.113.10 id 7              a request; reply: the answer
//	icmp 203.0.113.1 > 198.51.100.1 3 1             type and code
//	proto 132 10.0.1.10 > 203.0.113.10              any other protocol
//	raw 45000014…                                   any bytes
//
// or of IPv6, where the types of icmp are those of ICMPv6 (RFC 4443):
//
//	udp [2001:db8::1]:4000 > [64:ff9b::cb00:710a]:53
//	echo 2001:db8::1 > 64:ff9b::cb00:710a id 7
//
// and then, in any order:
//
//	len N, data HEX          payload: N bytes of a pattern; or these, which are printed
//	                         where they come out
//	quote { PACKET }         payload of an ICMP error; quote N { PACKET }: N bytes of it
//	seq N ack N win N mss N tcpopts HEX     TCP; seq N is that of an echo, too
//	ttl N tos N id N df ipopts HEX          the IP header; id N is that of an echo
//	ipid N                   the IP identification of an echo
//	ttl N tos N flow N       the IPv6 header: hop limit, traffic class, flow label
//	id N, ipid N             the identification of its fragments
//	ext TYPE HEX             an IPv6 extension header, before any fragment header; HEX is
//	                         all of it, and its first byte is set. Several: in this order
//	info N                   the word at offset 4 of ICMP: next-hop MTU, pointer
//	csum none|bad            of UDP, TCP or ICMP; ipcsum bad
//	ffff as ADDRESS:PORT     payload whose UDP checksum is zero, sent as ffff, from there
//	partial, gso N           checksum left to who sends it; a superpacket of such segments
//	surplus HEX              bytes behind the UDP datagram, within the IP packet
//	frag OFFSET N            only this fragment of it; cut N: all, of N bytes each;
//	cut N order 3 1          these of them, in this order
//	trunc N                  the first N bytes, whatever the header says; pad N: bytes
//	                         behind the packet, as Ethernet adds them
type reader struct {
	names *names
	words []string
	err   error
}

// errNoName is of a name that no packet has brought up.
var errNoName = errors.New("nothing has that name yet")

// packets reads a packet from the first line and from each of the others.
func (n *names) packets(first, others string) (ps []packet.Packet, err error) {
	n.showing = false
	for line := range strings.Lines(first + "\n" + others) {
		for _, m := range ends.FindAllString(line, -1) {
			n.say(m)
		}
		r := &reader{names: n, words: strings.Fields(line)}
		got := r.packet()
		if r.err == nil && len(r.words) > 0 {
			r.fail("unknown word %q", r.words[0])
		}
		if r.err != nil {
			return nil, fmt.Errorf("%s: %w", strings.TrimSpace(line), r.err)
		}
		ps = append(ps, got...)
	}
	return ps, nil
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) peek() string {
	if len(r.words) == 0 {
		return ""
	}
	return r.words[0]
}

func (r *reader) next() string {
	w := r.peek()
	if w == "" {
		r.fail("the line ends too early")
		return ""
	}
	r.words = r.words[1:]
	return w
}

func (r *reader) expect(want string) {
	if got := r.next(); got != want {
		r.fail("%q where %q should stand", got, want)
	}
}

// number reads a number or a name.
func (r *reader) number(bits int) uint64 {
	w := r.next()
	if strings.HasPrefix(w, "$") {
		v, ok := r.names.ports[w]
		if !ok {
			r.fail("%s: %w", w, errNoName)
		}
		return uint64(v)
	}
	v, err := strconv.ParseUint(w, 10, bits)
	if err != nil {
		r.fail("%q is no number", w)
	}
	return v
}

func (r *reader) hex() []byte {
	b, err := hex.DecodeString(r.next())
	if err != nil {
		r.fail("%v", err)
	}
	return b
}

// address reads an address of the packet's family, which the first one decides.
func (r *reader) address(d *draft) string {
	w := r.next()
	a, err := netip.ParseAddr(w)
	family := "IPv4"
	if a.Is6() {
		family = "IPv6"
	}
	switch {
	case err != nil:
		r.fail("%q is no address", w)
	case d.family != "" && d.family != family:
		r.fail("%q is no %s address", w, d.family)
	}
	d.family = family
	return a.String()
}

// end reads ADDRESS:PORT, or [ADDRESS]:PORT; the port may be a name.
func (r *reader) end(d *draft) string {
	w := r.next()
	at := max(0, strings.LastIndexByte(w, ':'))
	address, port := w[:at], strings.TrimPrefix(w[at:], ":")
	inside, bracket := strings.CutPrefix(strings.TrimSuffix(address, "]"), "[")
	r.words = append([]string{inside, port}, r.words...)
	inside = r.address(d)
	if bracket != d.six() {
		r.fail("%q: brackets are for IPv6", w)
	}
	if d.six() {
		inside = "[" + inside + "]"
	}
	end := fmt.Sprintf("%s:%d", inside, uint16(r.number(16)))
	if strings.HasPrefix(port, "$") {
		r.names.call(end, port)
	}
	return end
}

func (r *reader) packet() []packet.Packet {
	d := draft{kind: r.next(), trunc: -1}
	switch d.kind {
	case "raw":
		return []packet.Packet{{Data: r.hex()}}
	case "tcp", "udp":
		d.src = r.end(&d)
		r.expect(">")
		d.dst = r.end(&d)
		if d.kind == "tcp" {
			if d.flags = r.next(); strings.Trim(d.flags, "FSRPAUEC-") != "" {
				r.fail("flags %q", d.flags)
			}
			d.flags = strings.Trim(d.flags, "-")
		}
	case "proto":
		d.proto = uint8(r.number(8))
		fallthrough
	case "echo", "reply", "icmp":
		d.src = r.address(&d)
		r.expect(">")
		d.dst = r.address(&d)
		if d.kind == "icmp" {
			d.typ, d.code = uint8(r.number(8)), uint8(r.number(8))
		}
	default:
		r.fail("unknown kind of packet %q", d.kind)
	}
	for r.err == nil && r.option(&d) {
	}
	if d.six() && d.fragment != 0 && d.shape == nil {
		r.fail("id: only fragments of IPv6 have one")
	}
	if r.err != nil {
		return nil
	}
	ps := d.build()
	if len(ps) == 0 {
		r.fail("no such fragment")
	}
	return ps
}

// option reads one option, and reports whether there was one.
func (r *reader) option(d *draft) bool {
	with := func(o packettest.Option) { d.options = append(d.options, o) }
	echo := d.kind == "echo" || d.kind == "reply"
	w := r.peek()
	if w == "" || w == "}" {
		return false
	}
	r.next()
	if family := map[string]string{"df": "IPv4", "ipopts": "IPv4", "ipcsum": "IPv4", "ext": "IPv6", "flow": "IPv6"}[w]; family != "" && family != d.family {
		r.fail("%s is %s's", w, family)
	}
	switch w {
	case "len":
		d.payload = packettest.Payload(int(r.number(16)))
	case "data":
		d.payload = r.hex()
		r.names.showing = true
	case "quote":
		d.payload = r.quote()
	case "seq":
		d.seq = uint32(r.number(32))
		with(packettest.WithSeq(d.seq))
	case "ack":
		with(packettest.WithAck(uint32(r.number(32))))
	case "win":
		with(packettest.WithWindow(uint16(r.number(16))))
	case "mss":
		with(packettest.WithMSS(uint16(r.number(16))))
	case "tcpopts":
		with(packettest.WithTCPOptions(r.hex()...))
	case "ttl":
		with(packettest.WithTTL(uint8(r.number(8))))
	case "tos":
		with(packettest.WithTOS(uint8(r.number(8))))
	case "id", "ipid":
		if w == "id" && echo {
			d.id = uint16(r.number(16))
			break
		}
		id := r.number(map[bool]int{false: 16, true: 32}[d.six()])
		r.names.said[fmt.Sprintf("id %d", id)] = true
		d.fragment = uint32(id)
		with(packettest.WithID(uint16(id)))
	case "df":
		with(packettest.WithDF())
	case "ipopts":
		with(packettest.WithIPOptions(r.hex()...))
	case "flow":
		with(packettest.WithFlowLabel(uint32(r.number(20))))
	case "ext":
		x := extension{typ: uint8(r.number(8)), header: r.hex()}
		if len(x.header) == 0 || len(x.header)%8 != 0 {
			r.fail("an extension header has a multiple of 8 bytes")
			break
		}
		d.extend = append(d.extend, x)
	case "info":
		d.info = uint32(r.number(32))
	case "csum":
		switch w := r.next(); w {
		case "none":
			with(packettest.WithoutUDPChecksum())
		case "bad":
			d.badSum = true
		default:
			r.fail("checksum %q", w)
		}
	case "ipcsum":
		r.expect("bad")
		d.badIPSum = true
	case "ffff":
		r.expect("as")
		d.payload = d.zeroSum(r.end(d))
	case "partial":
		d.partial = true
	case "gso":
		d.gso = int(r.number(16))
	case "surplus":
		d.surplus = r.hex()
	case "trunc":
		d.trunc = int(r.number(16))
	case "pad":
		d.pad = int(r.number(16))
	case "frag":
		off, n := int(r.number(16)), int(r.number(16))
		d.shape = func(whole []byte) [][]byte { return [][]byte{d.piece(whole, off, n)} }
	case "cut":
		d.shape = d.cut(int(r.number(16)), r.order())
	default:
		r.fail("unknown option %q", w)
	}
	return true
}

// quote reads a packet in braces, or a number of its bytes.
func (r *reader) quote() []byte {
	n := -1
	if r.peek() != "{" {
		n = int(r.number(16))
	}
	r.expect("{")
	ps := r.packet()
	r.expect("}")
	if r.err != nil || len(ps) != 1 {
		r.fail("a quote is one packet")
		return nil
	}
	b := ps[0].Data
	if n < 0 {
		return b
	}
	return b[:min(n, len(b))]
}

func (r *reader) order() (order []int) {
	if r.peek() != "order" {
		return nil
	}
	for r.next(); r.peek() != ""; {
		if _, err := strconv.Atoi(r.peek()); err != nil {
			break
		}
		order = append(order, int(r.number(16)))
	}
	return order
}
