// Package telemetry is what an operator sees of a role: counters, health, logs.
//
// A role's worker owns plain counters (Traffic) and increments them without
// atomics; a scrape asks the worker for a copy between two turns, so that the
// figures of one scrape belong to one moment and the accounting identity holds
// in it exactly, not merely when traffic has stopped:
//
//	received + generated = sent + dropped + consumed + held        (invariant I8)
//
//	worker ──Snapshot (copied between turns)──▶ Collector ──▶ GET /metrics
//	                                            Admin     ──▶ GET /healthz, /flows, /explain
//
// Received packets came from a TUN or from a peer; generated ones were made
// here (ICMP errors, RST, echo replies, fragments, reassembled packets);
// consumed ones ended here as intended (answered, merged, cut); held ones are
// fragments that wait for the rest.
//
// Prometheus' own counters are never touched per packet, and a log line is
// never written per packet. The log's field names are fixed: role, name,
// vpc, vni, service, flow, node, peer, reason, version, error.
//
// Limits: one admin request waits at most snapshotWaitMax for the worker.
package telemetry
