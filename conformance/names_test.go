package conformance

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// names gives what is chosen at random a name: public ports, and echo identifiers
// beside a public address, also where NAT64 shows it to an instance. What a script says
// in figures itself keeps them.
type names struct {
	publics map[netip.Addr]netip.Addr // as it is seen → the public address that it is
	byEnd   map[string]string         // "198.51.100.1:7846" → "$p1"; other addresses where a command says so
	ports   map[string]uint16         // "$p1" → 7846
	said    map[string]bool           // ends, and "id 7", that a command wrote in figures
	showing bool                      // the command wrote a payload byte by byte
}

func newNames() *names {
	return &names{publics: map[netip.Addr]netip.Addr{}, byEnd: map[string]string{}, ports: map[string]uint16{}, said: map[string]bool{"id 0": true}}
}

// know learns which addresses are public.
func (n *names) know(s *cellstate.State) {
	for _, gw := range s.Gateways {
		for _, a := range gw.Public {
			n.publics[a.Netip()] = a.Netip()
			if six, ok := gw.VPC.NAT64.Embed(a); ok {
				n.publics[six.Netip()] = a.Netip()
			}
		}
	}
}

var (
	ends        = regexp.MustCompile(`(\b\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]):\d+\b`)
	requests    = regexp.MustCompile(`(\S+)( > \S+: icmp6? echo request id )(\d+)`)
	answers     = regexp.MustCompile(`(\S+)(: icmp6? echo reply id )(\d+)`)
	identifiers = regexp.MustCompile(`(\(ttl \d+ |proto \d+ |atomic )(id \d+)`)
)

// line prints a packet that came out.
func (n *names) line(p packet.Packet) string {
	p = clone(p)
	extra := ""
	if p.Offload.Partial {
		extra = " partial"
	}
	if p.Offload.GSO != packet.GSONone {
		extra += fmt.Sprintf(" superpacket of %d", p.Offload.GSOSize)
	}
	var v packet.View
	var six packet.View6
	if packet.IsIPv6(p.Data) && six.Decode(&p) == drop.None {
		if n.showing && p.Offload.GSO == packet.GSONone {
			extra += fmt.Sprintf(" data %x", six.IP[six.HeadLen:])
		}
		finishChecksum6(&p, &six)
	} else if v.Decode(&p) == drop.None {
		if n.showing && p.Offload.GSO == packet.GSONone {
			extra += fmt.Sprintf(" data %x", v.IP[v.HeadLen:])
		}
		p.FinishChecksum(&v)
	}
	s := packettest.Line(p.Data) + extra
	if p.Offload.GSO != packet.GSONone {
		s = strings.Replace(s, " csum bad", "", 1) // each segment will have one
	}
	return n.name(s)
}

// name replaces in a line what was chosen at random by names, and an IP
// identification that no command named, which is the business of who chose it.
func (n *names) name(line string) string {
	line = ends.ReplaceAllStringFunc(line, n.end)
	line = requests.ReplaceAllStringFunc(line, func(s string) string { return n.echo(requests, s) })
	line = answers.ReplaceAllStringFunc(line, func(s string) string { return n.echo(answers, s) })
	return identifiers.ReplaceAllStringFunc(line, func(s string) string {
		m := identifiers.FindStringSubmatch(s)
		if n.said[m[2]] {
			return s
		}
		return m[1] + "id any"
	})
}

// finishChecksum6 is FinishChecksum for IPv6, where nothing in the product needs it.
func finishChecksum6(p *packet.Packet, v *packet.View6) {
	if !p.Offload.Partial || p.Offload.GSO != packet.GSONone {
		return
	}
	if v.Kind == packet.KindTCP {
		tcp := packet.TCP(v.L4)
		tcp.SetChecksum(0)
		tcp.SetChecksum(packet.Checksum(tcp, v.IP.PseudoSum(packet.ProtoTCP, len(tcp))))
		return
	}
	udp := packet.UDP(v.L4)
	udp.SetChecksum(0)
	sum := packet.Checksum(udp, v.IP.PseudoSum(packet.ProtoUDP, len(udp)))
	if sum == 0 {
		sum = 0xffff
	}
	udp.SetChecksum(sum)
}

// end names the port of a public end, "198.51.100.1:$p1".
func (n *names) end(end string) string {
	key, public := n.key(end)
	if n.byEnd[key] == "" {
		if !public || n.said[key] {
			return end
		}
		name := fmt.Sprintf("$p%d", len(n.ports)+1)
		n.byEnd[key], n.ports[name] = name, netip.MustParseAddrPort(key).Port()
	}
	return end[:strings.LastIndexByte(end, ':')+1] + n.byEnd[key]
}

// key is one for all forms of an end, and reports whether it is a public one.
func (n *names) key(end string) (key string, public bool) {
	ap, err := netip.ParseAddrPort(end)
	if err != nil {
		return end, false
	}
	a, public := n.publics[ap.Addr()]
	if !public {
		a = ap.Addr()
	}
	return netip.AddrPortFrom(a, ap.Port()).String(), public
}

// call gives an end the name by which a command calls it.
func (n *names) call(end, name string) {
	key, _ := n.key(end)
	n.byEnd[key] = name
}

// say notes an end that a command wrote in figures.
func (n *names) say(end string) {
	key, _ := n.key(end)
	n.said[key] = true
}

func (n *names) echo(form *regexp.Regexp, s string) string {
	m := form.FindStringSubmatch(s)
	address := m[1]
	if strings.Contains(address, ":") {
		address = "[" + address + "]"
	}
	end := n.end(address + ":" + m[3])
	return m[1] + m[2] + end[strings.LastIndexByte(end, ':')+1:]
}
