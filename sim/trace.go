package sim

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// tracer keeps the last events of a run. Failing seeds run a second time with
// one: the same seed does the same again, so others need not pay for it.
type tracer struct {
	all, one lines
	follow   []string // what the lines that one keeps contain
}

// lines is a ring of the last ones.
type lines struct {
	ring []string
	next int
}

type traceKind uint8

const (
	traceSend traceKind = iota
	traceLost
	traceInstance
	traceToInstance
	traceInside
	traceOutside
)

// trace records a packet on its way from one place to another.
func (w *World) trace(k traceKind, from, to int32, b []byte) {
	if w.tracing == nil {
		return
	}
	var a, z, text string
	var followed string
	if k == traceSend || k == traceLost {
		a, z = w.alias(from), w.alias(to)
		text = describeDatagram(w.state.CellID, b, nil)
		if text == "" {
			return
		}
		if w.tracing.follow != nil {
			followed = describeDatagram(w.state.CellID, b, w.tracing.concerns)
		}
	} else {
		text = describePacket(b)
		followed = text
	}
	arrow := "->>"
	switch k {
	case traceLost:
		arrow = "-x"
	case traceInstance:
		a, z = fmt.Sprintf("tenant_%d", from+1), "hosts"
	case traceToInstance:
		a, z = "hosts", fmt.Sprintf("tenant_%d", from+1)
	case traceInside:
		a, z = "internet", w.alias(from)
	case traceOutside:
		a, z = "edges", "internet"
	}
	line := fmt.Sprintf("%s%s%s: %v ", a, arrow, z, w.now.Round(time.Microsecond))
	if k == traceLost {
		line += "lost: "
	}
	w.tracing.all.add(line+text, traceMax)
	if w.tracing.concerns(followed) {
		w.tracing.one.add(line+followed, traceFollowedMax)
	}
}

// concerns reports whether a line is about what is followed.
func (t *tracer) concerns(text string) bool {
	for _, s := range t.follow {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// note records something that is no packet.
func (w *World) note(text string) {
	if w.tracing != nil {
		line := fmt.Sprintf("Note over internet: %v %s", w.now.Round(time.Microsecond), strings.ReplaceAll(text, "\n", " "))
		w.tracing.all.add(line, traceMax)
		w.tracing.one.add(line, traceFollowedMax)
	}
}

func (w *World) alias(place int32) string { return strings.ReplaceAll(w.procs[place].name, "-", "_") }

func (t *lines) add(line string, most int) {
	if len(t.ring) < most {
		t.ring = append(t.ring, line)
		return
	}
	t.ring[t.next] = line
	t.next = (t.next + 1) % most
}

// diagram is the last events as a sequence diagram.
func (t *lines) diagram() string {
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	for i := range t.ring {
		fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(t.ring[(t.next+i)%len(t.ring)], ";", ","))
	}
	return b.String()
}

// describeDatagram says what a datagram is; nothing for those that only say
// that somebody lives.
func describeDatagram(cell uint32, b []byte, concerns func(string) bool) string {
	var t packet.Tunnel
	head, r := t.Decode(b)
	if r != drop.None {
		return "datagram refused for " + r.String()
	}
	if text, control := describeControl(cell, &t, b[head:], concerns); control {
		return text
	}
	return describePacket(b[head:]) + fmt.Sprintf(" vni %d service %d hops %d", t.VNI, t.Service, t.Hops) + describeChain(cell, &t)
}

func describePacket(b []byte) string {
	var v packet.View
	p := packet.Packet{Data: append([]byte(nil), b...)}
	if r := v.Decode(&p); r != drop.None {
		return "packet refused for " + r.String()
	}
	s := v.Tuple.String()
	switch v.Kind {
	case packet.KindTCP:
		h := packet.TCP(v.L4)
		s += fmt.Sprintf(" [%s] #%d seq %d ack %d len %d", flagLetters(v.TCPFlags), h.Seq()>>16, h.Seq()&0xffff, h.Ack()&0xffff, len(h.Payload()))
	case packet.KindICMPError:
		s += " icmp error"
	case packet.KindUDP, packet.KindEcho:
		if p := v.L4[packet.UDPHeaderLen:]; len(p) >= requestLen { // as long as an echo's header
			s += fmt.Sprintf(" #%d request %d", binary.BigEndian.Uint16(p), requestNumber(p))
		}
	}
	return s
}

func flagLetters(f uint8) string {
	s := ""
	for i := range 8 {
		if f&(1<<i) != 0 {
			s += "FSRPAUEC"[i : i+1]
		}
	}
	return s
}
