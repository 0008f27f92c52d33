package decider

import "hyperplane/packet"

// Usage is how much of what a gateway's public address may carry towards one destination
// is in use.
type Usage struct {
	Proto  uint8
	Public packet.Addr4
	// Remote and its port are the destination, or 0 where ports are the same towards
	// everybody (endpoint-independent mapping).
	Remote     packet.Addr4
	RemotePort uint16
	Living     int // flows; or inside endpoints
	Limit      int // the gateway's flows_per_destination; 0: nothing is in use
}

// Share is what is in use of what may be, from 0 to 1.
func (u *Usage) Share() float64 {
	if u.Limit == 0 {
		return 0
	}
	return float64(u.Living) / float64(u.Limit)
}

// survey looks for the fullest destination: a share of them in each Tick, whatever happens,
// and all within a round.
type survey struct {
	next  int
	best  Usage // of this round so far
	found Usage // of the last whole one
}

// Fullest is the destination of whose ports the largest share is in use, as of the last
// round.
func (d *Decider) Fullest() Usage { return d.survey.found }

func (d *Decider) lookAround() {
	s := &d.survey
	for range surveyPerTickMax {
		if s.next >= d.destinationSlab.High() {
			s.found, s.best, s.next = s.best, Usage{}, 0
			return
		}
		i := uint32(s.next)
		s.next++
		if !d.destinationSlab.InUse(i) || d.state == nil {
			continue
		}
		held := &d.destinations[i]
		gateway := d.state.GatewayByPublic(held.key.Src)
		if gateway == nil {
			continue
		}
		u := Usage{held.key.Proto(), held.key.Src, held.key.Dst, held.key.DstPort, held.living(), gateway.FlowsPerDestination}
		if u.Share() > s.best.Share() {
			s.best = u
		}
	}
}
