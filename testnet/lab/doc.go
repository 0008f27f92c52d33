// Package lab holds what a test bed on one machine is made of: network
// namespaces, links, routes, an underlay, and processes in them.
//
// Two things are built on it. The testnet lays out one topology under fixed
// names (hp-NAME) and lets it outlive the command that made it: it uses the
// functions and [Start]. A measurement needs several paths side by side
// (hpb-NAME), all gone with the command and untouched by a testnet that happens
// to be up: it uses a [Lab], which owns what it makes under a prefix, takes it
// away at Close, and at its start what an earlier one with the prefix left.
//
//	namespace ── veth ── namespace      Connect
//	namespace ══ VXLAN ══ namespace     ConnectTunnel
//
//	member ─┐
//	member ─┼─ bridge in a namespace    Underlay
//	member ─┘
//
// Links are made by netlink in this process, never by calling other programs,
// and a veth pair is created with both ends already in their namespaces: nothing
// ever shows in the machine's own, and what is in a namespace goes with it.
// Neighbours and the bridge's table are written down, not learnt: no resolution
// and no stale entry falls into a test. Link-layer addresses are made of the
// IPv4 addresses, so all of this is known beforehand and a capture can be read.
// A link may have IPv6 addresses beside them, in a namespace made with the
// settings [IPv6]; elsewhere there is no IPv6.
//
// Whatever has to happen inside a namespace happens in tun.InNetNS.
//
// Invariants
//
//   - A process id is signalled only together with its start time: a reused id
//     is never hit.
//   - After a Lab's Close no namespace, link or process of it exists; its
//     processes do not survive this one, however it ends.
//   - One Lab per prefix at a time, on one machine.
//
// A Lab's methods are not safe for concurrent use; all else is. Limits: see
// limits.go.
package lab
