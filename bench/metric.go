package bench

import "fmt"

// Metric is one figure that a load gives.
type Metric struct {
	Name          string
	Title         string
	Unit          string
	LowerIsBetter bool
	Bulk          bool // TCP throughput, for which a least ratio is expected

	// Remark names what else the load noted, and Noted is that, given the
	// load's details summed over all rounds.
	Remark string
	Noted  func(detail func(name string) float64) string
}

var metrics = []Metric{
	{Name: "tcp-up", Title: "TCP, one stream, up", Unit: "Gbit/s", Bulk: true, Remark: "retransmits", Noted: retransmitted},
	{Name: "tcp-down", Title: "TCP, one stream, down", Unit: "Gbit/s", Bulk: true, Remark: "retransmits", Noted: retransmitted},
	{Name: "tcp-4", Title: "TCP, four streams, up", Unit: "Gbit/s", Bulk: true, Remark: "retransmits", Noted: retransmitted},
	{Name: "udp-64", Title: "UDP, 64 bytes, received", Unit: "kpackets/s", Remark: "arrived", Noted: delivered},
	{Name: "connections", Title: "new connections, 64 in flight", Unit: "thousand/s", Remark: "failed", Noted: unanswered},
	{Name: "rtt-p50", Title: "UDP round trip, idle, p50", Unit: "µs", LowerIsBetter: true},
	{Name: "rtt-p99", Title: "UDP round trip, idle, p99", Unit: "µs", LowerIsBetter: true},
}

func retransmitted(detail func(string) float64) string {
	return fmt.Sprintf("%.0f", detail("retransmits"))
}

// delivered tells a path that pushes back (all arrives, fewer are sent) from
// one that drops what is too much.
func delivered(detail func(string) float64) string {
	return fmt.Sprintf("%.0f %%", 100*detail("received")/max(detail("sent"), 1))
}

func unanswered(detail func(string) float64) string {
	return fmt.Sprintf("%.0f", detail("failed")+detail("timed_out"))
}

// Comparison sets one of Hyperplane's subjects against the kernel's that does
// the same work.
type Comparison struct {
	Subject, Reference string
	Title              string
	BulkRatioExpected  float64 // less is worth finding out why
}

var comparisons = []Comparison{
	{"hyperplane-gateway", "nftables", "One box: NAT in one hop", 0.6},
	{"hyperplane-chain", "kernel-chain", "Chain: three hops over an underlay", 0.5},
}
