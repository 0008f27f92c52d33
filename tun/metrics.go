package tun

import "hyperplane/telemetry"

// Add adds o's counters to s.
func (s *Stats) Add(o *Stats) {
	s.ReadPackets += o.ReadPackets
	s.ReadBytes += o.ReadBytes
	for r, n := range o.ReadDrops {
		s.ReadDrops[r] += n
	}
	s.WrittenPackets += o.WrittenPackets
	s.WrittenBytes += o.WrittenBytes
	s.RefusedPackets += o.RefusedPackets
	s.Writes += o.Writes
	s.RefusedGSO += o.RefusedGSO
}

// Metrics lists the counters that are about system calls and offloads; those
// about packets are part of the role's Traffic.
func Metrics(s *Stats) []telemetry.Metric {
	return []telemetry.Metric{
		{Name: "tun_write_calls_total", Help: "System calls made to write to TUNs.", Counter: true, Value: float64(s.Writes)},
		{Name: "tun_gso_refused_total", Help: "Superpackets that the kernel refused whole and took in pieces.", Counter: true, Value: float64(s.RefusedGSO)},
	}
}
