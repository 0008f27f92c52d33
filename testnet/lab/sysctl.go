package lab

import (
	"errors"
	"os"
	"slices"
	"strings"
)

// Sysctl is a name under /proc/sys and the value to write there.
type Sysctl struct{ Name, Value string }

// quiet holds for every namespace: without IPv6, where nobody asks for it, no
// router solicitation or duplicate address detection mixes with what a test
// counts, and a bridge is a wire, not a firewall: else its packets pass through
// iptables, which costs and may drop.
var quiet = []Sysctl{
	{"net/ipv6/conf/all/disable_ipv6", "1"},
	{"net/ipv6/conf/default/disable_ipv6", "1"},
	{"net/bridge/bridge-nf-call-iptables", "0"},
	{"net/bridge/bridge-nf-call-ip6tables", "0"},
	{"net/bridge/bridge-nf-call-arptables", "0"},
}

// Forwarding makes a namespace route what is not for it. Strict reverse path
// checks would drop what comes back another way than it went out.
var Forwarding = []Sysctl{
	{"net/ipv4/ip_forward", "1"},
	{"net/ipv4/conf/all/rp_filter", "0"},
	{"net/ipv4/conf/default/rp_filter", "0"},
	{"net/ipv4/conf/all/send_redirects", "0"},
	{"net/ipv4/conf/default/send_redirects", "0"},
}

// IPv6 lets a namespace's links have IPv6 addresses, those that are given to
// them and no others: none is made up, announced or asked for.
var IPv6 = []Sysctl{
	{"net/ipv6/conf/default/addr_gen_mode", "1"}, // no link-local address
	{"net/ipv6/conf/default/accept_ra", "0"},
	{"net/ipv6/conf/default/autoconf", "0"},
	{"net/ipv6/conf/default/accept_dad", "0"},
	{"net/ipv6/conf/default/dad_transmits", "0"},
	{"net/ipv6/conf/default/disable_ipv6", "0"},
	{"net/ipv6/conf/all/disable_ipv6", "0"}, // last: the links that are there begin to speak
}

// Forwarding6 is Forwarding for IPv6.
var Forwarding6 = Sysctl{"net/ipv6/conf/all/forwarding", "1"}

// SpreadByPorts makes a route with several next hops choose by the ports too,
// or all flows between two addresses would take one of them.
var SpreadByPorts = Sysctl{"net/ipv4/fib_multipath_hash_policy", "1"}

// SpreadByPorts6 is SpreadByPorts for IPv6.
var SpreadByPorts6 = Sysctl{"net/ipv6/fib_multipath_hash_policy", "1"}

// write sets the value in the calling thread's namespace. A missing file of
// those that quieten means that there is nothing to be quiet.
func (s Sysctl) write() error {
	err := os.WriteFile("/proc/sys/"+s.Name, []byte(s.Value), 0)
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	switch {
	case slices.Contains(quiet, s):
		return nil
	case s == SpreadByPorts:
		return &MissingFeatureError{"multipath routing", "CONFIG_IP_ROUTE_MULTIPATH", err}
	case strings.HasPrefix(s.Name, "net/ipv6/"):
		return &MissingFeatureError{"IPv6", "CONFIG_IPV6", err}
	}
	return err
}
