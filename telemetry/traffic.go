package telemetry

import (
	"slices"

	"hyperplane/telemetry/drop"
)

// Side is where a role meets the world.
type Side uint8

// The two seams of every role.
const (
	TUN  Side = iota // packets from and to the operating system
	Wire             // datagrams from and to peers
	sides
)

// String returns the label of the side.
func (s Side) String() string { return [sides]string{"tun", "wire"}[s] }

// Traffic counts one worker's packets. The worker owns it; it has no lock.
type Traffic struct {
	Received, ReceivedBytes [sides]uint64
	// Queued counts packets handed to a seam; what the kernel then refused is in Refused.
	Queued, QueuedBytes [sides]uint64
	Refused             [sides]uint64
	Generated           uint64
	Consumed            uint64
	Held                uint64 // a gauge
	Dropped             drop.Counts
}

// Receive counts one packet of n bytes that arrived on side s.
func (t *Traffic) Receive(s Side, n int) {
	t.Received[s]++
	t.ReceivedBytes[s] += uint64(n)
}

// Queue counts one packet of n bytes handed to side s.
func (t *Traffic) Queue(s Side, n int) {
	t.Queued[s]++
	t.QueuedBytes[s] += uint64(n)
}

// Sent is how many packets side s accepted.
func (t *Traffic) Sent(s Side) uint64 { return t.Queued[s] - t.Refused[s] }

// Drops is the count of drops by reason, those that a seam refused included.
func (t *Traffic) Drops() drop.Counts {
	d := t.Dropped
	d[drop.TUNWrite] += t.Refused[TUN]
	d[drop.WireSend] += t.Refused[Wire]
	return d
}

// Unaccounted is received + generated - sent - dropped - consumed - held: zero
// between any two turns of a correct worker (invariant I8).
func (t *Traffic) Unaccounted() int64 {
	in := t.Received[TUN] + t.Received[Wire] + t.Generated
	d := t.Drops()
	out := t.Sent(TUN) + t.Sent(Wire) + d.Total() + t.Consumed + t.Held
	return int64(in - out)
}

// Metric is one further figure of a role.
type Metric struct {
	Name    string // without the hyperplane_ prefix
	Help    string
	Counter bool // otherwise a gauge
	Value   float64
	Labels  []string // name, value, name, value, …
}

// AddMetrics adds more to sum: a counter is added to the one of the same name and labels,
// a gauge that is there already stays as it is. It may change what sum holds.
func AddMetrics(sum, more []Metric) []Metric {
	for _, m := range more {
		i := slices.IndexFunc(sum, func(s Metric) bool { return s.Name == m.Name && slices.Equal(s.Labels, m.Labels) })
		switch {
		case i < 0:
			sum = append(sum, m)
		case m.Counter:
			sum[i].Value += m.Value
		}
	}
	return sum
}

// Snapshot is what a worker hands out between two turns.
type Snapshot struct {
	Traffic Traffic
	Metrics []Metric
}

// AddSeam adds what only a seam knows: packets that the kernel refused, and
// input that was no packet for the role, by reason.
func (t *Traffic) AddSeam(side Side, refused uint64, bad *drop.Counts) {
	t.Refused[side] += refused
	t.Received[side] += bad.Total()
	for r, n := range bad {
		t.Dropped[r] += n
	}
}

// Add adds another worker's counters.
func (t *Traffic) Add(o *Traffic) {
	for s := range sides {
		t.Received[s] += o.Received[s]
		t.ReceivedBytes[s] += o.ReceivedBytes[s]
		t.Queued[s] += o.Queued[s]
		t.QueuedBytes[s] += o.QueuedBytes[s]
		t.Refused[s] += o.Refused[s]
	}
	t.Generated += o.Generated
	t.Consumed += o.Consumed
	t.Held += o.Held
	for r := range o.Dropped {
		t.Dropped[r] += o.Dropped[r]
	}
}
