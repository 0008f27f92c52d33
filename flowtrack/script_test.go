package flowtrack

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hyperplane/chain"
	"hyperplane/golden"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// TestScripts runs testdata/*.txt through a cluster of Flow Masters and Deciders:
// scripts of package golden, in which one line per message happens, in order.
//
// The world: "nodes N flows=N ports=N" (first, or never: one node), "state" followed
// by the list of gateways, "advance DURATION". Time is printed where it passes.
//
// The agreement: "view a b +c -d" is entered by all nodes that are up; + is a learner,
// - one that leaves; "empty", "uncertain", "from N" (the view it was made from) and
// "only a b" (who hears of it) may follow. "stand a serving|cut|alone" says by what
// right a node acts; entering a view makes its members serve.
//
// The faults: "crash a", "start a" (without memory), "forget decider a"; "hold WORDS"
// and "lose WORDS" for messages of a kind ("copy", "stream" for the batches of one),
// from or to a node ("a > b", "a > *"), until "through"; "deliver N…" what is held, as
// often as it is named; "release" what was not, in order; "drop" it.
//
// The Tops: a message in the form in which messages are printed; before it "topN",
// which says it, and "to a", who gets it: else top1, and the slot's owner. A report
// without a lease names the one that the owner knows.
//
// To look: "flows", "knows" (which nodes know all they should, and how much may be
// with one node only), "ports" (of the first Decider), "streams on" (and acks).
func TestScripts(t *testing.T) {
	golden.Scripts(t, "testdata/*.txt", "# Guards ", func(t *testing.T, text *golden.Script) {
		s := &script{t: t}
		for i := range text.Blocks {
			if b := &text.Blocks[i]; b.Step {
				s.play(b)
			}
		}
	})
}

// play sets what happened in a step.
func (s *script) play(b *golden.Block) {
	s.happened.Reset()
	command, argument := b.Command()
	if err := s.run(command, argument); err != nil {
		s.t.Fatalf("%s: %v", command, err)
	}
	if s.cluster != nil {
		s.check(s.t)
	}
	if s.happened.Len() == 0 {
		s.happened.WriteString("nothing\n")
	}
	b.Happened = s.happened.String()
}

type script struct {
	*cluster
	t        *testing.T
	rules    []rule
	happened strings.Builder
}

// rule says what becomes of the messages that it is about.
type rule struct {
	verdict  verdict
	kind     string // "": every
	from, to string // "*": any
}

func (r *rule) about(c *cluster, x item) bool {
	kind := x.Kind.String()
	if x.batch != nil {
		kind = "stream"
	}
	return (r.kind == "" || r.kind == kind) && (r.from == "*" || r.from == c.name(x.From)) && (r.to == "*" || r.to == c.name(x.To))
}

func (s *script) begin(n, flows, ports int) {
	s.cluster = newCluster(s.t, n, flows, ports, 1)
	s.cluster.rule = func(x item) verdict {
		for i := range s.rules {
			if s.rules[i].about(s.cluster, x) {
				return s.rules[i].verdict
			}
		}
		return pass
	}
	if n == 1 {
		s.enterAll(s.agree([]int{0}, nil, nil, nil))
	}
}

func (s *script) run(command, argument string) error {
	words := strings.Fields(command)
	if words[0] == "nodes" {
		n, flows, ports := 0, 64, 64
		fmt.Sscanf(command, "nodes %d flows=%d ports=%d", &n, &flows, &ports)
		if n < 1 {
			return errors.New("how many?")
		}
		s.begin(n, flows, ports)
		return nil
	}
	if s.cluster == nil {
		s.begin(1, 64, 64)
	}
	s.trace = func(line string) { s.happened.WriteString(line + "\n") }
	switch words[0] {
	case "state":
		state, err := parseState(argument)
		if err != nil {
			return err
		}
		s.apply(state)
	case "advance":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			return err
		}
		s.trace = func(line string) { fmt.Fprintf(&s.happened, "%v %s\n", s.now, line) }
		s.quiet = true
		s.advance(d)
		s.quiet = false
	case "view":
		return s.viewCommand(words[1:])
	case "stand":
		s.byName(words[1]).stand(words[2] == "serving", words[2] == "alone")
	case "crash":
		s.byName(words[1]).up = false
	case "start":
		s.byName(words[1]).start(0)
	case "forget":
		n := s.byName(words[2])
		up, entered, standing, m := n.up, n.entered, n.standing, n.master
		n.start(0)
		n.up, n.entered, n.standing, n.master, n.missed = up, entered, standing, m, false
	case "hold", "lose":
		r := rule{verdict: hold, from: "*", to: "*"}
		if words[0] == "lose" {
			r.verdict = lose
		}
		if at := slices.Index(words, ">"); at > 0 {
			r.from, r.to, words = words[at-1], words[at+1], words[:at-1]
		}
		if len(words) == 2 {
			r.kind = words[1]
		}
		s.rules = append(s.rules, r)
	case "through":
		s.rules = nil
	case "deliver":
		for _, w := range words[1:] {
			i, err := strconv.Atoi(w)
			if err != nil || i < 1 || i > len(s.held) {
				return fmt.Errorf("%q is not held", w)
			}
			x := &s.held[i-1]
			if x.delivered && x.Packet {
				s.packets++ // a copy of it
			}
			x.delivered = true
			s.wire = append(s.wire, *x)
			s.pump()
		}
	case "release":
		s.rules = nil
		for _, x := range s.held {
			if !x.delivered {
				s.wire = append(s.wire, x)
			}
		}
		s.held = nil
		s.pump()
	case "drop":
		for _, x := range s.held {
			if !x.delivered {
				s.lost(x)
			}
		}
		s.held = nil
	case "streams":
		s.talk = words[1] == "on"
	case "flows":
		for _, n := range s.nodes {
			if n.up {
				s.happened.WriteString(n.list())
			}
		}
	case "ports":
		for _, n := range s.nodes {
			if n.up {
				fmt.Fprintf(&s.happened, "%d leased\n", n.decider.Leased())
				break
			}
		}
	case "knows":
		for _, n := range s.nodes {
			if n.up {
				complete, lapsed := n.master.Knows(n.now())
				fmt.Fprintf(&s.happened, "%s: knows all %v, missed a view %v, unheld %d, adopted %d\n", n.name, complete, lapsed, n.master.Unheld(), n.master.Taken.Adopted)
			}
		}
	default:
		for line := range strings.Lines(command + "\n" + argument) {
			if err := s.say(line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *script) byName(name string) *node {
	for _, n := range s.nodes {
		if n.name == name {
			return n
		}
	}
	s.t.Fatalf("no node %q", name)
	return nil
}

func (s *script) viewCommand(words []string) error {
	var full, learner, leaving []int
	var only []*node
	var changes []func(*View)
	list := &full
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case w == "uncertain":
			changes = append(changes, func(v *View) { v.Uncertain = true })
		case w == "empty":
			changes = append(changes, func(v *View) { v.Empty = true })
		case w == "known":
			changes = append(changes, func(v *View) { v.Empty = false })
		case w == "from":
			i++
			n, err := strconv.Atoi(words[i])
			if err != nil {
				return err
			}
			changes = append(changes, func(v *View) {
				for _, old := range s.views {
					if old.Ballot>>32 == uint64(n) {
						v.Prev = old.Ballot
					}
				}
			})
		case w == "only":
			for _, name := range words[i+1:] {
				only = append(only, s.byName(name))
			}
			i = len(words)
		default:
			switch list = &full; w[0] {
			case '+':
				list = &learner
			case '-':
				list = &leaving
			}
			name := strings.Trim(w, "+-")
			*list = append(*list, strings.Index(nodeNames, s.byName(name).name))
		}
	}
	v := s.agree(full, learner, leaving, func(v *View) {
		for _, f := range changes {
			f(v)
		}
	})
	if only == nil {
		only = s.nodes
	}
	for _, n := range only {
		if n.up {
			n.enter(v)
		}
	}
	fmt.Fprintf(&s.happened, "view %d\n", v.Ballot>>32)
	return nil
}

// say is a message from a Top.
func (s *script) say(line string) error {
	m, rest, err := s.parseMessage(line)
	if err != nil {
		return err
	}
	to := s.owner(m.Slot())
	if rest != "" {
		to = s.byName(rest).addr
	}
	if m.Kind == chain.Miss {
		s.miss(to, m)
		return nil
	}
	if n := s.node(to); m.Lease == 0 {
		f, _ := n.master.Lookup(m.Flow)
		m.Lease, m.Public, m.PublicPort = f.Lease, f.Public, f.PublicPort
	}
	m.To, m.From = to, m.Top
	m.At = s.now
	s.send(item{Message: m})
	s.pump()
	return nil
}

// parseMessage is the inverse of chain.Message.String, for what a Top sends; to is
// the node it names, if it does.
func (s *script) parseMessage(line string) (m chain.Message, to string, err error) {
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
	duration := func(s string) time.Duration {
		d, e := time.ParseDuration(s)
		err = errors.Join(err, e)
		return d
	}
	m.Top = topAddr(1)
	for len(words) > 0 && err == nil {
		switch w := next(); {
		case w == "miss":
			m.Kind = chain.Miss
		case w == "seen":
			m.Kind = chain.Seen
		case strings.HasPrefix(w, "top"):
			m.Top = topAddr(int(number(w[3:])))
		case w == "to":
			to = next()
		case w == "inbound":
			m.Inbound = true
		case w == "independent":
			m.Independent = true
		case w == "quoted":
			m.Quoted = true
		case w == "packet":
		case w == "service":
			m.Service = uint32(number(next()))
		case w == "tcp" || w == "udp" || w == "icmp":
			proto := map[string]uint8{"tcp": packet.ProtoTCP, "udp": packet.ProtoUDP, "icmp": packet.ProtoICMP}[w]
			src, sport := end(next())
			next()
			dst, dport := end(next())
			m.Flow = packet.MakeTuple(0, proto, src, sport, dst, dport)
		case w == "vni":
			m.Flow = m.Flow.WithVNI(uint32(number(next())))
		case w == "as":
			m.Public, m.PublicPort = end(next())
		case w == "at":
			m.At = duration(next())
		case w == "age":
			m.Age = milliseconds(duration(next()))
		case w == "lease":
			n := number(strings.TrimPrefix(next(), "#"))
			for lease, name := range s.names {
				if uint64(name) == n {
					m.Lease = lease
				}
			}
		case w == "state":
			m.State = uint8(slices.Index(stateNames[:], next()))
		case strings.HasPrefix(w, "out="):
			m.FlagsOut, err = chain.ParseFlags(w[4:])
		case strings.HasPrefix(w, "in="):
			m.FlagsIn, err = chain.ParseFlags(w[3:])
		default:
			return m, to, fmt.Errorf("unknown word %q", w)
		}
	}
	if err == nil && m.Kind == 0 {
		err = errors.New("no command")
	}
	return m, to, err
}

// What a Top prints is what a script may say.
func TestParseMessageIsStringsInverse(t *testing.T) {
	s := &script{cluster: newCluster(t, 1, 1, 1, 1)}
	for _, msg := range []chain.Message{
		missOf(tuple(packet.ProtoTCP, 7)),
		{Kind: chain.Miss, Inbound: true, Quoted: true, Service: 9, Flow: tuple(packet.ProtoUDP, 1).WithVNI(0), FlagsIn: 0x12},
		{Kind: chain.Seen, Service: 1, Flow: tuple(packet.ProtoICMP, 1), Public: web, PublicPort: 1024, At: 1500 * time.Millisecond, Age: 20, Lease: 77, State: uint8(Closing)},
	} {
		msg.Top = topAddr(1)
		got, to, err := s.parseMessage(s.show(msg))
		if err != nil || got != msg || to != "" {
			t.Errorf("parseMessage(%q) = %+v, %q, %v, want %+v", s.show(msg), got, to, err, msg)
		}
	}
	if got := (chain.Message{Kind: chain.Refused, Reason: drop.NoFlow}).String(); !strings.HasSuffix(got, ": no_flow") {
		t.Errorf("a refusal prints as %q", got)
	}
}
