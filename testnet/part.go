package testnet

import (
	"net/netip"

	"hyperplane/testnet/lab"
)

// Role is what a part of the testnet is for.
type Role string

const (
	RoleUnderlay     Role = "underlay"      // the bridge between nodes, edges and hosts
	RoleRouter       Role = "router"        // the internet's router
	RoleInternetHost Role = "internet-host" // a server on the internet
	RoleService      Role = "service"       // a server on the underlay, such as DNS for the hosts
	RoleNode         Role = "node"
	RoleEdge         Role = "edge"
	RoleHost         Role = "host"
	RoleInstance     Role = "instance"
	RoleSpare        Role = "spare" // on the underlay, to become a node when the state names it
)

// Namespaces of the parts that every topology has.
const (
	underlayName = "underlay"
	routerName   = "internet"
)

// namespacePrefix starts the name of every namespace of the testnet.
const namespacePrefix = "hp-"

// namespaces lists those that are there, by name, sorted.
func namespaces() ([]string, error) { return lab.Names(namespacePrefix) }

// onUnderlay reports whether a part with the role has a link to the underlay.
func (r Role) onUnderlay() bool {
	switch r {
	case RoleService, RoleNode, RoleSpare, RoleEdge, RoleHost:
		return true
	}
	return false
}

// serves reports whether a part with the role runs the testnet's own servers.
func (r Role) serves() bool { return r == RoleInternetHost || r == RoleService }

// Part is one namespace of a testnet.
type Part struct {
	Name     string
	Role     Role
	Address  netip.Addr // not valid: none, as the underlay and some instances
	Address6 netip.Addr // of IPv6; not valid: none
}

// Namespace is the part's name under /run/netns.
func (p Part) Namespace() string { return namespacePrefix + p.Name }

// HasProcess reports whether a process of ours runs in the part.
func (p Part) HasProcess() bool { return p.command() != nil }

// command is the subcommand that the part's process runs, nil if it has none.
func (p Part) command() []string {
	switch p.Role {
	case RoleNode, RoleSpare:
		return []string{"node"}
	case RoleEdge:
		return []string{"blackfoot"}
	case RoleHost:
		return []string{"nitro"}
	case RoleInternetHost, RoleService:
		return []string{"testnet", "serve"}
	}
	return nil
}

// args are the arguments of the part's process.
func (p Part) args(dir Dir) []string {
	args := append(p.command(), "--name", p.Name, "--admin", "unix:"+dir.socket(p.Name))
	if p.Role.serves() {
		return append(args, "--topology", dir.topology())
	}
	return append(args, "--state", dir.State())
}
