package testnet

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

// What a stranger, or a peer gone wrong, puts on the underlay is dropped and
// counted by its reason; nothing of it arrives anywhere, and everyone goes on.
func TestHostileUnderlay(t *testing.T) {
	dir := bringUp(t, "default")
	h := newHostile(t, dir)
	query := packettest.UDP("10.0.1.10:4000", web+":7", packettest.Payload(64))
	good := geneve(packet.Tunnel{VNI: 100, Service: 1, Hops: 4}, query)
	toInternet := packettest.UDP("198.51.100.1:4000", web+":7", nil)
	patched := func(at int, b ...byte) []byte {
		p := append([]byte(nil), good...)
		copy(p[at:], b)
		return p
	}
	const copies = 3
	for _, tt := range []struct {
		name, from, to string
		payload        []byte
		reason         string
	}{
		{"a stranger to a node", "172.31.0.99", h.owner, good, "unknown_peer"},
		{"a stranger to a host", "172.31.0.99", "host-1", geneve(packet.Tunnel{VNI: 100, Service: 1, Hops: 4}, packettest.UDP(web+":7", "10.0.1.10:4000", nil)), "unknown_peer"},
		{"a stranger to an edge", "172.31.0.99", "edge-1", geneve(packet.Tunnel{Service: 1, Hops: 4}, toInternet), "unknown_peer"},
		{"an empty datagram", "172.31.0.31", h.owner, nil, "geneve_too_short"},
		{"half a header", "172.31.0.31", h.owner, good[:7], "geneve_too_short"},
		{"half an option", "172.31.0.31", h.owner, good[:20], "geneve_too_short"},
		{"another version", "172.31.0.31", h.owner, patched(0, 0x44), "geneve_bad_version"},
		{"a control message", "172.31.0.31", h.owner, patched(1, 0x80), "geneve_control"},
		{"Ethernet inside", "172.31.0.31", h.owner, patched(2, 0x65, 0x58), "geneve_bad_protocol"},
		{"an option beyond the options", "172.31.0.31", h.owner, patched(11, 9), "geneve_bad_option"},
		{"our option, too short", "172.31.0.31", h.owner, patched(11, 1), "geneve_bad_option"},
		{"an unknown critical option", "172.31.0.31", h.owner, patched(8, 0x01, 0x08), "geneve_unknown_critical"},
		{"an unknown option only", "172.31.0.31", h.owner, patched(8, 0x01, 0x08, 0x01), "geneve_missing_option"},
		{"no option", "172.31.0.31", h.owner, append([]byte{0, 0, 8, 0, 0, 0, 100, 0}, query...), "geneve_missing_option"},
		{"a loop", "172.31.0.31", h.owner, geneve(packet.Tunnel{VNI: 100, Service: 1}, query), "hop_budget"},
		{"another tenant's gateway", "172.31.0.31", h.owner, geneve(packet.Tunnel{VNI: 200, Service: 1, Hops: 4}, query), "wrong_tenant"},
		{"a host as the internet", "172.31.0.31", h.owner, geneve(packet.Tunnel{Service: 1, Hops: 4}, query), "wrong_tenant"},
		{"a gateway that is not", "172.31.0.31", h.owner, geneve(packet.Tunnel{VNI: 100, Service: 77, Hops: 4}, query), "unknown_service"},
		{"half an inner packet", "172.31.0.31", h.owner, good[:len(good)-40], "bad_total_length"},
		{"a wrong inner checksum", "172.31.0.31", h.owner, patched(24+10, 0xde, 0xad), "bad_header_checksum"},
		{"a forged superpacket", "172.31.0.31", h.owner, geneve(packet.Tunnel{VNI: 100, Service: 1, Hops: 4, GSO: packet.GSOTCPv4, GSOSize: 1}, query), "bad_offload"},
		{"a host for another's instance", "172.31.0.32", "host-1", geneve(packet.Tunnel{VNI: 200, Hops: 4}, packettest.UDP("10.0.1.11:1", "10.0.1.10:2", nil)), "spoofed_source"},
		{"a VPC that is not", "172.31.0.32", "host-1", geneve(packet.Tunnel{VNI: 7, Hops: 4}, query), "unknown_vni"},
		{"an edge to a host", "172.31.0.21", "host-1", geneve(packet.Tunnel{VNI: 100, Hops: 4}, packettest.UDP(web+":7", "10.0.1.10:2", nil)), "wrong_tenant"},
		{"a private source to the internet", h.address, "edge-1", geneve(packet.Tunnel{Service: 1, Hops: 4}, query), "spoofed_source"},
		{"another gateway's source", h.address, "edge-1", geneve(packet.Tunnel{Service: 2, Hops: 4}, toInternet), "spoofed_source"},
		{"a host to an edge", "172.31.0.31", "edge-1", geneve(packet.Tunnel{Service: 1, Hops: 4}, toInternet), "wrong_tenant"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := scrape(t, dir, tt.to)
			for range copies {
				h.send(t, tt.from, tt.to, tt.payload)
			}
			h.received(t, tt.to, before, copies)
			now := scrape(t, dir, tt.to)
			if n := now.dropped(tt.reason) - before.dropped(tt.reason); n != copies || now.sum("dropped_packets_total")-before.sum("dropped_packets_total") != copies {
				t.Errorf("%v of %d dropped as %s: %v", n, copies, tt.reason, traffic(now))
			}
		})
	}
	t.Run("every truncation", func(t *testing.T) {
		h.allDropped(t, "172.31.0.31", h.owner, len(good), func(i int) []byte { return good[:i] })
	})
	t.Run("random bytes", func(t *testing.T) {
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		t.Logf("seed %d", seed)
		for _, to := range []string{h.owner, "host-1", "edge-1"} {
			for _, from := range []string{"172.31.0.32", "172.31.0.22", "172.31.0.99"} { // not its own: the kernel sees to that
				h.allDropped(t, from, to, 200, func(int) []byte { return noise(random, random.IntN(1400)) })
				// Behind a header that is right, as deep as it goes.
				h.allDropped(t, from, to, 200, func(int) []byte {
					return geneve(packet.Tunnel{VNI: 100, Service: 1, Hops: 4}, noise(random, random.IntN(100)))
				})
			}
		}
	})
	h.check(t)
}

func noise(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// geneve puts an inner packet behind a tunnel header.
func geneve(tunnel packet.Tunnel, inner []byte) []byte {
	b := make([]byte, packet.GeneveLen, packet.GeneveLen+len(inner))
	tunnel.Encode(b)
	return append(b, inner...)
}

// hostile sends on the underlay whatever it likes, from any address.
type hostile struct {
	dir            Dir
	owner, address string // the node that serves blue, and its address
	addresses      map[string][4]byte
	fd             int

	pids map[string]int
	sent map[string]float64 // packets that the roles had sent
	got  map[string]string  // the instances' interface counters
}

func newHostile(t *testing.T, dir Dir) *hostile {
	t.Helper()
	top := load(t, "default")
	node := top.State.Gateway(1).Node
	h := &hostile{
		dir: dir, owner: node.Name, address: node.Addr.String(), addresses: map[string][4]byte{},
		pids: map[string]int{}, sent: map[string]float64{}, got: map[string]string{},
	}
	for _, p := range roles(top) {
		h.addresses[p.Name] = p.Address.As4()
		h.pids[p.Name] = statusOf(t, dir, p.Name).PID
		h.sent[p.Name] = scrape(t, dir, p.Name).sum("sent_packets_total")
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
	const taken = "wire_received_datagrams_total"
	eventually(t, fmt.Sprintf("%s takes %d datagrams", to, n), func() bool { return scrape(t, h.dir, to)[taken] >= before[taken]+float64(n) })
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
		if now := s.sum("sent_packets_total"); now != sent || s.unaccounted() != 0 {
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
