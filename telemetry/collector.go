package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"hyperplane/telemetry/drop"
)

// snapshotWaitMax bounds how long a request waits for the worker: a worker
// that does not answer within it is stuck, and the request says so.
const snapshotWaitMax = time.Second

// SnapshotFunc asks a worker for its figures.
type SnapshotFunc func(ctx context.Context) (Snapshot, error)

// collector turns one snapshot per scrape into Prometheus samples.
type collector struct {
	labels prometheus.Labels
	snap   SnapshotFunc
}

// NewRegistry returns a registry that exposes the snapshots of one role, and
// the Go runtime's and process' own metrics.
func NewRegistry(role, name string, snap SnapshotFunc) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		&collector{labels: prometheus.Labels{"role": role, "name": name}, snap: snap},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

// Describe sends nothing: the set of metrics depends on the role, so the
// collector is an unchecked one in Prometheus' terms.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), snapshotWaitMax)
	defer cancel()
	s, err := c.snap(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		return
	}
	for _, m := range s.all() {
		kind := prometheus.GaugeValue
		if m.Counter {
			kind = prometheus.CounterValue
		}
		var names, values []string
		for i := 0; i+1 < len(m.Labels); i += 2 {
			names, values = append(names, m.Labels[i]), append(values, m.Labels[i+1])
		}
		d := prometheus.NewDesc("hyperplane_"+m.Name, m.Help, names, c.labels)
		out <- prometheus.MustNewConstMetric(d, kind, m.Value, values...)
	}
}

// all lists the traffic counters in the form of metrics, then the role's own.
func (s *Snapshot) all() []Metric {
	t := &s.Traffic
	var ms []Metric
	counter := func(name, help string, v uint64, labels ...string) {
		ms = append(ms, Metric{Name: name, Help: help, Counter: true, Value: float64(v), Labels: labels})
	}
	for side := TUN; side < sides; side++ {
		l := []string{"side", side.String()}
		counter("received_packets_total", "Packets that arrived.", t.Received[side], l...)
		counter("received_bytes_total", "Bytes of the packets that arrived, from the IP header on.", t.ReceivedBytes[side], l...)
		counter("sent_packets_total", "Packets that the kernel accepted.", t.Sent(side), l...)
		counter("queued_bytes_total", "Bytes handed to the kernel, from the IP header on.", t.QueuedBytes[side], l...)
	}
	counter("generated_packets_total", "Packets made here: ICMP errors, RST, echo replies, fragments, reassembled packets.", t.Generated)
	counter("consumed_packets_total", "Packets that ended here as intended: answered, merged into a whole, cut into fragments.", t.Consumed)
	ms = append(ms, Metric{Name: "held_packets", Help: "Fragments that wait for the rest of their packet.", Value: float64(t.Held)})
	drops := t.Drops()
	for _, r := range drop.All() {
		counter("dropped_packets_total", "Packets dropped, by reason; docs/drops.md explains each.", drops[r], "reason", r.String())
	}
	return append(ms, s.Metrics...)
}
