package conformance

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hyperplane/golden"
	"hyperplane/packet"
	"hyperplane/sim/simtest"
	"hyperplane/telemetry/drop"
)

// TestPacketScripts plays testdata/*/*.txt on a cell in memory. The world:
//
//	world flows=N tenants=N    first, or never: the default network of cellstate, with
//	                           its argument, a part of a state file, merged into it
//	world dual-stack           the same, and before testdata/dual-stack.yaml: IPv6
//	advance 30s                lets time pass
//
// The packets, one by line; further lines are sent in the same turn (packet_test.go
// says how a packet is written):
//
//	send INSTANCE PACKET       by an instance
//	reply PACKET               by the internet
//	underlay FROM > TO …       a datagram between machines of the cell (underlay_test.go)
//	fill, each                 many packets, of which a summary is told (many_test.go)
//
// To look: "flows", what the Flow Masters own; "drops", what was dropped since the
// last look, by reason. What was dropped has to be looked at before the script ends.
//
// A script that names no profile is played with each, and the same has to happen.
//
// What comes out stands below: where, and the packet. A public port or identifier
// gets a name at its first appearance ($p1) and is called so from then on, in
// commands too.
func TestPacketScripts(t *testing.T) {
	golden.Scripts(t, scripts, guards, func(t *testing.T, text *golden.Script) {
		h, err := parseHeader(text)
		if err != nil {
			t.Error(err)
		}
		first := h.profiles()[0]
		happened := play(t, text, first)
		for _, other := range h.profiles()[1:] {
			for i, now := range play(t, text, other) {
				if command, _ := text.Blocks[i].Command(); now != happened[i] {
					t.Errorf("%s: with profile %s this happens:\n%swith %s:\n%sGive each a script of its own (# profile: …)", command, other, now, first, happened[i])
					break
				}
			}
		}
		for i := range text.Blocks {
			if b := &text.Blocks[i]; b.Step {
				_, kernel := split(b.Happened)
				b.Happened = join(happened[i], kernel)
			}
		}
	})
}

// play plays a script with gateways of a profile, and returns what happened in each of
// its blocks.
func play(t *testing.T, text *golden.Script, profile string) (happened []string) {
	s := &script{names: newNames(), profile: profile}
	defer s.close()
	for i := range text.Blocks {
		if !text.Blocks[i].Step {
			happened = append(happened, "")
			continue
		}
		command, argument := text.Blocks[i].Command()
		lines, err := s.run(command, argument)
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		happened = append(happened, strings.Join(lines, "\n")+"\n")
	}
	if left := s.drops(); left[0] != nothing {
		t.Errorf("dropped, and not looked at: %s", strings.Join(left, ", "))
	}
	return happened
}

const (
	scripts = "testdata/*/*.txt"
	guards  = "# Guards "
	nothing = "nothing"

	// kernelMark parts what our cell does from what the kernel's NAT does.
	kernelMark = "kernel:"
)

// split parts the two of them; the second is empty where they agree.
func split(happened string) (ours, kernel string) {
	ours, kernel, _ = strings.Cut(happened, kernelMark+"\n")
	return ours, kernel
}

func join(ours, kernel string) string {
	text := ours
	if kernel != "" {
		text += kernelMark + "\n" + kernel
	}
	return text
}

// script is one that is being played on a cell.
type script struct {
	cell    *simtest.Cell
	names   *names
	profile string      // of every gateway that names none
	looked  drop.Counts // by the last "drops"
}

func (s *script) close() {
	if s.cell != nil {
		s.cell.Close()
	}
}

// run does one command and returns what happened.
func (s *script) run(command, argument string) ([]string, error) {
	verb, rest, _ := strings.Cut(command, " ")
	if verb == "world" {
		return one(nothing), s.begin(rest, argument)
	}
	if s.cell == nil {
		if err := s.begin("", ""); err != nil {
			return nil, err
		}
	}
	switch verb {
	case "send":
		instance, first, _ := strings.Cut(rest, " ")
		ps, err := s.names.packets(first, argument)
		if err == nil {
			err = s.cell.Send(instance, ps...)
		}
		return s.arrived(), err
	case "reply":
		ps, err := s.names.packets(rest, argument)
		if err == nil {
			err = s.cell.Reply(ps...)
		}
		return s.arrived(), err
	case "underlay":
		return s.underlay(rest)
	case "advance":
		d, err := time.ParseDuration(rest)
		if err == nil {
			err = s.cell.Advance(d)
		}
		return s.arrived(), err
	case "fill":
		return s.fill(rest)
	case "each":
		return s.each(rest)
	case "flows":
		return s.flows(), nil
	case "drops":
		return s.drops(), nil
	}
	return nil, fmt.Errorf("unknown command %q", verb)
}

// begin builds the cell.
func (s *script) begin(options, edit string) error {
	if s.cell != nil {
		return fmt.Errorf("the world exists already")
	}
	flows, tenants, edits := 4096, 0, []string{edit}
	for word := range strings.FieldsSeq(options) {
		var err error
		switch key, value, _ := strings.Cut(word, "="); key {
		case "dual-stack":
			var six []byte
			six, err = os.ReadFile(dualStack)
			edits = []string{string(six), edit}
		case "flows":
			_, err = fmt.Sscan(value, &flows)
		case "tenants":
			_, err = fmt.Sscan(value, &tenants)
		default:
			err = fmt.Errorf("unknown option")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	state, err := world(tenants, s.profile, edits...)
	if err != nil {
		return err
	}
	s.names.know(state)
	s.cell, err = simtest.New(state, flows)
	return err
}

// arrived lists what came out, instances first, by name.
func (s *script) arrived() (lines []string) {
	if s.cell == nil {
		return nil
	}
	for _, in := range s.cell.State.Instances {
		for _, p := range s.cell.Received(in.Name) {
			lines = append(lines, in.Name+": "+s.names.line(p))
		}
	}
	for _, p := range s.cell.Internet() {
		lines = append(lines, internet+": "+s.names.line(p))
	}
	return orNothing(lines)
}

const internet = "internet"

// flows lists what the nodes own.
func (s *script) flows() (lines []string) {
	for _, n := range s.cell.Nodes {
		for _, f := range n.Flows(s.cell.Now(), 100) {
			lines = append(lines, fmt.Sprintf("%s: %s %s > %s as %s %s", f.Service, f.Protocol, f.Inside, f.Remote, f.Public, f.State))
		}
	}
	slices.Sort(lines)
	for i := range lines {
		lines[i] = s.names.name(lines[i])
	}
	return orNothing(lines)
}

func (s *script) drops() (lines []string) {
	if s.cell == nil {
		return one(nothing)
	}
	now := s.cell.Drops()
	for _, r := range drop.All() {
		if n := now[r] - s.looked[r]; n > 0 {
			lines = append(lines, fmt.Sprintf("%s %d", r, n))
		}
	}
	s.looked = now
	return orNothing(lines)
}

func one(line string) []string { return []string{line} }

func orNothing(lines []string) []string {
	if len(lines) == 0 {
		return one(nothing)
	}
	return lines
}

// clone keeps a packet beyond the next turn.
func clone(p packet.Packet) packet.Packet {
	p.Data = slices.Clone(p.Data)
	return p
}
