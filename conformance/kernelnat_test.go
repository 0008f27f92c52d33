package conformance

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"hyperplane/cellstate"
	"hyperplane/packet"
	"hyperplane/testnet/lab"
	"hyperplane/tun"
)

const (
	prefix = "hpc-" // of the namespace; nothing else on the machine begins so
	gate   = "nat"

	insideLink, outsideLink = "inside", "outside"

	// quiet is how long nothing must come before a step is over: the kernel's path is
	// some microseconds, and what it delays is more than a script waits for.
	quiet = 25 * time.Millisecond
)

// kernel is Linux's NAT between two TUNs:
//
//	instances ── TUN inside, 10.0.0.5 ── forwarding, masquerade ── TUN outside, 198.51.100.1 ── internet
//
// It has no services of its own: what is addressed to it is dropped, as on a gateway.
// What conntrack takes for invalid is dropped too: it is not translated, and would else
// leave with a private address.
type kernel struct {
	state           *cellstate.State
	names           *names
	inside, outside tun.Device
}

// newKernel builds one, for the length of the test.
func newKernel(t *testing.T, s *cellstate.State) *kernel {
	t.Helper()
	l, err := lab.New(prefix)
	for deadline := time.Now().Add(lab.KillWaitMax); errors.Is(err, lab.ErrBusy) && time.Now().Before(deadline); {
		time.Sleep(lab.PollEvery) // another run of this test
		l, err = lab.New(prefix)
	}
	needKernel(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		nothingLeft(t)
	})
	ns, err := l.Namespace(gate, append(lab.Forwarding[:len(lab.Forwarding):len(lab.Forwarding)],
		lab.Sysctl{Name: "net/ipv4/icmp_ratelimit", Value: "0"})...)
	needKernel(t, err)
	k := &kernel{state: s, names: newNames()}
	gw := s.Gateways[0]
	mtu := 0
	for _, in := range s.Instances {
		mtu = max(mtu, in.MTU)
	}
	k.inside = open(t, tun.Config{
		Name: insideLink, MTU: mtu, NetNS: ns.Name,
		Addresses: []netip.Prefix{netip.PrefixFrom(gw.Private.Netip(), 16)},
	})
	k.outside = open(t, tun.Config{
		Name: outsideLink, MTU: s.InternetMTU, NetNS: ns.Name,
		Addresses: []netip.Prefix{lab.Single(gw.Public[0].Netip())},
		Routes:    []tun.Route{{Dst: lab.Anywhere}},
	})
	if err := ns.SourceNAT(outsideLink, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	if err := refuse(ns.Name); err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t *testing.T, cfg tun.Config) tun.Device {
	t.Helper()
	queues, err := tun.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { queues[0].Close() })
	return queues[0]
}

// refuse drops what is for the gateway itself, and what is invalid.
func refuse(namespace string) error {
	fd, err := netns.GetFromName(namespace)
	if err != nil {
		return err
	}
	defer fd.Close()
	c, err := nftables.New(nftables.WithNetNSFd(int(fd)))
	if err != nil {
		return err
	}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "filter"})
	drop := nftables.ChainPolicyDrop
	c.AddChain(&nftables.Chain{
		Table: table, Name: "input", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter, Policy: &drop,
	})
	forward := c.AddChain(&nftables.Chain{
		Table: table, Name: "forward", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
	})
	c.AddRule(&nftables.Rule{Table: table, Chain: forward, Exprs: []expr.Any{
		// ct state invalid drop
		&expr.Ct{Register: 1, Key: expr.CtKeySTATE},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitINVALID), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
	return c.Flush()
}

// read returns what came out of both devices until they were quiet.
func (k *kernel) read() (in, out []packet.Packet, err error) {
	buf := make([]byte, tun.ReadLen)
	for {
		came := false
		for _, d := range []struct {
			tun.Device
			ps *[]packet.Packet
		}{{k.inside, &in}, {k.outside, &out}} {
			for {
				p, ok, err := d.Read(buf)
				if err != nil {
					return nil, nil, err
				}
				if !ok {
					break
				}
				*d.ps = append(*d.ps, clone(p))
				came = true
			}
		}
		if came {
			continue
		}
		fds := []unix.PollFd{{Fd: int32(k.inside.FD()), Events: unix.POLLIN}, {Fd: int32(k.outside.FD()), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(quiet.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, nil, err
		}
		if n == 0 {
			return in, out, nil
		}
	}
}
