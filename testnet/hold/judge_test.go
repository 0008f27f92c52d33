package hold

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	here, elsewhere := netip.MustParseAddrPort("198.51.100.1:5000"), netip.MustParseAddrPort("198.51.100.1:5001")
	good := record{id: id{1, 2}, seq: 10, token: 99, seen: here}
	for _, tt := range []struct {
		name     string
		change   func(r *record, c *conn)
		tcp, udp verdict
	}{
		{"what was asked", func(*record, *conn) {}, exact, exact},
		{"the first answer", func(_ *record, c *conn) { c.seen = netip.AddrPort{} }, exact, exact},
		{"another connection's", func(r *record, _ *conn) { r.id.number++ }, misdelivery, misdelivery},
		{"another run's", func(r *record, _ *conn) { r.id.run++ }, misdelivery, misdelivery},
		{"the server had another's data", func(r *record, _ *conn) { r.foreign = true }, misdelivery, misdelivery},
		{"another token", func(r *record, _ *conn) { r.token++ }, garbled, garbled},
		{"an earlier number", func(r *record, _ *conn) { r.seq-- }, garbled, late},
		{"a later number", func(r *record, _ *conn) { r.seq++ }, garbled, garbled},
		{"a second answer", func(_ *record, c *conn) { c.state = connIdle }, garbled, late},
		{"now known as another", func(r *record, _ *conn) { r.seen = elsewhere }, renamed, renamed},
	} {
		for _, udp := range []bool{false, true} {
			r, c := good, conn{id: good.id, seq: good.seq, token: good.token, seen: here, state: connWaiting, udp: udp}
			tt.change(&r, &c)
			want := tt.tcp
			if udp {
				want = tt.udp
			}
			if got := c.judge(r); got != want {
				t.Errorf("%s, udp %v: verdict %d, want %d", tt.name, udp, got, want)
			}
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	for range 1000 {
		want := record{
			id: id{rand.Uint32(), rand.Uint32()}, seq: rand.Uint64(), token: rand.Uint64(), foreign: rand.IntN(2) == 1,
			seen: netip.AddrPortFrom(netip.AddrFrom4([4]byte{1, 2, 3, byte(rand.Uint32())}), uint16(rand.Uint32())),
		}
		if rand.IntN(2) == 1 {
			want.seen = netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 15: byte(rand.Uint32())}), want.seen.Port())
		}
		var b [recordBytes]byte
		if want.put(b[:]); parseRecord(b[:]) != want {
			t.Fatalf("%+v became %+v", want, parseRecord(b[:]))
		}
	}
}

// A window counts only what was waited in it.
func TestWaitedInWindow(t *testing.T) {
	c := conn{begun: 2 * time.Second}
	c.waited(5*time.Second, 4*time.Second)
	if c.stalls != [2]time.Duration{inWindow: time.Second, inTotal: 3 * time.Second} {
		t.Error(c.stalls)
	}
}

// A run that was late does not make up for it at once, and all others have
// their turn before one has its second.
func TestPace(t *testing.T) {
	conns := make([]conn, 1000)
	for i := range 10 {
		conns[i].busy = true
	}
	p := newPace(conns, 0)
	if n := p.count(time.Hour); n != burstMax {
		t.Errorf("%d exchanges after an hour, want %d", n, burstMax)
	}
	if n := p.count(time.Hour + 100*time.Millisecond); n != int(p.rate/10) {
		t.Errorf("%d exchanges in 100 ms at %v per second", n, p.rate)
	}
	seen := map[int]int{}
	for range 2 * 990 {
		seen[p.take()]++
	}
	for i := range conns {
		if want := map[bool]int{true: 0, false: 2}[i < 10]; seen[i] != want {
			t.Errorf("connection %d was used %d times, want %d", i, seen[i], want)
		}
	}
	if full := newPace(make([]conn, 60_000), 0); full.rate > rateMax {
		t.Errorf("%v exchanges per second", full.rate)
	}
	if all := newPace(conns[:5], 0); all.count(time.Second) != 0 {
		t.Error("busy connections alone leave none to take in turn")
	}
}

// Quantiles are those of the sorted list, within the width of a bucket.
func TestHistogram(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.stalls().Max != 0 {
		t.Error("an empty one has values")
	}
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(rand.ExpFloat64() * float64(50*time.Millisecond)).Truncate(time.Microsecond)
		h.Add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[int(q*float64(len(all)))-1]
		if got := h.Quantile(q); got < want || got > want+want/steps+time.Microsecond {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	for _, us := range []uint64{0, 1, 31, 32, 63, 64, 65, 1000, 1 << 40, 1<<63 - 1} {
		if b := bucket(us); top(b) < us || b > 0 && top(b-1) >= us {
			t.Errorf("%d is in the bucket up to %d, after one up to %d", us, top(b), top(b-1))
		}
	}
}

func TestSentence(t *testing.T) {
	w := Window{TCP: 9998, UDP: 500, Broken: 2, Causes: map[string]int{string(causeReset): 1, string(causeEnd): 1},
		Stall: Stalls{P50: 0.44, P99: 212.3, Max: 1234}, Busy: Stalls{P50: 9, Max: 10}}
	const want = "9,998 TCP and 500 UDP connections held, 2 broken, 0 misdelivered; stall p50 0.4 ms p99 212 ms max 1,234 ms; " +
		"of the busy ones p50 9.0 ms max 10 ms; why: 1 end of stream, 1 reset"
	if got := w.String(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
