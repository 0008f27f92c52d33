package testnet

import (
	"math/rand/v2"
	"testing"

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
		{"another gateway's source", h.address, "edge-1", geneve(packet.Tunnel{Service: 4, Hops: 4}, toInternet), "spoofed_source"},
		{"a host to an edge", "172.31.0.31", "edge-1", geneve(packet.Tunnel{Service: 1, Hops: 4}, toInternet), "wrong_tenant"},
		{"a stranger's probe", "172.31.0.99", h.owner, geneve(packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, make([]byte, 24)), "unknown_peer"},
		{"a probe that is none", "172.31.0.31", h.owner, geneve(packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, make([]byte, 24)), "bad_message"},
		{"a probe of another cell", "172.31.0.31", h.owner, geneve(packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, append([]byte{1, 1}, make([]byte, 22)...)), "foreign_cell"},
		{"a host's hello", "172.31.0.31", h.owner, geneve(packet.Tunnel{Stage: packet.StageHello, Hops: 1}, make([]byte, 64)), "wrong_tenant"},
		{"an edge's messages", "172.31.0.21", h.owner, geneve(packet.Tunnel{Stage: packet.StageMessages, Hops: 1}, make([]byte, 88)), "wrong_tenant"},
		{"a host along the chain", "172.31.0.31", h.owner, chained(query), "wrong_tenant"},
		{"a hello that is none", "172.31.0.12", h.owner, geneve(packet.Tunnel{Stage: packet.StageHello, Hops: 1}, make([]byte, 64)), "bad_message"},
		{"messages that are none", "172.31.0.12", h.owner, geneve(packet.Tunnel{Stage: packet.StageMessages, Hops: 1}, make([]byte, 88)), "bad_message"},
		{"no message on the chain", "172.31.0.12", h.owner, chained(query), "bad_message"},
		{"a stage that is not", "172.31.0.12", h.owner, geneve(packet.Tunnel{Stage: 9, Hops: 1}, make([]byte, 64)), "bad_message"},
		{"a hello to a host", h.address, "host-1", geneve(packet.Tunnel{Stage: packet.StageHello, Hops: 1}, make([]byte, 64)), "bad_message"},
		{"an answer to no probe", h.address, "edge-1", geneve(packet.Tunnel{Stage: packet.StageProbe, Hops: 1}, make([]byte, 24)), "bad_message"},
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

// chained is a packet on its way along the chain, with a message that says nothing.
func chained(inner []byte) []byte {
	tunnel := packet.Tunnel{VNI: 100, Service: 1, Stage: packet.StageChain, Hops: 4, Chain: new([packet.ChainLen]byte)}
	b := make([]byte, packet.GeneveMax)
	tunnel.Encode(b)
	return append(b, inner...)
}

func noise(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}
