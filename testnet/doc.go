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
//	════╪═════════════════════╪═══════╪    hp-underlay: bridge, static FDB and neighbours
//	    │        │            │    hp-dns  a service, if the topology has one
//	hp-node-1 … hp-node-3  hp-edge-1 …     node, blackfoot (TUN internet0)
//	                          │ uplink
//	                       hp-internet     router; public addresses over all edges by ECMP
//	                          │
//	                       hp-web hp-peer  HTTP, echo, DNS, iperf3, hold's other end
//
// Faults are made with what the kernel has: signals end, hold and slow a process
// (Kill, Pause, Slow), packet filters at the receiver cut two parts off from each
// other in one direction or both (Partition). Hold keeps thousands of connections
// open meanwhile and tells what became of them; package hold does it.
//
// A topology file has three parts, of which state is the roles' own state file:
//
//	underlay:
//	  network      IPv4: of nodes, edges, hosts, and of these two:
//	  spares       name and address of machines that become nodes when the state
//	               file names them (optional)
//	  services     name and address of machines that serve what internet hosts
//	               serve, such as DNS for the hosts' resolvers (optional)
//	internet:
//	  router       the hosts' next hop; router6: that of IPv6 (optional)
//	  transit      network between the router and the edges; transit6: that of
//	               IPv6 (if there is a router6)
//	  public       networks that the router spreads over the edges, of IPv4 and,
//	               if there is a router6, of IPv6: the gateways' addresses and the
//	               VPCs' ipv6_cidrs are in them
//	  hosts        name, address and, if there is a router6, ipv6_address
//	               (optional) of the servers
//	state:         ../docs/state-file.md; its resolver asks services
//
// IPv6 is only where it is named, between instances and the internet: the
// underlay has none. The hosts' names are HOST.example. with the addresses of
// both families and HOST.v4.example. with that of IPv4 only, for DNS64; big.example.
// has an answer of 4 KB, and ipv4only.arpa. is that of RFC 7050.
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
