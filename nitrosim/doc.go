// Package nitrosim is Nitro: the shim on each host between instances and the
// underlay.
//
// It does what AWS's Nitro card does for a VPC. It gives each instance its
// interface (a TUN in the instance's namespace), answers as the subnet's
// router, refuses sources that are not the instance's own, routes by the
// subnet's route table, and encapsulates: to the host of another instance of
// the VPC directly, to a Top of the cell for a service: the one of the flow's
// slot, among those that answer this host's probes (package liveness). What came
// through the cell is answered through the cell (reflection), so the path stays
// symmetric and a flow outlives a change of its route.
//
//	instance ──TUN──▶ decode ▶ source check ▶ router? ▶ reflection ▶ route ─┬▶ same host: TUN
//	                                             │                          ├▶ other host: GENEVE, service 0
//	                                             ▼                          └▶ reassemble ▶ slot ▶ GENEVE
//	                                        echo reply                          to the slot's Top
//	Top ─────UDP────▶ answer to a probe ▶ liveness
//	peer ────UDP────▶ peer may? ▶ decode ▶ instance here? ▶ remember service ▶ cut to MTU ▶ TUN
//
// Host is the pure core: no goroutine, socket, clock or log. Worker is the
// shell that owns devices and the connection.
//
// Invariants kept here: I7 (source check on sending, sender check on
// receiving; VNIs never meet), I8, I10 (hop budget), I11 (nothing larger than
// the instance's MTU; "fragmentation needed" to the right instance), I12
// (fragments, in package packet), I13 (limits.go), I17 (a Top that goes takes
// only its own slots along).
//
// IPv6 takes the same way (host6.go): between instances untouched, to the internet through
// the egress-only gateway, whose flows are here (egress.go), and to IPv4 by NAT64
// (nat64.go), of which this is the step without state: for nodes such an instance has an
// IPv4 address, its NAT64 side. A VPC's resolver is a device beside the instances'
// (resolver.go).
//
//	instance ──IPv6──▶ decode ▶ source check ▶ resolver? router? ▶ route ─┬▶ instance: TUN, or GENEVE to its host
//	                                                                      ├▶ ::/0: remember the flow ▶ GENEVE to an edge
//	                                                                      └▶ NAT64 prefix: make IPv4 ▶ as above
//
// Limits: fragments between instances travel as they are; one worker; flows of the
// egress-only gateway are on this host alone.
package nitrosim
