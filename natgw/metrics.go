package natgw

import (
	"time"

	"hyperplane/telemetry"
)

// metrics are the figures of a node besides its traffic.
func (n *Node) metrics(now time.Duration) []telemetry.Metric {
	s := n.Status(now)
	gauge := func(name, help string, v float64) telemetry.Metric {
		return telemetry.Metric{Name: name, Help: help, Value: v}
	}
	counter := func(name, help string, v uint64) telemetry.Metric {
		return telemetry.Metric{Name: name, Help: help, Counter: true, Value: float64(v)}
	}
	taken, fullest := &n.master.Taken, n.decider.Fullest()
	return []telemetry.Metric{
		gauge("flows", "Flows that this node decides about.", float64(n.master.Owned())),
		gauge("flow_records", "Flows tracked, copies of others' flows and ports that rest included.", float64(n.master.Len())),
		gauge("cached_entries", "Rewrite entries in the Top's cache.", float64(n.cache.free.Len())),
		gauge("leases", "Ports that the Decider takes for held.", float64(n.decider.Leased())),
		gauge("destination_ports_used_ratio", "Of the destination where it is highest: flows that live there, as a share of flows_per_destination.", fullest.Share()),
		gauge("view", "Number of the view of the cell's flow masters that this node acts in.", float64(s.Counter)),
		gauge("view_members", "Flow masters that are there.", float64(s.Members)),
		gauge("view_full", "Flow masters that own slots.", float64(s.Full)),
		gauge("serving", "1 while a majority of the flow masters stands behind the view.", bit(s.Serving)),
		gauge("degraded", "1 while the cell lacks what it needs to keep every promise.", bit(s.Degraded)),
		gauge("flows_single_copy", "Flows of this node that no other may hold.", float64(s.Unheld)),
		counter("misses_total", "Packets that went down the chain.", n.Misses),
		counter("answers_suppressed_total", "ICMP errors and RSTs not made, to bound their rate.", n.answers.Suppressed),
		counter("chain_messages_sent_total", "Messages sent to other nodes without a packet.", n.Signals.Sent),
		counter("chain_messages_received_total", "Messages received from other nodes without a packet.", n.Signals.Received),
		counter("chain_messages_lost_total", "Messages for which a turn had no room; all are said again.", n.Signals.Lost),
		counter("chain_packets_sent_total", "Packets sent to other nodes along the chain, with their message.", n.Signals.Carried),
		counter("control_datagrams_sent_total", "Datagrams sent that hold no tenant's packet: messages, hellos, answers to probes.", n.Signals.DatagramsSent),
		counter("control_datagrams_received_total", "Datagrams taken that hold no tenant's packet: messages, hellos, probes.", n.Signals.DatagramsReceived),
		counter("copies_total", "Records taken over from the owners of other slots.", taken.Copies),
		counter("adopted_total", "Flows learned from Tops, since no Flow Master knew them.", taken.Adopted),
		counter("takeovers_total", "Slots of which this node became the owner.", taken.Takeovers),
	}
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
