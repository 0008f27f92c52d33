package flowtrack

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hyperplane/chain"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

var rewrite = flag.Bool("rewrite", false, "write what happens into testdata/*.txt instead of comparing")

// TestScripts runs testdata/*.txt through a Flow Master and a Decider. A script
// is a list of blocks, with comments between them:
//
//	command        one line of what is done; further lines are its argument
//	----
//	what happened  one line per message, in order, up to an empty line
//
// The commands: "limits flows=N ports=N" (first, or never), "state" followed by
// the list of gateways, a message in the form in which messages are printed,
// "advance DURATION", "hold" and "settle" to stop and restart the carrier
// between the two machines, "flows" to list them.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(data), "# Guards ") {
				t.Errorf("%s does not open with the property it guards", file)
			}
			got := runScript(t, string(data))
			if got == string(data) {
				return
			}
			if !*rewrite {
				t.Fatalf("%s does not match; renew with -rewrite if this is right:\n%s", file, got)
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// runScript returns the script with what really happened in each block.
func runScript(t *testing.T, text string) string {
	var out strings.Builder
	s := script{cell: newCell(64, 64, 1, nil)}
	for block := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		command, _, isCommand := strings.Cut(block, "\n----")
		out.WriteString(command + "\n")
		if !isCommand {
			continue
		}
		var lines []string
		for line := range strings.Lines(command) {
			if !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
		s.happened.Reset()
		if err := s.run(strings.TrimSpace(lines[0]), strings.Join(lines[1:], "")); err != nil {
			t.Fatalf("%s: %v", lines[0], err)
		}
		s.cell.check(t)
		if s.happened.Len() == 0 {
			s.happened.WriteString("nothing\n")
		}
		out.WriteString("----\n" + s.happened.String())
	}
	return out.String()
}

type script struct {
	cell     *cell
	happened strings.Builder
}

func (s *script) run(command, argument string) error {
	c := s.cell
	c.trace = func(way string, m chain.Message) { fmt.Fprintf(&s.happened, "%s: %v\n", way, m) }
	words := strings.Fields(command)
	switch words[0] {
	case "limits":
		var flows, ports int
		if _, err := fmt.Sscanf(command, "limits flows=%d ports=%d", &flows, &ports); err != nil {
			return err
		}
		s.cell = newCell(flows, ports, 1, nil)
	case "state":
		state, err := parseState(argument)
		if err != nil {
			return err
		}
		c.apply(state)
	case "advance":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			return err
		}
		c.trace = func(way string, m chain.Message) { fmt.Fprintf(&s.happened, "%v %s: %v\n", c.now, way, m) }
		c.advance(d)
	case "hold":
		c.hold = true
	case "settle":
		c.hold = false
		c.settle()
	case "flows":
		for f := range c.master.Each {
			fmt.Fprintf(&s.happened, "%v as %v:%d %v, seen %v, until %v\n", f.Inside, f.Public, f.PublicPort, f.State, f.LastSeen, f.Deadline)
		}
		fmt.Fprintf(&s.happened, "ports: %d leased, %d resting\n", c.decider.Leased(), c.decider.Resting())
	default:
		for line := range strings.Lines(command + "\n" + argument) {
			msg, err := parseMessage(line)
			if err != nil {
				return err
			}
			c.step(msg)
		}
	}
	return nil
}

// parseMessage is the inverse of chain.Message.String, for what a Top sends.
func parseMessage(line string) (msg chain.Message, err error) {
	words := strings.Fields(line)
	next := func() string {
		if len(words) == 0 {
			err = errors.Join(err, errors.New("the line ends too early"))
			return ""
		}
		w := words[0]
		words = words[1:]
		return w
	}
	number := func(s string) uint64 {
		n, e := strconv.ParseUint(s, 10, 32)
		err = errors.Join(err, e)
		return n
	}
	end := func(s string) (packet.Addr4, uint16) {
		ap, e := netip.ParseAddrPort(s)
		err = errors.Join(err, e)
		if e != nil {
			return 0, 0
		}
		a, _ := packet.AddrFrom(ap.Addr())
		return a, ap.Port()
	}
	switch kind := next(); kind {
	case "miss":
		msg.Kind = chain.Miss
	case "seen":
		msg.Kind = chain.Seen
	default:
		return msg, fmt.Errorf("unknown command %q", kind)
	}
	for len(words) > 0 && err == nil {
		switch w := next(); {
		case w == "inbound":
			msg.Inbound = true
		case w == "quoted":
			msg.Quoted = true
		case w == "service":
			msg.Service = uint32(number(next()))
		case w == "tcp" || w == "udp" || w == "icmp":
			proto := map[string]uint8{"tcp": packet.ProtoTCP, "udp": packet.ProtoUDP, "icmp": packet.ProtoICMP}[w]
			src, sport := end(next())
			next()
			dst, dport := end(next())
			msg.Flow = packet.MakeTuple(0, proto, src, sport, dst, dport)
		case w == "vni":
			msg.Flow = msg.Flow.WithVNI(uint32(number(next())))
		case w == "as":
			msg.Public, msg.PublicPort = end(next())
		case w == "at":
			msg.At, err = time.ParseDuration(next())
		case strings.HasPrefix(w, "out="):
			msg.FlagsOut, err = chain.ParseFlags(w[4:])
		case strings.HasPrefix(w, "in="):
			msg.FlagsIn, err = chain.ParseFlags(w[3:])
		default:
			return msg, fmt.Errorf("unknown word %q", w)
		}
	}
	return msg, err
}

// What a Top prints is what a script may say.
func TestParseMessageIsStringsInverse(t *testing.T) {
	for _, msg := range []chain.Message{
		missOf(tuple(packet.ProtoTCP, 7)),
		{Kind: chain.Miss, Inbound: true, Quoted: true, Service: 9, Flow: tuple(packet.ProtoUDP, 1).WithVNI(0), FlagsIn: 0x12},
		{Kind: chain.Seen, Service: 1, Flow: tuple(packet.ProtoICMP, 1), Public: web, PublicPort: 1024, At: 1500 * time.Millisecond},
	} {
		got, err := parseMessage(msg.String())
		if err != nil || got != msg {
			t.Errorf("parseMessage(%q) = %+v, %v, want %+v", msg.String(), got, err, msg)
		}
	}
	if got := (chain.Message{Kind: chain.Refused, Reason: drop.NoFlow}).String(); !strings.HasSuffix(got, ": no_flow") {
		t.Errorf("a refusal prints as %q", got)
	}
}
