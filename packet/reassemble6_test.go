package packet_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// part6 is a fragment of a UDP packet of 2001:db8::x with some bytes of payload: part in IPv6.
func part6(src byte, id uint32, from, n int, more bool, opts ...packettest.Option) []byte {
	return part6Of(packet.ProtoUDP, fmt.Sprintf("2001:db8::%x", src), "2001:db8:ff::1", id, from, packettest.Payload(from + n)[from:], more, opts...)
}

// part6Of is a fragment with a body of any protocol.
func part6Of(proto byte, src, dst string, id uint32, from int, body []byte, more bool, opts ...packettest.Option) []byte {
	b := packettest.UDP6(in6, out6, nil, opts...)[:packet.IPv6HeaderLen]
	b[6] = proto
	packet.IPv6(b).SetSrc(netip.MustParseAddr(src).As16())
	packet.IPv6(b).SetDst(netip.MustParseAddr(dst).As16())
	w := uint16(from)
	if more {
		w |= 1
	}
	b = packettest.Extend(append(b, body...), fragmentExt, 0, 0, byte(w>>8), byte(w))
	b = append(b[:44:44], append(binary.BigEndian.AppendUint32(nil, id), b[44:]...)...)
	packet.IPv6(b).SetPayloadLen(len(b) - packet.IPv6HeaderLen)
	return b
}

// cut6 cuts an IPv6 packet at split, plainly: every fragment but the last has size bytes behind its fragment header. at
// is where the next-header byte lies that names what stands at split.
func cut6(whole []byte, split, at, size int, id uint32) (out [][]byte) {
	body := whole[split:]
	for from := 0; from < len(body); from += size {
		to := min(from+size, len(body))
		b := bytes.Clone(whole[:split])
		b[at] = fragmentExt
		w := uint16(from)
		if to < len(body) {
			w |= 1
		}
		b = append(b, whole[at], 0, byte(w>>8), byte(w), byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
		b = append(b, body[from:to]...)
		b[4], b[5] = byte((len(b)-40)>>8), byte(len(b)-40)
		out = append(out, b)
	}
	return out
}

// drawWhole6 draws an IPv6 packet, some with extension headers, and where a source would cut it: behind a routing header
// or else behind hop-by-hop options (RFC 8200, section 4.5).
func drawWhole6(t *rapid.T, size int) (whole []byte, split, at int) {
	opts := []packettest.Option{packettest.WithTOS(rapid.Byte().Draw(t, "class")), packettest.WithFlowLabel(rapid.Uint32().Draw(t, "label"))}
	body := packettest.Payload(rapid.IntRange(0, size).Draw(t, "size"))
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		whole = packettest.TCP6(in6, out6, "A", body, append(opts, packettest.WithTCPOptions(make([]byte, rapid.IntRange(0, 40).Draw(t, "options"))...))...)
	case 1:
		whole = packettest.UDP6(in6, out6, body, opts...)
	default:
		whole = echo6(128, 7, 9, body, opts...)
	}
	return drawExtensions(t, whole)
}

func drawExtensions(t *rapid.T, whole []byte) (_ []byte, split, at int) {
	unit := func(name string) int { return rapid.IntRange(1, 3).Draw(t, name) }
	split, at = packet.IPv6HeaderLen, 6
	extend := func(typ byte, header []byte, isPart bool) {
		whole = packettest.Extend(whole, typ, header...)
		switch {
		case split > packet.IPv6HeaderLen: // what is in front of the cut stays in front
			if at == 6 {
				at = 40
			} else {
				at += len(header)
			}
			split += len(header)
		case isPart:
			split, at = packet.IPv6HeaderLen+len(header), packet.IPv6HeaderLen
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "destination options") == 0 {
		extend(destOpts, options(unit("units")), false)
	}
	if rapid.IntRange(0, 3).Draw(t, "routing") == 0 {
		extend(routing, []byte{0, 0, 4, 0, 0, 0, 0, 0}, true)
		if rapid.Bool().Draw(t, "destination options before") {
			extend(destOpts, options(unit("units")), true)
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "hop by hop") == 0 {
		extend(hopByHop, options(unit("units")), true)
	}
	return whole, split, at
}

// Each case: fragments of one packet, and the reason with which each is answered; as TestReassembleRules.
func TestReassembleRules6(t *testing.T) {
	changed := part6(1, 1, 8, 8, true)
	changed[len(changed)-1]++
	ecn := packettest.WithTOS
	const none = drop.None
	first := func(proto byte, body ...byte) [][]byte {
		return [][]byte{part6Of(proto, inAddr6, outAddr6, 1, 0, append(body, make([]byte, (8-len(body)%8)%8)...), true)}
	}
	tcp := packettest.TCP6(in6, out6, "A", nil, packettest.WithTCPOptions(make([]byte, 12)...))[40:]
	for _, c := range []struct {
		name   string
		in     [][]byte
		want   []drop.Reason
		done   bool
		later  drop.Reason // reason under which held ones are counted
		nLater uint64
	}{
		{"in order", [][]byte{part6(1, 1, 0, 8, true), part6(1, 1, 8, 3, false)}, []drop.Reason{none, none}, true, 0, 0},
		{"last first", [][]byte{part6(1, 1, 8, 3, false), part6(1, 1, 0, 8, true)}, []drop.Reason{none, none}, true, 0, 0},
		{"duplicate", [][]byte{part6(1, 1, 8, 8, true), part6(1, 1, 8, 8, true)}, []drop.Reason{none, drop.FragmentDuplicate}, false, 0, 0},
		{"same place, other bytes", [][]byte{part6(1, 1, 8, 8, true), changed}, []drop.Reason{none, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"same bytes, but the last", [][]byte{part6(1, 1, 8, 8, true), part6(1, 1, 8, 8, false)}, []drop.Reason{none, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"overlap", [][]byte{part6(1, 1, 0, 16, true), part6(1, 1, 8, 16, true)}, []drop.Reason{none, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"still to come after an overlap", [][]byte{part6(1, 1, 0, 16, true), part6(1, 1, 8, 16, true), part6(1, 1, 24, 8, false)},
			[]drop.Reason{none, drop.FragmentOverlap, drop.FragmentOverlap}, false, drop.FragmentOverlap, 1},
		{"beyond the end", [][]byte{part6(1, 1, 16, 8, false), part6(1, 1, 32, 8, true)}, []drop.Reason{none, drop.FragmentMalformed}, false, drop.FragmentMalformed, 1},
		{"not a multiple of 8", [][]byte{part6(1, 1, 0, 9, true)}, []drop.Reason{drop.FragmentMalformed}, false, 0, 0},
		{"empty", [][]byte{part6(1, 1, 8, 0, true)}, []drop.Reason{drop.FragmentMalformed}, false, 0, 0},
		{"ping of death", [][]byte{part6(1, 1, 65528, 8, false)}, []drop.Reason{drop.FragmentMalformed}, false, 0, 0},
		{"too long with the first's extension headers", [][]byte{part6(1, 1, 65528, 7, false), packettest.Extend(part6(1, 1, 0, 8, true), hopByHop, options(1)...)},
			[]drop.Reason{none, drop.FragmentMalformed}, false, drop.FragmentMalformed, 1},
		{"bad header", [][]byte{part6(1, 1, 0, 8, true)[:50]}, []drop.Reason{drop.BadTotalLength}, false, 0, 0},
		{"bad chain", [][]byte{packettest.Extend(part6(1, 1, 0, 8, true), destOpts, 0, 200, 1, 4, 0, 0, 0, 0)}, []drop.Reason{drop.BadHeaderLength}, false, 0, 0},
		{"segments left", [][]byte{packettest.Extend(part6(1, 1, 0, 8, true), routing, 0, 0, 4, 1, 0, 0, 0, 0)}, []drop.Reason{drop.SourceRoute}, false, 0, 0},
		{"congestion and not capable", [][]byte{part6(1, 1, 0, 8, true, ecn(3)), part6(1, 1, 8, 8, false)}, []drop.Reason{none, drop.FragmentMalformed}, false, drop.FragmentMalformed, 1},
		{"the first's next header counts", [][]byte{part6(1, 1, 0, 8, true), part6Of(99, "2001:db8::1", "2001:db8:ff::1", 1, 8, packettest.Payload(16)[8:], false)},
			[]drop.Reason{none, none}, true, 0, 0},
		{"another identification", [][]byte{part6(1, 1, 0, 8, true), part6(1, 1<<16|1, 8, 8, false)}, []drop.Reason{none, none}, false, 0, 0},

		{"first with all of UDP", first(packet.ProtoUDP, make([]byte, 8)...), []drop.Reason{none}, false, 0, 0},
		{"first with all of TCP", first(packet.ProtoTCP, tcp...), []drop.Reason{none}, false, 0, 0},
		{"first without TCP's options", first(packet.ProtoTCP, tcp[:24]...), []drop.Reason{drop.FragmentMalformed}, false, 0, 0},
		{"first without TCP's header", first(packet.ProtoTCP, tcp[:16]...), []drop.Reason{drop.FragmentMalformed}, false, 0, 0},
		{"first with options and UDP", first(destOpts, append([]byte{17}, append(options(2)[1:], make([]byte, 8)...)...)...), []drop.Reason{none}, false, 0, 0},
		{"first with options alone", first(destOpts, append([]byte{17}, options(2)[1:]...)...), []drop.Reason{drop.FragmentMalformed}, false, 0, 0},
		{"first with half the options", first(destOpts, append([]byte{17}, options(2)[1:8]...)...), []drop.Reason{drop.FragmentMalformed}, false, 0, 0},
		{"first with nine options", first(destOpts, append(bytes.Repeat([]byte{destOpts, 0, 1, 4, 0, 0, 0, 0}, 9), 0)...), []drop.Reason{drop.BadHeaderLength}, false, 0, 0},
		{"first with another fragment header", first(fragmentExt, make([]byte, 16)...), []drop.Reason{drop.UnknownProtocol}, false, 0, 0},
		{"first of SCTP", first(132, make([]byte, 16)...), []drop.Reason{drop.UnknownProtocol}, false, 0, 0},
		{"88 bytes of extension headers", [][]byte{packettest.Extend(part6(1, 1, 0, 8, true), destOpts, options(11)...)}, []drop.Reason{none}, false, 0, 0},
		{"96 bytes of extension headers", [][]byte{packettest.Extend(part6(1, 1, 0, 8, true), destOpts, options(12)...)}, []drop.Reason{drop.BadHeaderLength}, false, 0, 0},
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

// Fragments of IPv6 packets in any order, some twice, give the originals, whatever extension headers they have; the
// later fragments' headers do not matter.
func TestReassemble6(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newReassembly(packet.ReassemblerLimits{})
		whole, split, at := drawWhole6(t, 9000)
		if len(whole)-split <= 104 {
			return
		}
		fragments := cut6(whole, split, at, 8*rapid.IntRange(max(13, len(whole)/900), max(13, len(whole)/8)).Draw(t, "units"), rapid.Uint32().Draw(t, "id"))
		if len(fragments) < 2 {
			return
		}
		for _, b := range fragments[1:] {
			if rapid.Bool().Draw(t, "other headers") {
				b[7]++
				b[2]++
			}
		}
		fragments = rapid.Permutation(fragments).Draw(t, "order")
		for i, b := range fragments {
			got, done, reason := r.add(0, 1, b)
			if reason != drop.None || done != (i == len(fragments)-1) || done && !bytes.Equal(got, whole) {
				t.Fatalf("fragment %d: %v, %v\n got % x\nwant % x", i, reason, done, headOf(got), headOf(whole))
			}
			if !done && rapid.IntRange(0, 4).Draw(t, "twice") == 0 {
				if _, _, reason := r.add(0, 1, b); reason != drop.FragmentDuplicate {
					t.Fatalf("a duplicate: %v", reason)
				}
			}
		}
		if err := r.accounts(); err != nil || r.Datagrams() != 0 {
			t.Fatal(err)
		}
		if err := plainCheck(whole, false); err != nil {
			t.Fatal(err)
		}
	})
}

// plainDatagrams is the plainest model of what Add answers, as long as memory and time suffice.
type plainDatagrams map[string]*plainDatagram

type plainDatagram struct {
	dead  drop.Reason
	parts []plainPart
}

type plainPart struct {
	from int
	body string
	more bool
	ecn  int
}

func (m plainDatagrams) add(key string, p plainPart) (done bool, reason drop.Reason) {
	d := m[key]
	if d == nil {
		d = new(plainDatagram)
		m[key] = d
	}
	if d.dead != drop.None {
		return false, d.dead
	}
	all, last := append(append([]plainPart(nil), d.parts...), p), -1
	held, ends, ecn := 0, 0, 0
	for i, q := range all {
		if i < len(all)-1 {
			if q.from == p.from && q.body == p.body && q.more == p.more {
				return false, drop.FragmentDuplicate
			}
			if q.from < p.from+len(p.body) && p.from < q.from+len(q.body) {
				reason = drop.FragmentOverlap
			}
		}
		held += len(q.body)
		ecn |= 1 << q.ecn
		if !q.more {
			ends++
			last = q.from + len(q.body)
		}
	}
	for _, q := range all {
		if reason == drop.None && (ends > 1 || last >= 0 && q.from+len(q.body) > last || ecn&9 == 9) {
			reason = drop.FragmentMalformed
		}
	}
	if reason != drop.None {
		d.dead, d.parts = reason, nil
		return false, reason
	}
	d.parts = all
	if last == held {
		delete(m, key)
		return true, drop.None
	}
	return false, drop.None
}

// Random fragments of both versions, whose keys differ as little as they can, against the model. An IPv6 address that
// looks like an IPv4 address, mapped or embedded, is none; nor does a VNI or a next header mix packets up.
func TestReassembleModel(t *testing.T) {
	from6, to6 := []string{"::1400:1", "::ffff:20.0.0.1", "1::1400:1"}, []string{"::1e00:1", "1::1e00:1", "::1e00:2"}
	rapid.Check(t, func(t *rapid.T) {
		r, model := newReassembly(packet.ReassemblerLimits{}), plainDatagrams{}
		for range rapid.IntRange(1, 120).Draw(t, "fragments") {
			vni := uint32(rapid.IntRange(0, 1).Draw(t, "vni"))
			src := rapid.IntRange(0, len(from6)).Draw(t, "src")
			dst := rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "dst")
			id := uint32(rapid.IntRange(17, 18).Draw(t, "id"))
			from, n, more := 8*rapid.IntRange(0, 3).Draw(t, "from"), 8*rapid.IntRange(1, 2).Draw(t, "n"), rapid.IntRange(0, 2).Draw(t, "more") > 0
			ecn := rapid.SampledFrom([]int{1, 1, 1, 1, 1, 1, 2, 3, 0}).Draw(t, "ecn")
			body := packettest.Payload(from + n)[from:]
			if rapid.IntRange(0, 19).Draw(t, "forged") == 0 {
				body = bytes.Clone(body)
				body[0] ^= 1
			}
			tos := packettest.WithTOS(byte(ecn))
			var b []byte
			if src == len(from6) {
				dst = 0
				b = part(1, uint16(id), from, n, more, tos)
				copy(b[20:], body)
			} else {
				proto := byte(packet.ProtoUDP)
				if from > 0 {
					proto = rapid.Byte().Draw(t, "proto")
				}
				b = part6Of(proto, from6[src], to6[dst], id, from, body, more, tos)
			}
			if atomic := from == 0 && !more; atomic {
				if got, done, reason := r.add(0, vni, b); !done || reason != drop.None || !bytes.Equal(got, b) {
					t.Fatalf("atomic: %v, %v", done, reason)
				}
				continue
			}
			key := fmt.Sprint(vni, src, dst, id)
			before := model[key]
			wantDone, want := model.add(key, plainPart{from, string(body), more, ecn})
			got, done, reason := r.add(0, vni, b)
			if done != wantDone || reason != want {
				t.Fatalf("%s: %v, %v; want %v, %v", packettest.Line(b), done, reason, wantDone, want)
			}
			if done {
				bodies := make([]byte, 64)
				end := 0
				for _, q := range before.parts { // the new one with them
					end = max(end, q.from+copy(bodies[q.from:], q.body))
				}
				head := packet.IPv6HeaderLen
				if src == len(from6) {
					head = packet.IPv4HeaderLen
				}
				if len(got) != head+end || !bytes.Equal(got[head:], bodies[:end]) || head == 40 && got[6] != packet.ProtoUDP {
					t.Fatalf("% x, want % x", got, bodies[:end])
				}
			}
			if err := r.accounts(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Congestion that one fragment saw is on the whole packet (RFC 3168, section 5.3), and nothing else of the later one.
func TestReassembleKeepsCongestion6(t *testing.T) {
	r := newReassembly(packet.ReassemblerLimits{})
	r.add(0, 0, part6(1, 1, 0, 8, true, packettest.WithTOS(0x41), packettest.WithFlowLabel(0xabcde)))
	whole, done, _ := r.add(0, 0, part6(1, 1, 8, 8, false, packettest.WithTOS(0xf3)))
	if ip := packet.IPv6(whole); !done || ip.TrafficClass() != 0x43 || ip.FlowLabel() != 0xabcde || ip.NextHeader() != packet.ProtoUDP || ip.PayloadLen() != 16 {
		t.Errorf("%v: % x", done, whole)
	}
}

// An atomic fragment is whole, also while its like is held (RFC 6946, section 4).
func TestReassembleAtomic6(t *testing.T) {
	r := newReassembly(packet.ReassemblerLimits{})
	r.add(0, 0, part6(1, 1, 8, 8, true))
	atomic := part6(1, 1, 0, 24, false)
	if whole, done, reason := r.add(0, 0, atomic); !done || reason != drop.None || !bytes.Equal(whole, atomic) || r.Held() != 1 {
		t.Errorf("%v, %v, %d held", done, reason, r.Held())
	}
	udp := packettest.UDP6(in6, out6, nil)
	if whole, done, reason := r.add(0, 0, append(bytes.Clone(udp), 0, 0)); !done || reason != drop.None || !bytes.Equal(whole, udp) {
		t.Errorf("%v, %v", done, reason)
	}
	if _, _, reason := r.Add(0, 0, &packet.Packet{Data: part6(1, 1, 0, 8, true), Offload: packet.Offload{Partial: true}}); reason != drop.BadOffload {
		t.Errorf("partial: %v", reason)
	}
	r.added++
	r.now[drop.BadOffload]++
	must(t, r.accounts())
}

// The longest payload that IPv6 can say, and one byte more.
func TestReassembleLongest6(t *testing.T) {
	for _, more := range []int{0, 1} {
		r := newReassembly(packet.ReassemblerLimits{Bytes: 1, Datagrams: 1})
		whole := append(packettest.UDP6(in6, out6, nil)[:40], packettest.Payload(packet.PacketMax+more)...)
		whole[4], whole[5] = 0xff, 0xff
		for i, b := range cut6(whole, 40, 6, 8*100, 9) {
			got, done, reason := r.add(0, 0, b)
			if last := (i+1)*800 >= packet.PacketMax; last && more == 1 {
				if reason != drop.FragmentMalformed {
					t.Errorf("%d bytes too many: %v", more, reason)
				}
			} else if reason != drop.None || done != last || done && !bytes.Equal(got, whole) {
				t.Fatalf("fragment %d: %v, %v", i, done, reason)
			}
		}
		must(t, r.accounts())
	}
}

// One fairness for both versions: a flood of IPv6 fragments does not take what others hold, nor is an IPv6 source
// charged for the IPv4 source that it looks like.
func TestReassembleFairness6(t *testing.T) {
	const datagrams = 64
	const share = datagrams / packet.ReassemblySourceShare
	r := newReassembly(packet.ReassemblerLimits{Datagrams: datagrams})
	for i := range datagrams - share {
		r.add(0, 0, part(byte(10+i%20), uint16(i), 0, 8, true))
	}
	mapped := "::ffff:20.0.0.10"
	for i := range 1000 {
		r.add(time.Duration(i), 0, part6Of(packet.ProtoUDP, mapped, outAddr6, uint32(i), 0, make([]byte, 8), true))
	}
	if n, _ := r.SourceHolds6(0, netip.MustParseAddr(mapped).As16()); n != share {
		t.Errorf("the flood holds %d, its share is %d", n, share)
	}
	if n, _ := r.SourceHolds(0, packettest.Addr("20.0.0.10")); n != 3 {
		t.Errorf("the IPv4 source holds %d", n)
	}
	for i := range datagrams - share {
		if _, done, _ := r.add(0, 0, part(byte(10+i%20), uint16(i), 8, 8, false)); !done {
			t.Errorf("packet %d of another source was evicted", i)
		}
	}
	must(t, r.accounts())
}

func TestReassembleAllocatesNothing6(t *testing.T) {
	r := newReassembly(packet.ReassemblerLimits{})
	a, b := packet.Packet{Data: part6(1, 1, 0, 1432, true)}, packet.Packet{Data: part6(1, 1, 1432, 520, false)}
	if n := testing.AllocsPerRun(100, func() {
		r.EndTurn()
		r.Add(0, 1, &b)
		if _, done, _ := r.Add(0, 1, &a); !done {
			t.Error("not whole")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkReassemble6(b *testing.B) {
	r := newReassembly(packet.ReassemblerLimits{})
	first, second := packet.Packet{Data: part6(1, 1, 0, 1432, true)}, packet.Packet{Data: part6(1, 1, 1432, 568, false)}
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
