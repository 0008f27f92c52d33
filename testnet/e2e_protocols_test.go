package testnet

import (
	"fmt"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"hyperplane/packet/packettest"
)

// What a NAT gateway does not carry is dropped where it comes in, and counted:
// other protocols than TCP, UDP and ICMP, and IPv6 of and for those that have none.
func TestProtocolsThatAreNotCarried(t *testing.T) {
	dir := bringUp(t, "default")
	const copies = 5
	edges := []string{"edge-1", "edge-2"}
	for _, tt := range []struct {
		name   string
		send   func() error
		at     []string // who drops it
		reason string
	}{
		{"GRE from an instance", func() error { return sendRaw("blue-1", unix.IPPROTO_GRE, web) }, []string{"host-1"}, "unknown_protocol"},
		{"SCTP from an instance", func() error { return sendRaw("blue-1", unix.IPPROTO_SCTP, web) }, []string{"host-1"}, "unknown_protocol"},
		{"SCTP inside a VPC", func() error { return sendRaw("blue-1", unix.IPPROTO_SCTP, "10.0.1.11") }, []string{"host-1"}, "unknown_protocol"},
		{"GRE from the internet", func() error { return sendRaw("web", unix.IPPROTO_GRE, "198.51.100.1") }, edges, "unknown_protocol"},
		{"SCTP from the internet", func() error { return sendRaw("web", unix.IPPROTO_SCTP, "198.51.100.2") }, edges, "unknown_protocol"},
		{"IPv6 from an instance", func() error { return sendIPv6("green-1", "eth0") }, []string{"host-1"}, "spoofed_source"},
		{"IPv6 from the internet", func() error { return sendIPv6("edge-1", "internet0") }, []string{"edge-1"}, "no_instance"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dropped := func(reason string) (n float64) {
				for _, name := range tt.at {
					s := scrape(t, dir, name)
					if n += s.dropped(reason); reason == "" {
						n += s.sum("dropped_packets_total")
					}
				}
				return n
			}
			before, all := dropped(tt.reason), dropped("")
			for range copies {
				if err := tt.send(); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, fmt.Sprintf("%v drop %d packets as %s", tt.at, copies, tt.reason), func() bool { return dropped(tt.reason) == before+copies })
			if n := dropped("") - all; n != copies {
				t.Errorf("%v packets dropped, want %d", n, copies)
			}
		})
	}
	for _, node := range []string{"node-1", "node-2", "node-3"} {
		if s := scrape(t, dir, node); s.tenants("received") != 0 {
			t.Errorf("%s was reached: %v", node, traffic(s))
		}
	}
	inside(t, "blue-1", "curl", "-sfm", "10", "http://"+web+"/")
	checkAccounts(t, dir)
}

// sendRaw sends one packet of an IP protocol from inside a part.
func sendRaw(name string, protocol int, to string) error {
	return InNamespace(name, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, make([]byte, 64), 0, &unix.SockaddrInet4{Addr: [4]byte(net.ParseIP(to).To4())})
	})
}

// sendIPv6 puts a UDP datagram of IPv6 on a link: in the testnet's namespaces
// the kernel has IPv6 switched off and would not send one by itself.
func sendIPv6(name, link string) error {
	p := packettest.UDP6("[2001:db8::1]:7", "[2001:db8::2]:7", nil)
	return InNamespace(name, func() error {
		index, err := linkIndex(link)
		if err != nil {
			return err
		}
		const etherType = unix.ETH_P_IPV6>>8 | unix.ETH_P_IPV6<<8&0xff00 // in network order
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, p, 0, &unix.SockaddrLinklayer{Protocol: etherType, Ifindex: index})
	})
}

// linkIndex is a link's number in the calling thread's namespace.
func linkIndex(link string) (int, error) {
	l, err := net.InterfaceByName(link)
	if err != nil {
		return 0, err
	}
	return l.Index, nil
}
