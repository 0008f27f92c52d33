package sim

import (
	"fmt"
	"time"

	"hyperplane/cellstate"
)

// Plan is everything that a seed decides beforehand. What happens then follows
// from it and from the code under test.
type Plan struct {
	Seed     uint64
	Duration time.Duration
	// Liveness: faults end at Stopping, and the rest of the time belongs to the
	// promises of what must then be well again. Zero: faults all the time.
	Stopping time.Duration
	// Together is how many faults may be in force, or not yet repaired, at once.
	Together int
	// DeliverCorrupt: flipped bits pass the outer checksum. Only what must hold
	// in spite of that is then checked.
	DeliverCorrupt bool
	// Sabotage is a deliberate bug in the code under test; 0: none.
	Sabotage int

	nodes   []nodePlan
	edges   int
	hosts   int
	tenants int

	timeouts            planTimeouts
	flowsPerDestination int
	independent         bool          // the last tenant's mappings do not depend on the remote end
	portBlocks          int           // blocks of 256 ports that are given out: few, so that ports are used again
	mean                time.Duration // delay of the underlay
	lossy               int           // losses of the underlay without faults, in millionths
	untidy              int           // duplicates and reordering, likewise
	bits                int           // corruption
	internetLoss        int
	skew                int // the most that a clock is off, in millionths

	Faults  []Fault
	Clients []clientPlan
}

type nodePlan struct {
	name  string
	roles cellstate.Roles
}

type planTimeouts struct {
	tcpIdle, tcpOpening, tcpClosing, udpIdle, icmpIdle, portRest time.Duration
}

// NewPlan draws the plan of a seed.
func NewPlan(o Options) *Plan {
	d := newDice(o.Seed, forPlan)
	p := &Plan{Seed: o.Seed, Sabotage: o.Sabotage}
	p.Duration = time.Duration(d.from(30, 60)) * time.Second
	if d.below(2) == 0 {
		p.Stopping = p.Duration / 2
		p.Duration = p.Stopping + healMax + 12*time.Second
	}
	if o.Duration > 0 {
		p.Duration = o.Duration
		p.Stopping = min(p.Stopping, p.Duration)
	}
	p.Together = []int{1, 1, 1, 2, 3}[d.below(5)]
	p.DeliverCorrupt = d.below(20) == 0
	p.drawNodes(&d, o)
	p.edges, p.hosts, p.tenants = d.from(1, 3), d.from(1, 3), 2
	second := func(lo, hi int) time.Duration { return time.Duration(d.from(lo, hi)) * time.Second }
	p.timeouts = planTimeouts{
		tcpIdle: second(12, 40), tcpOpening: second(4, 10), tcpClosing: second(1, 6),
		udpIdle: second(8, 20), icmpIdle: second(6, 15), portRest: second(0, 6),
	}
	p.flowsPerDestination = []int{55_000, 55_000, 55_000, 6}[d.below(4)]
	p.portBlocks = []int{0, 1, 2}[d.below(3)]
	p.mean = d.between(60*time.Microsecond, 400*time.Microsecond)
	p.lossy = []int{0, 0, 1_000, 10_000}[d.below(4)]
	p.untidy = []int{0, 1_000, 20_000}[d.below(3)]
	p.bits = []int{0, 0, 500}[d.below(3)]
	if p.DeliverCorrupt {
		p.bits = 2_000
	}
	p.internetLoss = []int{0, 0, 2_000, 20_000}[d.below(4)]
	p.skew = []int{0, 200, 50_000}[d.below(3)]
	mapping := newDice(o.Seed, forMapping)
	p.independent = mapping.below(2) == 0
	p.drawClients(&d, o)
	p.drawFaults(o)
	p.mask(o)
	return p
}

// drawNodes: 2 to 9 nodes, all roles together or apart.
func (p *Plan) drawNodes(d *dice, o Options) {
	n := d.from(2, 9)
	if d.below(2) == 0 {
		n = d.from(3, 4) // most cells are small
	}
	if o.Nodes > 0 {
		n = o.Nodes
	}
	apart := n >= 6 && d.below(2) == 0
	for i := range n {
		r := cellstate.RolesAll
		if apart {
			r = []cellstate.Roles{cellstate.RoleTop, cellstate.RoleFlowMaster, cellstate.RoleFlowMaster | cellstate.RoleDecider}[i%3]
			if i < 2 { // at least two of each, three that keep flows
				r |= cellstate.RoleDecider
			}
		}
		p.nodes = append(p.nodes, nodePlan{name: fmt.Sprintf("node-%d", i+1), roles: r})
	}
}

// isIndependent reports whether a tenant's mappings do not depend on the remote end.
func (p *Plan) isIndependent(tenant int) bool { return p.independent && tenant == p.tenants-1 }

// mask takes out what the options leave out.
func (p *Plan) mask(o Options) {
	if o.Clients > 0 && len(p.Clients) > o.Clients {
		p.Clients = p.Clients[:o.Clients]
	}
	var kept []Fault
	for i, f := range p.Faults {
		if (len(o.Only) == 0 || o.Only[f.Kind]) && !o.Drop[i] {
			if o.Shorter > 0 {
				f.For = max(f.For>>o.Shorter, time.Millisecond)
			}
			kept = append(kept, f)
		}
	}
	p.Faults = kept
}

// String describes the plan in a few lines.
func (p *Plan) String() string {
	s := fmt.Sprintf("%d nodes (", len(p.nodes))
	for i, n := range p.nodes {
		if i > 0 {
			s += ", "
		}
		s += n.roles.String()
	}
	s += fmt.Sprintf("), %d edges, %d hosts, %d clients, %v", p.edges, p.hosts, len(p.Clients), p.Duration)
	if p.Stopping > 0 {
		s += fmt.Sprintf(", faults end at %v", p.Stopping)
	}
	s += fmt.Sprintf("\nunderlay: mean delay %v, loss %d, untidy %d, corrupt %d per million; internet: loss %d per million; clocks within %d per million",
		p.mean, p.lossy, p.untidy, p.bits, p.internetLoss, p.skew)
	if p.independent {
		s += fmt.Sprintf("; mappings of tenant %d do not depend on the remote end", p.tenants)
	}
	t := p.timeouts
	s += fmt.Sprintf("\ntimeouts: tcp %v/%v/%v, udp %v, icmp %v, port rest %v; %d flows per destination\n",
		t.tcpIdle, t.tcpOpening, t.tcpClosing, t.udpIdle, t.icmpIdle, t.portRest, p.flowsPerDestination)
	for _, f := range p.Faults {
		s += fmt.Sprintf("  %2d  %v\n", f.Number, f)
	}
	return s
}
