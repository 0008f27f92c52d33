package packet_test

import (
	"maps"
	"slices"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
)

// hotTranslations translate a packet from IPv6 to IPv4 and back, in one buffer.
func hotTranslations() map[string]func() {
	m := map[string]func(){}
	for name, p := range map[string]packet.Packet{
		"tcp":      {Data: packettest.TCP6(in6, out6, "A", packettest.Payload(1400))},
		"udp":      {Data: packettest.UDP6(in6, out6, packettest.Payload(64))},
		"echo":     {Data: echo6(128, 4000, 1, packettest.Payload(56))},
		"fragment": {Data: packettest.Fragment6(packettest.UDP6(in6, out6, packettest.Payload(64)), 0, 64, 1)},
		"super":    packettest.SuperTCP6(in6, out6, "A", packettest.Payload(60000), 1440),
		"error":    {Data: packettest.ICMP6(router6, outAddr6, 3, 0, 0, packettest.UDP6(out6, in6, packettest.Payload(400)))},
	} {
		p, room := inRoom(p)
		six, four, n := &packet.View6{}, &packet.View{}, len(p.Data)
		accepted(six.Decode(&p))
		back6 := packet.Rewrite6{Src: packettest.Addr6(inAddr6), Dst: packettest.Addr6(outAddr6), SrcPort: 4000, DstPort: 80}
		m[name] = func() {
			accepted(translate4(six, &p, flow4, flow4, 1, four))
			accepted(translate6(four, &p, room[:len(room)+n-len(p.Data)], back6, back6, six))
		}
	}
	decoded := packet.Packet{Data: packettest.Extend(packettest.TCP6(in6, out6, "A", packettest.Payload(1400)), hopByHop, options(1)...)}
	view := &packet.View6{}
	m["View6.Decode"] = func() { accepted(view.Decode(&decoded)) }
	prefix, _ := packet.NewPrefix64(packet.WellKnownPrefix64, false)
	m["Prefix64"] = func() {
		in, _ := prefix.Embed(packet.Addr4(8<<24 | 8))
		a, _ := prefix.Extract(in)
		sink += uint64(a)
	}
	return m
}

func TestTranslationDoesNotAllocate(t *testing.T) {
	for name, f := range hotTranslations() {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// One turn of a translation is there and back: two translated packets.
func BenchmarkTranslate(b *testing.B) {
	functions := hotTranslations()
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		f := functions[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
