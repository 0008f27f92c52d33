package conformance

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// names gives what is chosen at random a name: public ports, and echo identifiers
// beside a public address. What a script says in figures itself keeps them.
type names struct {
	publics map[string]bool
	byEnd   map[string]string // "198.51.100.1:7846" → "$p1"; other addresses where a command says so
	ports   map[string]uint16 // "$p1" → 7846
	said    map[string]bool   // ends, and "id 7", that a command wrote in figures
	showing bool              // the command wrote a payload byte by byte
}

func newNames() *names {
	return &names{publics: map[string]bool{}, byEnd: map[string]string{}, ports: map[string]uint16{}, said: map[string]bool{"id 0": true}}
}

// know learns which addresses are public.
func (n *names) know(s *cellstate.State) {
	for _, gw := range s.Gateways {
		for _, a := range gw.Public {
			n.publics[a.String()] = true
		}
	}
}

var (
	ends        = regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+:\d+\b`)
	requests    = regexp.MustCompile(`(\d+\.\d+\.\d+\.\d+)( > \d+\.\d+\.\d+\.\d+: icmp echo request id )(\d+)`)
	answers     = regexp.MustCompile(`(\d+\.\d+\.\d+\.\d+)(: icmp echo reply id )(\d+)`)
	identifiers = regexp.MustCompile(`(\(ttl \d+ )(id \d+)`)
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
	if v.Decode(&p) == drop.None {
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

// end names the port of a public end, "198.51.100.1:$p1".
func (n *names) end(end string) string {
	address, port, _ := strings.Cut(end, ":")
	if n.byEnd[end] == "" {
		if !n.publics[address] || n.said[end] {
			return end
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return end
		}
		name := fmt.Sprintf("$p%d", len(n.ports)+1)
		n.byEnd[end], n.ports[name] = name, uint16(number)
	}
	return address + ":" + n.byEnd[end]
}

func (n *names) echo(form *regexp.Regexp, s string) string {
	m := form.FindStringSubmatch(s)
	_, id, _ := strings.Cut(n.end(m[1]+":"+m[3]), ":")
	return m[1] + m[2] + id
}
