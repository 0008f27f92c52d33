package resolver

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// What the decision costs: an empty answer to AAAA, and two A records.
func BenchmarkSynthesis(b *testing.B) {
	query := question("v4.example.", dns.TypeAAAA)
	z := zone{"v4.example. A": {answer: rr("v4.example. 60 A 8.8.8.8", "v4.example. 60 A 8.8.4.4")}}
	aaaa, a := z.reply(query), z.reply(question("v4.example.", dns.TypeA))
	b.ReportAllocs()
	for b.Loop() {
		l, _ := well.Begin(query)
		l.Take(aaaa)
		if m := l.Take(a); len(m.Answer) != 2 {
			b.Fatal(m)
		}
	}
}

// Queries of many clients at once by UDP, through loopback, to an upstream in the
// same process; those for A are asked once upstream and those for AAAA twice.
func BenchmarkServer(b *testing.B) {
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		b.Run(dns.TypeToString[qtype], func(b *testing.B) {
			r := start(b, everyone(well), nil, upstream(b, upstreamAddr, world().serve))
			var clients atomic.Int32
			b.SetParallelism(8)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var c *dns.Conn
				n := 0
				for pb.Next() {
					if n%1000 == 0 { // an address of its own for each second's worth
						id := clients.Add(1)
						local := &net.UDPAddr{IP: net.IPv4(127, byte(1+id>>16), byte(id>>8), byte(id))}
						raw, err := (&net.Dialer{LocalAddr: local}).Dial("udp", r.addr)
						if err != nil {
							b.Error(err)
							return
						}
						defer raw.Close()
						c = &dns.Conn{Conn: raw}
					}
					n++
					if err := c.WriteMsg(question("v4.example.", qtype)); err != nil {
						b.Error(err)
						return
					}
					if m, err := c.ReadMsg(); err != nil || len(m.Answer) != 1 {
						b.Errorf("%v\n%v", err, m)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
		})
	}
}
