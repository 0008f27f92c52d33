package chain

import (
	"fmt"
	"strings"
	"time"

	"hyperplane/packet"
)

var kindNames = [...]string{
	"none", "miss", "choose", "chosen", "refused", "entry", "copy", "done", "end",
	"ack", "seen", "confirm", "forget", "release", "lease",
}

// String returns the kind's name in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// String renders the message on one line, for scripts and for people; what is
// not set is left out. It allocates; no packet's path calls it.
func (m Message) String() string {
	var b strings.Builder
	b.WriteString(m.Kind.String())
	for _, w := range []struct {
		set  bool
		word string
	}{{m.Inbound, " inbound"}, {m.Independent, " independent"}, {m.Quoted, " quoted"}, {m.Packet, " packet"}} {
		if w.set {
			b.WriteString(w.word)
		}
	}
	fmt.Fprintf(&b, " service %d %v", m.Service, m.Flow)
	if m.FlagsOut != 0 {
		fmt.Fprintf(&b, " out=%s", FlagString(m.FlagsOut))
	}
	if m.FlagsIn != 0 {
		fmt.Fprintf(&b, " in=%s", FlagString(m.FlagsIn))
	}
	if m.Public != 0 {
		fmt.Fprintf(&b, " as %v:%d", m.Public, m.PublicPort)
	}
	if m.Kind == Seen {
		fmt.Fprintf(&b, " at %v", m.At)
	}
	if m.State != 0 {
		fmt.Fprintf(&b, " state %#02x", m.State)
	}
	if m.Class != 0 {
		fmt.Fprintf(&b, " class %d", m.Class)
	}
	if m.Age != 0 {
		fmt.Fprintf(&b, " age %v", time.Duration(m.Age)*time.Millisecond)
	}
	if m.Lease != 0 {
		fmt.Fprintf(&b, " lease %d", m.Lease)
	}
	if m.View != 0 {
		fmt.Fprintf(&b, " view %s", viewString(m.View))
	}
	if m.Kind == Refused {
		fmt.Fprintf(&b, ": %v", m.Reason)
	}
	return b.String()
}

// viewString writes a ballot as counter@proposer, a bare number where no
// proposer counted yet.
func viewString(ballot uint64) string {
	if ballot>>32 == 0 {
		return fmt.Sprint(ballot)
	}
	return fmt.Sprintf("%d@%v", ballot>>32, packet.Addr4(ballot))
}

var flagLetters = []struct {
	bit    uint8
	letter byte
}{
	{packet.TCPFin, 'F'}, {packet.TCPSyn, 'S'}, {packet.TCPRst, 'R'}, {packet.TCPPsh, 'P'},
	{packet.TCPAck, 'A'}, {packet.TCPUrg, 'U'}, {packet.TCPEce, 'E'}, {packet.TCPCwr, 'C'},
}

// FlagString writes TCP flags as letters, "SA" for SYN and ACK, "-" for none.
func FlagString(flags uint8) string {
	var b []byte
	for _, f := range flagLetters {
		if flags&f.bit != 0 {
			b = append(b, f.letter)
		}
	}
	if len(b) == 0 {
		return "-"
	}
	return string(b)
}

// ParseFlags is the inverse of [FlagString].
func ParseFlags(s string) (uint8, error) {
	if s == "-" {
		return 0, nil
	}
	var flags uint8
next:
	for i := range len(s) {
		for _, f := range flagLetters {
			if s[i] == f.letter {
				flags |= f.bit
				continue next
			}
		}
		return 0, fmt.Errorf("TCP flags %q: unknown letter %q; known are F S R P A U E C", s, s[i])
	}
	return flags, nil
}
