package packet_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// reassembly is a Reassembler and the accounts that its caller keeps.
type reassembly struct {
	*packet.Reassembler
	later drop.Counts // dropped while held
	now   drop.Counts // dropped by Add
	added uint64
}

func newReassembly(l packet.ReassemblerLimits) *reassembly {
	r := new(reassembly)
	r.Reassembler = packet.NewReassembler(l, &r.later)
	return r
}

func (r *reassembly) add(now time.Duration, vni uint32, data []byte) ([]byte, bool, drop.Reason) {
	r.added++
	r.EndTurn() // the tests look at one whole at a time
	whole, done, reason := r.Add(now, vni, &packet.Packet{Data: data})
	if reason != drop.None {
		r.now[reason]++
	}
	return whole, done, reason
}

// accounts is the invariant: added = consumed + dropped now + dropped later + held.
func (r *reassembly) accounts() error {
	if sum := r.Consumed() + r.now.Total() + r.later.Total() + uint64(r.Held()); sum != r.added {
		return fmt.Errorf("%d added, but %d consumed, %d and %d dropped, %d held", r.added, r.Consumed(), r.now.Total(), r.later.Total(), r.Held())
	}
	return r.CheckStore()
}

// Fragments in any order, some twice, several packets mixed, give the originals, each once.
func TestReassembleAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newReassembly(packet.ReassemblerLimits{})
		type piece struct {
			vni  uint32
			data []byte
		}
		var pieces []piece
		want := map[string]int{}
		for i := range rapid.IntRange(1, 4).Draw(t, "packets") {
			p := drawWhole(t)
			packet.IPv4(p.Data).SetID(uint16(i % 2)) // equal keys but for the VNI
			data := finished(t, p).Data
			if len(data) <= 200 {
				continue
			}
			want[string(data)]++
			for _, b := range fragment(t, p, rapid.IntRange(max(128, len(data)/100), 200+len(data)/3).Draw(t, "mtu")) {
				pieces = append(pieces, piece{uint32(i), b})
			}
		}
		pieces = rapid.Permutation(pieces).Draw(t, "order")
		duplicates := 0
		for _, f := range pieces {
			whole, done, reason := r.add(0, f.vni, f.data)
			if reason != drop.None {
				t.Fatalf("dropped: %v", reason)
			}
			if done {
				if want[string(whole)]--; want[string(whole)] < 0 {
					t.Fatalf("not one of the originals: %s", packettest.Line(whole))
				}
				continue
			}
			if packet.IPv4(f.data).IsFragment() && rapid.IntRange(0, 4).Draw(t, "twice") == 0 {
				if _, done, reason := r.add(0, f.vni, f.data); done || reason != drop.FragmentDuplicate {
					t.Fatalf("a duplicate: %v, %v", done, reason)
				}
				duplicates++
			}
		}
		for _, n := range want {
			if n != 0 {
				t.Fatalf("%d packets did not come out", n)
			}
		}
		if err := r.accounts(); err != nil || r.Held() != 0 || r.Datagrams() != 0 || r.now[drop.FragmentDuplicate] != uint64(duplicates) {
			t.Fatalf("%v; %d held", err, r.Held())
		}
	})
}

// part is a fragment of a UDP packet of 20.0.0.x with some bytes of payload.
func part(src byte, id uint16, from, n int, more bool, opts ...packettest.Option) []byte {
	body := packettest.Payload(from + n)[from:]
	b := packettest.UDP(fmt.Sprintf("20.0.0.%d:1", src), "30.0.0.1:2", body, append(opts, packettest.WithID(id))...)
	hl := packet.IPv4(b).HeaderLen()
	b = append(b[:hl], body...)
	ip := packet.IPv4(b)
	ip.SetTotalLen(len(b))
	ip.SetFragment(false, more, from)
	return b
}

// Each case: fragments of one packet, and the reason with which each is answered; done is the empty reason at the end.
func TestReassembleRules(t *testing.T) {
	changed := part(1, 1, 8, 8, true)
	changed[len(changed)-1]++
	options := packettest.WithIPOptions(bytes.Repeat([]byte{1}, 40)...)
	ecn := packettest.WithTOS
	const none = drop.None
	for _, c := range []struct {
		name   string
		in     [][]byte
		want   []drop.Reason
		done   bool
		later  drop.Reason // reason under which held ones are counted
		nLater uint64
	}{
		{"in order", [][]byte{part(1, 1, 0, 8, true), part(1, 1, 8, 3, false)}, []drop.Reason{none, none}, true, 0, 0},
		{"last first", [][]byte{part(1, 1, 8, 3, false), part(1, 1, 0, 8, true)}, []drop.Reason{none, none}, true, 0, 0},
		{"duplicate", [][]byte{part(1, 1, 8, 8, true), part(1, 1, 8, 8, true)}, []drop.Reason{none, drop.FragmentDuplicate}, false, 0, 0},
		{"same place, other bytes", [][]byte{part(1, 1, 8, 8, true), changed}, []drop.Reason{none, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"same bytes, but the last", [][]byte{part(1, 1, 8, 8, true), part(1, 1, 8, 8, false)}, []drop.Reason{none, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"overlap from the left", [][]byte{part(1, 1, 8, 16, true), part(1, 1, 0, 16, true)}, []drop.Reason{none, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"overlap from the right", [][]byte{part(1, 1, 0, 16, true), part(1, 1, 8, 16, true)}, []drop.Reason{none, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"within", [][]byte{part(1, 1, 0, 32, true), part(1, 1, 8, 8, true)}, []drop.Reason{none, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"around", [][]byte{part(1, 1, 8, 8, true), part(1, 1, 0, 32, true)}, []drop.Reason{none, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"still to come after an overlap", [][]byte{part(1, 1, 0, 16, true), part(1, 1, 8, 16, true), part(1, 1, 24, 8, false)},
			[]drop.Reason{none, drop.FragmentOverlap, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"two ends", [][]byte{part(1, 1, 16, 8, false), part(1, 1, 32, 8, false)}, []drop.Reason{none, drop.FragmentMalformed}, false, drop.FragmentMalformed, 1},
		{"beyond the end", [][]byte{part(1, 1, 16, 8, false), part(1, 1, 32, 8, true)}, []drop.Reason{none, drop.FragmentMalformed}, false, drop.FragmentMalformed, 1},
		{"end before what is held", [][]byte{part(1, 1, 32, 8, true), part(1, 1, 16, 8, false)}, []drop.Reason{none, drop.FragmentMalformed}, false, drop.FragmentMalformed, 1},
		{"not a multiple of 8", [][]byte{part(1, 1, 0, 9, true)}, []drop.Reason{drop.FragmentMalformed}, false, 0, 0},
		{"empty", [][]byte{part(1, 1, 8, 0, true)}, []drop.Reason{drop.FragmentMalformed}, false, 0, 0},
		{"ping of death", [][]byte{part(1, 1, 65528, 8, false)}, []drop.Reason{drop.FragmentMalformed}, false, 0, 0},
		{"too long with the first's options", [][]byte{part(1, 1, 65000, 512, false), part(1, 1, 0, 8, true, options)},
			[]drop.Reason{none, drop.FragmentMalformed}, false, drop.FragmentMalformed, 1},
		{"bad header", [][]byte{append([]byte{0x45}, make([]byte, 30)...)}, []drop.Reason{drop.BadTotalLength}, false, 0, 0},
		{"congestion and not capable", [][]byte{part(1, 1, 0, 8, true, ecn(3)), part(1, 1, 8, 8, false)}, []drop.Reason{none, drop.FragmentMalformed}, false, drop.FragmentMalformed, 1},
		{"another protocol", [][]byte{part(1, 1, 0, 8, true), icmpPart(8)}, []drop.Reason{none, none}, false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReassembly(packet.ReassemblerLimits{})
			var done bool
			for i, b := range c.in {
				var reason drop.Reason
				if _, done, reason = r.add(0, 7, b); reason != c.want[i] {
					t.Errorf("fragment %d: %v, want %v", i, reason, c.want[i])
				}
			}
			if done != c.done {
				t.Errorf("done: %v", done)
			}
			if r.later[c.later] != c.nLater || r.later.Total() != c.nLater {
				t.Errorf("held ones dropped: %v", r.later)
			}
			must(t, r.accounts())
		})
	}
}

func icmpPart(from int) []byte {
	b := part(1, 1, from, 8, false)
	b[9] = packet.ProtoICMP
	packet.IPv4(b).UpdateChecksum()
	return b
}

// Congestion that one fragment saw is on the whole packet (RFC 3168, section 5.3).
func TestReassembleKeepsCongestion(t *testing.T) {
	r := newReassembly(packet.ReassemblerLimits{})
	r.add(0, 0, part(1, 1, 0, 8, true, packettest.WithTOS(0x41)))
	whole, done, _ := r.add(0, 0, part(1, 1, 8, 8, false, packettest.WithTOS(0x43)))
	if !done {
		t.Fatal("not whole")
	}
	packettest.Check(t, whole, packettest.IPv4(packettest.TOS(0x43), packettest.Length(36)))
}

// What is no fragment is whole already; what still has offload metadata is no fragment from a wire.
func TestReassembleOthers(t *testing.T) {
	r := newReassembly(packet.ReassemblerLimits{})
	p := packettest.UDP(superFrom, superTo, []byte("x"))
	if whole, done, reason := r.add(0, 0, p); !done || reason != drop.None || !bytes.Equal(whole, p) {
		t.Errorf("%v, %v", done, reason)
	}
	must(t, r.accounts())
	if _, _, reason := r.Add(0, 0, &packet.Packet{Data: part(1, 1, 0, 8, true), Offload: packet.Offload{Partial: true}}); reason != drop.BadOffload {
		t.Errorf("partial: %v", reason)
	}
	if _, _, reason := r.Add(0, 0, new(packet.Packet)); reason != drop.TooShort {
		t.Errorf("nothing: %v", reason)
	}
}

func TestReassembleTimeout(t *testing.T) {
	r := newReassembly(packet.ReassemblerLimits{Timeout: time.Second})
	r.add(0, 0, part(1, 1, 0, 8, true))
	r.add(900*time.Millisecond, 0, part(1, 1, 8, 8, true)) // does not prolong it
	r.add(900*time.Millisecond, 0, part(1, 2, 0, 8, true))
	if n := r.Expire(time.Second - 1); n != 0 {
		t.Errorf("%d dropped early", n)
	}
	if n := r.Expire(time.Second); n != 2 || r.later[drop.FragmentTimeout] != 2 || r.Held() != 1 {
		t.Errorf("%d dropped, %d held", n, r.Held())
	}
	// Add does it, too: the rest of the second packet comes too late and starts anew.
	if _, done, _ := r.add(2*time.Second, 0, part(1, 2, 8, 8, false)); done || r.later[drop.FragmentTimeout] != 3 {
		t.Error("a late fragment completed a packet")
	}
	// An overlap is forgotten after the same time.
	r.add(2*time.Second, 0, part(1, 2, 0, 16, true))
	if _, _, reason := r.add(3*time.Second-1, 0, part(1, 2, 0, 8, true)); reason != drop.FragmentOverlap {
		t.Errorf("remembered: %v", reason)
	}
	if _, _, reason := r.add(3*time.Second, 0, part(1, 2, 0, 8, true)); reason != drop.None {
		t.Errorf("forgotten: %v", reason)
	}
	must(t, r.accounts())
}

// A packet in too many fragments is discarded, whatever the memory.
func TestReassembleTooManyFragments(t *testing.T) {
	r := newReassembly(packet.ReassemblerLimits{})
	for i := range packet.ReassemblyFragmentsMax {
		if _, _, reason := r.add(0, 0, part(1, 1, 16*i, 8, true)); reason != drop.None {
			t.Fatalf("fragment %d: %v", i, reason)
		}
	}
	if _, _, reason := r.add(0, 0, part(1, 1, 16*packet.ReassemblyFragmentsMax, 8, true)); reason != drop.FragmentMemory || r.Held() != 0 {
		t.Errorf("%v, %d held", reason, r.Held())
	}
	must(t, r.accounts())
}

// The largest packet in the most fragments fits the least memory.
func TestReassembleLargestInLeastMemory(t *testing.T) {
	r := newReassembly(packet.ReassemblerLimits{Bytes: 1, Datagrams: 1})
	p := packet.Packet{Data: packettest.UDP(superFrom, superTo, packettest.Payload(packet.PacketMax-28))}
	fragments := fragment(t, p, 20+520) // two blocks each
	if len(fragments) > packet.ReassemblyFragmentsMax {
		t.Fatalf("%d fragments", len(fragments))
	}
	r.add(0, 9, part(1, 1, 0, 8, true)) // is evicted
	for i := len(fragments) - 1; i >= 0; i-- {
		whole, done, reason := r.add(0, 0, fragments[i])
		if reason != drop.None || done != (i == 0) || done && !bytes.Equal(whole, p.Data) {
			t.Fatalf("fragment %d: %v, %v", i, done, reason)
		}
	}
	if r.later[drop.FragmentMemory] != 1 {
		t.Errorf("evicted: %v", r.later)
	}
	must(t, r.accounts())
}

// Packets that complete in one turn do not disturb each other, and what they take is bounded.
func TestReassembleSeveralInATurn(t *testing.T) {
	r := newReassembly(packet.ReassemblerLimits{})
	var wholes, want [][]byte
	for i := 0; ; i++ {
		p := packettest.UDP("192.0.2.1:1", "192.0.2.2:2", packettest.Payload(60_000 + i)[i:], packettest.WithID(uint16(i)))
		first, second := packettest.Fragment(p, 0, 40_000), packettest.Fragment(p, 40_000, len(p)-20-40_000)
		if _, _, reason := r.Add(0, 0, &packet.Packet{Data: first}); reason == drop.FragmentMemory {
			break
		}
		whole, done, reason := r.Add(0, 0, &packet.Packet{Data: second})
		if !done {
			t.Fatalf("packet %d: %v", i, reason)
		}
		wholes, want = append(wholes, whole), append(want, p)
	}
	if len(wholes) < 64 {
		t.Errorf("%d packets in a turn, want at least 64", len(wholes))
	}
	for i := range wholes {
		if !bytes.Equal(wholes[i], want[i]) {
			t.Fatalf("packet %d was disturbed", i)
		}
	}
	r.EndTurn()
	p := packettest.UDP("192.0.2.1:1", "192.0.2.2:2", packettest.Payload(3000), packettest.WithID(999))
	if _, _, reason := r.Add(0, 0, &packet.Packet{Data: packettest.Fragment(p, 0, 1480)}); reason != drop.None {
		t.Errorf("after the turn: %v", reason)
	}
}

// A flood from one source does not take what others hold beyond its share.
func TestReassembleFairness(t *testing.T) {
	const datagrams = 64
	r := newReassembly(packet.ReassemblerLimits{Datagrams: datagrams})
	const share = datagrams / packet.ReassemblySourceShare
	others := datagrams - share
	for i := range others {
		r.add(0, 0, part(byte(10+i%20), uint16(i), 0, 8, true)) // 20 sources, 2 or 3 each
	}
	for i := range 1000 {
		r.add(0, 0, part(1, uint16(i), 0, 8, true))
	}
	if n, _ := r.SourceHolds(0, packettest.Addr("20.0.0.1")); n != share {
		t.Errorf("the flood holds %d, its share is %d", n, share)
	}
	for i := range others {
		if _, done, _ := r.add(0, 0, part(byte(10+i%20), uint16(i), 8, 8, false)); !done {
			t.Errorf("packet %d of another source was evicted", i)
		}
	}
	if got := r.later[drop.FragmentMemory]; got != 1000-share {
		t.Errorf("%d of the flood evicted", got)
	}
	// The same address in another VNI is another source.
	r.add(0, 5, part(1, 1, 0, 8, true))
	if n, _ := r.SourceHolds(5, packettest.Addr("20.0.0.1")); n != 1 {
		t.Errorf("VNI 5 holds %d", n)
	}
	must(t, r.accounts())
}

// The same for memory: a source with large fragments is held to its share of the blocks.
func TestReassembleFairnessOfMemory(t *testing.T) {
	const blocks = packet.ReassemblyBlocksPerPacketMax * packet.ReassemblySourceShare
	r := newReassembly(packet.ReassemblerLimits{Bytes: blocks * packet.ReassemblyBlock})
	r.add(0, 0, part(2, 1, 0, 8, true))
	for i := range 2000 {
		r.add(0, 0, part(1, uint16(i), 0, 1480, true))
	}
	if _, n := r.SourceHolds(0, packettest.Addr("20.0.0.1")); n > packet.ReassemblyBlocksPerPacketMax {
		t.Errorf("%d blocks", n)
	}
	if _, done, _ := r.add(0, 0, part(2, 1, 8, 8, false)); !done {
		t.Error("the other source's packet was evicted")
	}
	must(t, r.accounts())
}

// Random fragments, many of them nonsense, from few sources with little memory: the accounts are exact and the store is
// sound at every step, and nothing but held bytes comes out.
func TestReassembleAccounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newReassembly(packet.ReassemblerLimits{Bytes: 1, Datagrams: rapid.IntRange(1, 20).Draw(t, "datagrams"), Timeout: 50})
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		now := time.Duration(0)
		for range 400 {
			now += time.Duration(rng.IntN(3))
			size := 8 * (1 + rng.IntN(4))
			if rng.IntN(10) == 0 {
				size = 1 + rng.IntN(2000)
			}
			src, id, from, more := byte(rng.IntN(6)), uint16(rng.IntN(4)), 8*rng.IntN(12), rng.IntN(3) > 0
			b, head := part(src, id, from, size, more), packet.IPv4HeaderLen
			if rng.IntN(2) == 0 && (from > 0 || more) {
				b, head = part6(src, uint32(id), from, size, more), packet.IPv6HeaderLen
			}
			whole, done, _ := r.add(now, uint32(rng.IntN(2)), b)
			if done {
				body := whole[head:]
				if !bytes.Equal(body, packettest.Payload(len(body))) {
					t.Fatalf("wrong bytes in a whole packet")
				}
			}
			if err := r.accounts(); err != nil {
				t.Fatal(err)
			}
		}
		r.Expire(now + 50)
		if err := r.accounts(); err != nil || r.Held() != 0 || r.Datagrams() != 0 {
			t.Fatalf("%v; %d held", err, r.Held())
		}
	})
}

func TestReassembleAllocatesNothing(t *testing.T) {
	r := newReassembly(packet.ReassemblerLimits{})
	a, b := packet.Packet{Data: part(1, 1, 0, 1480, true)}, packet.Packet{Data: part(1, 1, 1480, 520, false)}
	if n := testing.AllocsPerRun(100, func() {
		r.Add(0, 1, &b)
		if _, done, _ := r.Add(0, 1, &a); !done {
			t.Error("not whole")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The input is a script: 8 bytes are a fragment (source and VNI, id, offset, length, flags and version, time). No script panics,
// breaks the store or loses a fragment; whole packets are valid. The raw input is also added as a packet.
func FuzzReassemble(f *testing.F) {
	f.Add([]byte{1, 1, 0, 0, 8, 1, 0, 0, 1, 1, 0, 1, 8, 0, 0, 0})
	f.Add([]byte{1, 1, 0, 0, 8, 3, 0, 0, 1, 1, 0, 1, 8, 2, 0, 0})
	f.Add(part(1, 1, 8, 16, true))
	f.Add(part6(1, 1, 8, 16, true))
	f.Add(packettest.Extend(part6(1, 1, 0, 24, true), hopByHop, options(2)...))
	f.Fuzz(func(t *testing.T, script []byte) {
		r := newReassembly(packet.ReassemblerLimits{Bytes: 1, Datagrams: 8, Timeout: 1000})
		r.add(0, 0, script)
		now := time.Duration(0)
		for ; len(script) >= 8; script = script[8:] {
			from := int(binary.BigEndian.Uint16(script[2:])&0x1fff) * 8
			now += time.Duration(script[6])
			b := part(script[0]>>4, uint16(script[1]&7), 0, int(script[4])*(1+int(script[7]&7)), false, packettest.WithTOS(script[5]>>4))
			packet.IPv4(b).SetFragment(false, script[5]&1 != 0, from)
			six := script[5]&2 != 0
			if six {
				b = part6Of(packet.ProtoUDP, inAddr6, outAddr6, uint32(script[1]&7), from, b[20:], script[5]&1 != 0, packettest.WithTOS(script[5]>>4))
			}
			whole, done, reason := r.add(now, uint32(script[0]&1), b)
			if done && six {
				if ip, bad := packet.NewIPv6(whole); reason != drop.None || bad != drop.None || len(ip) != len(whole) || ip.NextHeader() == fragmentExt != (from == 0 && script[5]&1 == 0) {
					t.Fatalf("whole: %v, %v", reason, bad)
				}
			} else if done {
				if ip, bad := packet.NewIPv4(whole); reason != drop.None || bad != drop.None || len(ip) != len(whole) || ip.IsFragment() {
					t.Fatalf("whole: %v, %v", reason, bad)
				}
			}
			must(t, r.accounts())
		}
	})
}

func BenchmarkReassemble(b *testing.B) {
	r := newReassembly(packet.ReassemblerLimits{})
	first, second := packet.Packet{Data: part(1, 1, 0, 1480, true)}, packet.Packet{Data: part(1, 1, 1480, 520, false)}
	b.SetBytes(2000)
	b.ReportAllocs()
	for b.Loop() {
		r.Add(0, 1, &first)
		if _, done, _ := r.Add(0, 1, &second); !done {
			b.Fatal("not whole")
		}
		r.EndTurn()
	}
}
