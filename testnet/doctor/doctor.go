package doctor

import (
	"fmt"
	"os"
	"runtime"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"hyperplane/tun"
)

// Finding says whether a feature is here.
type Finding struct {
	Feature string `json:"feature"`
	// For says what does not work without it.
	For string `json:"needed_for"`
	// Required: the roles or the testnet do not run at all without it.
	Required bool `json:"required"`
	// Problem is why it is missing, empty when it is here.
	Problem string `json:"problem,omitempty"`
}

// feature is one thing to try, in a namespace of its own.
type feature struct {
	Finding
	try func() error
}

var features = []feature{
	{Finding{Feature: "root", For: "namespaces and TUNs", Required: true}, isRoot},
	{Finding{Feature: "network namespaces", For: "the testnet", Required: true}, func() error { return nil }},
	{Finding{Feature: "TUN with virtio headers", For: "every role but node", Required: true}, openTUN},
	{Finding{Feature: "UDP segmentation over TUN (USO, Linux 6.2)", For: "small UDP at full speed"}, hasUSO},
	{Finding{Feature: "UDP_SEGMENT and UDP_GRO", For: "the wire at full speed"}, udpOffloads},
	{Finding{Feature: "veth", For: "the testnet", Required: true}, addLink(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "a"}, PeerName: "b"})},
	{Finding{Feature: "bridge", For: "the testnet", Required: true}, addLink(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br"}})},
	{Finding{Feature: "ECMP by ports", For: "two edges behind one route"}, multipath},
	{Finding{Feature: "VXLAN", For: "the bench's kernel rival"}, addLink(&netlink.Vxlan{LinkAttrs: netlink.LinkAttrs{Name: "vx"}, VxlanId: 1, Port: 4789})},
	{Finding{Feature: "nftables with masquerade", For: "the bench's kernel rival"}, masquerade},
}

// Examine tries every feature.
func Examine() []Finding {
	done := make(chan []Finding)
	go func() {
		// The thread is never unlocked, so it ends with this goroutine and
		// takes its namespace along.
		runtime.LockOSThread()
		apart := unix.Unshare(unix.CLONE_NEWNET)
		var list []Finding
		for _, f := range features {
			err := apart
			if apart == nil || f.Feature == "root" {
				err = f.try()
			}
			if err != nil {
				f.Problem = err.Error()
			}
			list = append(list, f.Finding)
		}
		done <- list
	}()
	return <-done
}

func isRoot() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("running as user %d; use sudo", os.Geteuid())
	}
	return nil
}

func openTUN() error {
	_, err := tunOffloads()
	return err
}

func hasUSO() error {
	offloads, err := tunOffloads()
	if err == nil && offloads&unix.TUN_F_USO4 == 0 {
		err = fmt.Errorf("TUNSETOFFLOAD does not know TUN_F_USO4")
	}
	return err
}

func tunOffloads() (uint32, error) {
	devices, err := tun.Open(tun.Config{Name: "doctor%d", MTU: 1500, NetNS: "/proc/thread-self/ns/net"})
	if err != nil {
		return 0, err
	}
	defer devices[0].Close()
	return devices[0].Stats().ReadOffloads, nil
}

func udpOffloads() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 1400); err != nil {
		return fmt.Errorf("UDP_SEGMENT (Linux 4.18): %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1); err != nil {
		return fmt.Errorf("UDP_GRO (Linux 5.0): %w", err)
	}
	return nil
}

func addLink(l netlink.Link) func() error {
	return func() error { return netlink.LinkAdd(l) }
}

func multipath() error {
	return os.WriteFile("/proc/sys/net/ipv4/fib_multipath_hash_policy", []byte("1"), 0)
}

func masquerade() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "doctor"})
	c.AddChain(&nftables.Chain{
		Name: "post", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	return c.Flush()
}
