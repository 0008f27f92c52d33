package chain

import (
	"fmt"
	"strings"

	"hyperplane/packet"
)

var kindNames = [...]string{"none", "miss", "choose", "chosen", "refused", "entry", "seen", "forget", "release"}

// String returns the kind's name in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// String renders the message on one line, for scripts and for people. It
// allocates; no packet's path calls it.
func (m Message) String() string {
	var b strings.Builder
	b.WriteString(m.Kind.String())
	if m.Inbound {
		b.WriteString(" inbound")
	}
	if m.Quoted {
		b.WriteString(" quoted")
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
	if m.Kind == Refused {
		fmt.Fprintf(&b, ": %v", m.Reason)
	}
	return b.String()
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
