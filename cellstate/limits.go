package cellstate

import (
	"time"

	"hyperplane/packet"
	"hyperplane/shard"
)

// What a state file may hold. Passing a limit is an error of the file, named by
// path and line, and the file is refused as a whole. The counts are the cell's
// designed size: a larger network is more cells, not a larger cell.
const (
	fileBytesMax = 2 << 20      // bytes; hostile YAML costs the parser some hundred bytes of memory for each
	listMax      = instancesMax // entries of any list: longer ones are not even looked into

	nodesMax       = shard.TableNodesMax // nodes: placement ranks all of one role for each slot
	flowMastersMax = 16                  // flow masters: each has a class of public ports of its own, and there are 16 such seats

	edgesMax       = 32   // edges: edgeTableSize keeps them even to about 1 %
	hostsMax       = 1024 // hosts
	vpcsMax        = 1024 // VPCs
	gatewaysMax    = 1024 // NAT gateways
	instancesMax   = 4096 // instances
	cidrsMax       = 16   // CIDRs per VPC: Contains walks them for every packet
	routeTablesMax = 64   // route tables per VPC
	routesMax      = 128  // routes per route table
	subnetsMax     = 64   // subnets per VPC
	forwardsMax    = 256  // port forwards per gateway
	publicsMax     = 8    // public addresses per gateway, as AWS allows
	resolversMax   = 3    // upstreams of the resolvers: each may be waited for in turn

	problemsMax   = 100 // problems that are listed; more are counted
	namesShownMax = 8   // declared names a problem shows beside a wrong one

	nameLenMax   = 63 // bytes of a name, as in a DNS label
	deviceLenMax = 15 // bytes of an interface's name (IFNAMSIZ without its zero)
	vniMax       = 1<<24 - 1

	edgeTableSize     = 4093 // slots of the maglev table: 8 KB, > 100 per edge
	probesMax         = 8    // slots one look-up in an index touches at most
	slotsPerRecordMax = 64   // an index grows to this before it accepts longer probes
)

// How many flow masters hold each flow. With one, a flow master that is lost
// takes its flows along.
const copiesMin, copiesMax, copiesDefault = 1, 2, 2

// MTUs in bytes of the IP packet.
const (
	underlayMTUMin, underlayMTUMax, underlayMTUDefault = 1280, 65535, 9001
	internetMTUMin, internetMTUMax, internetMTUDefault = 576, 9500, 1500
	instanceMTUMin, instanceMTUMax, instanceMTUDefault = 576, 65535 - packet.TunnelOverhead, 1500
)

// Prefix lengths. A subnet needs its network, router and broadcast addresses
// and at least one more.
const (
	cidrBitsMin, cidrBitsMax     = 8, 29
	subnetBitsMin, subnetBitsMax = 8, 29
)

// Prefix lengths of IPv6. A subnet is a /64, as AWS's are and RFC 4291, section 2.5.4 asks.
const (
	cidr6BitsMin, cidr6BitsMax = 32, 64
	subnet6Bits                = 64
)

// Bounds of timeouts and flows.
const (
	timeoutMin, timeoutMax   = time.Second, 24 * time.Hour
	portRestMin, portRestMax = time.Duration(0), 10 * time.Minute

	// FlowsPerDestinationMax is what one public address carries to one
	// destination: AWS's figure, which leaves ports resting out of 64512.
	FlowsPerDestinationMax = 55000

	// flowsPerInstanceMax is as many flows as a node can track.
	flowsPerInstanceMax = 1 << 24
)

const deviceDefault = "eth0"
