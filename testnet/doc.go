// Package testnet lays out a small internet with tenants, a cell and edges on
// one machine: the real kernel, network namespaces, one process per role.
//
// What runs where is data: a topology file describes the internet and holds
// the cell's state, and every part becomes the namespace hp-NAME with the name
// under /run/netns, so that ip netns exec works as well. Namespaces, links and
// processes are made of package lab's parts: nothing of the testnet ever shows
// in the machine's own namespace, and what is there goes away with the
// namespaces. Each role is a process of its own, of the same binary that users
// run, so that it can be killed, stopped and started alone.
//
//	hp-blue-1 hp-green-1   hp-blue-2       instances: their eth0 is a TUN that nitro opens
//	    │ TUN      │ TUN      │ TUN
//	hp-host-1 ─────┘       hp-host-2       nitro
//	    │ eth0                │ eth0
//	════╪═════════════════════╪════════    hp-underlay: bridge, static FDB and neighbours
//	    │        │            │
//	hp-node-1 … hp-node-3  hp-edge-1 …     node, blackfoot (TUN internet0)
//	                          │ uplink
//	                       hp-internet     router; public addresses over all edges by ECMP
//	                          │
//	                       hp-web hp-peer  HTTP, echo, DNS, iperf3, hold's other end
//
// Faults are made with what the kernel has: signals end, hold and slow a process
// (Kill, Pause, Slow), packet filters at the receiver cut two parts off from each
// other in one direction or both (Partition). Hold keeps thousands of connections
// open meanwhile and tells what became of them; package hold does it. A topology
// may have spares: namespaces on the underlay that become nodes when the state
// file names them.
//
// The run directory (/run/hyperplane/testnet, or HYPERPLANE_RUN) holds per
// process NAME.pid, NAME.log and NAME.sock (admin), and the topology and state
// files. Nothing in it is needed to take the testnet down: Down also finds what
// is left by the namespaces' names, by which namespace a process is in, and by
// a mark in its environment.
//
// Invariants
//
//   - Up either returns with every part ready or leaves nothing behind.
//   - After Down no namespace, link, process or file of the testnet is left,
//     whatever was killed, damaged or removed before.
//   - A process id is signalled only together with its start time, or when the
//     process was just seen in one of our namespaces: a reused id is never hit.
//   - Names and addresses are unique in a topology (I7's ground).
//
// One testnet may be up on a machine. Limits: see limits.go.
package testnet
