// Package bench measures Hyperplane beside the kernel, in one run.
//
// What: it lays out up to four paths (subjects) in network namespaces, puts the
// same loads over each of them in turn, several rounds long, and reports
// medians, their spread, and the ratio of each of Hyperplane's paths to the
// kernel's path that does the same work.
//
//	one box   nftables            client ── gateway (masquerade) ── server
//	          hyperplane-gateway  client ── gateway (all roles)  ── server
//
//	chain     kernel-chain        client ── host ══ gateway ══ edge ── server
//	                                        VXLAN   nft snat   VXLAN
//	          hyperplane-chain    client ── nitro ══ node ══ blackfoot ── server
//	                                        GENEVE           GENEVE
//	                              ══ an underlay bridge with a given MTU
//
// Why side by side: a machine's speed differs by the hour (other tenants, clock,
// placement), so an absolute figure says little and two figures of different
// hours say nothing. Within a round the subjects are measured one after the
// other, in an order that changes from round to round; a ratio is taken per
// round, and the median of those is what to quote.
//
//	for each round: for each load: for each subject:
//	    wait until the machine is idle (or mark noisy) ▶ load ▶ reading
//
// Why these loads: iperf3 with cubic, because the default may be bbr, whose
// pacing caps the kernel's paths and flatters slow ones; own small programs for
// packets, connections and round trips, because general tools measure
// themselves there (package load).
//
// Invariants:
//
//   - I9 and the rest hold elsewhere; this package changes nothing it measures.
//   - Every subject gets the same loads, MTU, addresses and servers.
//   - A reading taken while the machine was not idle says so.
//   - Whatever ends a run, no namespace, link or process stays (package lab).
//
// Limits are named in limits.go. What is measured is one machine: client, path
// and server share its CPUs, and a wire is a bridge. It needs root, nftables
// and VXLAN in the kernel, and iperf3 for TCP.
package bench
