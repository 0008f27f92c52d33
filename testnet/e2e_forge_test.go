package testnet

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

// geneve puts an inner packet behind a tunnel header.
func geneve(tunnel packet.Tunnel, inner []byte) []byte {
	b := make([]byte, packet.GeneveLen, packet.GeneveLen+len(inner))
	tunnel.Encode(b)
	return append(b, inner...)
}

// hostile sends on the underlay whatever it likes, from any address.
type hostile struct {
	dir            Dir
	owner, address string // a node, and its address
	addresses      map[string][4]byte
	fd             int

	pids map[string]int
	sent map[string]float64 // packets that the roles had sent
	got  map[string]string  // the instances' interface counters
}

func newHostile(t *testing.T, dir Dir) *hostile {
	t.Helper()
	top := load(t, "default")
	node := top.State.Nodes[0]
	h := &hostile{
		dir: dir, owner: node.Name, address: node.Addr.String(), addresses: map[string][4]byte{},
		pids: map[string]int{}, sent: map[string]float64{}, got: map[string]string{},
	}
	for _, p := range roles(top) {
		h.addresses[p.Name] = p.Address.As4()
		h.pids[p.Name] = statusOf(t, dir, p.Name).PID
		h.sent[p.Name] = scrape(t, dir, p.Name).tenants("sent")
	}
	for name := range twins {
		h.got[name] = deviceLine(t, name)
	}
	// A raw socket takes the IP header as it is, the source address included.
	// It is in a namespace that no test sends to.
	err := InNamespace("host-2", func() (err error) {
		h.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(h.fd) })
	return h
}

// deviceLine is what an instance's kernel counts on its interface.
func deviceLine(t *testing.T, name string) string {
	t.Helper()
	for _, line := range strings.Split(inside(t, name, "cat", "/proc/self/net/dev"), "\n") {
		if strings.Contains(line, "eth0:") {
			return line
		}
	}
	t.Fatalf("%s has no eth0", name)
	return ""
}

func (h *hostile) send(t *testing.T, from, to string, payload []byte) {
	t.Helper()
	a := h.addresses[to]
	datagram := packettest.UDP(from+":6081", fmt.Sprintf("%d.%d.%d.%d:%d", a[0], a[1], a[2], a[3], packet.GenevePort), payload)
	if err := unix.Sendto(h.fd, datagram, 0, &unix.SockaddrInet4{Addr: a}); err != nil {
		t.Fatal(err)
	}
}

// received waits until a role has taken n more datagrams.
func (h *hostile) received(t *testing.T, to string, before samples, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s takes %d datagrams", to, n), func() bool {
		return scrape(t, h.dir, to).tenants("received") >= before.tenants("received")+float64(n)
	})
}

// allDropped sends n datagrams, all of which have to be dropped.
func (h *hostile) allDropped(t *testing.T, from, to string, n int, payload func(i int) []byte) {
	t.Helper()
	before := scrape(t, h.dir, to)
	for i := range n {
		h.send(t, from, to, payload(i))
	}
	h.received(t, to, before, n)
	now := scrape(t, h.dir, to)
	if d := now.sum("dropped_packets_total") - before.sum("dropped_packets_total"); d != float64(n) {
		t.Errorf("%s dropped %v of %d from %s: %v", to, d, n, from, traffic(now))
	}
}

// check demands that nothing was passed on by anyone, and that all go on.
func (h *hostile) check(t *testing.T) {
	t.Helper()
	for name, sent := range h.sent {
		s := scrape(t, h.dir, name)
		if now := s.tenants("sent"); now != sent || s.unaccounted() != 0 {
			t.Errorf("%s sent %v packets, %v unaccounted for: %v", name, now-sent, s.unaccounted(), traffic(s))
		}
		if p := statusOf(t, h.dir, name); p.PID != h.pids[name] || !p.Healthy {
			t.Errorf("%s was process %d and is %+v", name, h.pids[name], p)
		}
	}
	for name, line := range h.got {
		if now := deviceLine(t, name); now != line {
			t.Errorf("%s received something: %s, before %s", name, now, line)
		}
	}
	for name, twin := range twins {
		if out := inside(t, name, "curl", "-sfm", "10", "http://"+web+"/"); !strings.Contains(out, "You are "+twin.public+":") {
			t.Errorf("%s: %s", name, out)
		}
	}
}
