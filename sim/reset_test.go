package sim

import (
	"testing"
	"time"

	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// A connection that was silent for too long is forgotten; where the gateway is told to,
// it resets it at both ends, with the number that each expects next. One that closes, or
// that nobody has answered, is not.
func TestResetOnExpiry(t *testing.T) {
	for _, resets := range []bool{false, true} {
		timeouts := "timeouts: {tcp_idle: 40s, tcp_opening: 4s, tcp_closing: 4s,"
		if resets {
			timeouts = "reset_on_expiry: true\n    " + timeouts
		}
		w := newWorld(t, "timeouts: {tcp_idle: 350s, tcp_opening: 30s, tcp_closing: 10s,", timeouts)
		open := func(port string) (public string) {
			public = source(t, w.out("blue-1", TCP("10.0.1.10:"+port, web+":80", "S", nil, WithSeq(1000))))
			w.in("blue-1", TCP(web+":80", public, "SA", nil, WithSeq(7000), WithAck(1001)))
			w.out("blue-1", TCP("10.0.1.10:"+port, web+":80", "A", []byte("hello"), WithSeq(1001), WithAck(7001)))
			w.in("blue-1", TCP(web+":80", public, "A", []byte("and more"), WithSeq(7001), WithAck(1006)))
			w.out("blue-1", TCP("10.0.1.10:"+port, web+":80", "A", nil, WithSeq(1006), WithAck(7009)))
			return public
		}
		public := open("4000")
		w.out("blue-1", TCP("10.0.1.10:4001", web+":80", "S", nil)) // nobody answers
		closed := open("4002")
		w.out("blue-1", TCP("10.0.1.10:4002", web+":80", "FA", nil, WithSeq(1006), WithAck(7009)))
		w.in("blue-1", TCP(web+":80", closed, "FA", nil, WithSeq(7009), WithAck(1007)))
		w.pass(39 * time.Second)
		w.silence()
		w.pass(4 * time.Second)
		if !resets {
			w.silence()
			continue
		}
		Check(t, w.one("blue-1", w.Received("blue-1")), IPv4(Src(web), Dst("10.0.1.10")), DstPort(4000), TCPFlags("R"), Seq(7009), ValidChecksums())
		got := w.one("the internet", w.Internet())
		Check(t, got, IPv4(Dst(web)), DstPort(80), TCPFlags("R"), Seq(1006), ValidChecksums())
		if source(t, got) != public {
			t.Errorf("it comes from %s, the connection had %s", source(t, got), public)
		}
		w.dropped(drop.None, 0)
	}
}
