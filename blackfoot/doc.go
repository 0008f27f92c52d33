// Package blackfoot is the edge between plain IP and the VPC encapsulation.
//
// It keeps no flow: only the published state, and which Tops answer its probes
// (package liveness). So any number of edges may stand side by side behind the
// internet's ECMP route, and losing one loses nothing: any edge can take any
// packet. All of them send a flow to the same Top, that of its slot.
//
//	internet ──TUN──▶ decode ▶ public address → gateway ▶ slot → Top ▶ GENEVE, VNI 0 ──▶ Top
//	internet ◀──TUN── cut to MTU ◀ source is the gateway's? ◀ sender is a node? ◀─────── Top
//	                        for a public address of the cell ▶ back to a Top of that ──▶ Top
//	                                            liveness ◀ answer to a probe ◀────────── Top
//
// Edge is the pure core: no goroutine, socket, clock or log. Worker is the
// shell that owns the TUN and the connection.
//
// Invariants kept here: I7 (only public addresses of the named gateway leave, and none
// of the cell's comes in as a source),
// I8, I10 (hop budget), I11 (nothing larger than the internet's MTU leaves), I17
// (a Top that goes takes only its own slots along).
//
// IPv6 passes untranslated between the internet and the host of the instance whose address
// it has (edge6.go); what an instance may have of it, the host knows.
//
// Limits: limits.go.
package blackfoot
