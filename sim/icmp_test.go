package sim

import (
	"testing"

	"hyperplane/packet"
	. "hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// An error about a flow's packet reaches the instance, its quote translated
// back (RFC 5508, REQ-4), and ends nothing (REQ-6).
func TestErrorFromTheInternet(t *testing.T) {
	w := newWorld(t)
	for name, p := range map[string][]byte{
		"tcp":  TCP("10.0.1.10:4000", web+":80", "S", nil),
		"udp":  UDP("10.0.1.10:4000", web+":53", []byte("query")),
		"echo": EchoRequest("10.0.1.10", web, 4000, 1, nil),
	} {
		t.Run(name, func(t *testing.T) {
			sent := w.out("blue-1", p)
			e := w.in("blue-1", ICMPError("203.0.113.1", blue, packet.ICMPUnreachable, packet.ICMPCodeHost, 0, sent))
			Check(t, e, IPv4(Src("203.0.113.1"), Dst("10.0.1.10")), ICMPType(packet.ICMPUnreachable, packet.ICMPCodeHost),
				Quote(Src("10.0.1.10"), Dst(web)), ValidChecksums())
			w.out("blue-1", p)
		})
	}
	w.dropped(drop.None, 0)
}

// An instance's error about a reply leaves with the public address outside
// and in the quote (RFC 5508, REQ-5).
func TestErrorFromAnInstance(t *testing.T) {
	w := newWorld(t)
	sent := w.out("blue-1", UDP("10.0.1.10:4000", web+":53", []byte("query")))
	got := w.in("blue-1", UDP(web+":53", source(t, sent), []byte("answer")))
	e := w.out("blue-1", ICMPError("10.0.1.10", web, packet.ICMPUnreachable, packet.ICMPCodePort, 0, got))
	Check(t, e, IPv4(Src(blue), Dst(web)), ICMPType(packet.ICMPUnreachable, packet.ICMPCodePort),
		Quote(Src(web), Dst(blue)), ValidChecksums())
	w.dropped(drop.None, 0)
}

func TestErrorsAboutNothing(t *testing.T) {
	w := newWorld(t)
	forged := ICMPError("203.0.113.1", blue, packet.ICMPUnreachable, packet.ICMPCodeHost, 0, UDP(blue+":4000", web+":53", nil))
	w.must(w.Reply(plain(forged)))
	w.dropped(drop.Unsolicited, 1)
	w.must(w.Send("blue-1", plain(ICMPError("10.0.1.10", web, packet.ICMPUnreachable, packet.ICMPCodePort, 0, UDP(web+":53", "10.0.1.10:9", nil)))))
	w.dropped(drop.NoFlow, 1)
	w.silence()
}

// traceroute works: the gateway answers for the hop that it is, from its own
// private address, and to the internet from the public one.
func TestTTL(t *testing.T) {
	w := newWorld(t)
	w.must(w.Send("blue-1", plain(UDP("10.0.1.10:4000", web+":33434", nil, WithTTL(1)))))
	Check(t, w.one("blue-1", w.Received("blue-1")), IPv4(Src("10.0.0.5"), Dst("10.0.1.10")),
		ICMPType(packet.ICMPTimeExceeded, 0), Quote(Src("10.0.1.10"), Dst(web)), ValidChecksums())
	w.dropped(drop.TTLExpired, 1)

	sent := w.out("blue-1", UDP("10.0.1.10:4000", web+":33434", nil, WithTTL(2)))
	Check(t, sent, IPv4(TTL(1)))
	w.must(w.Reply(plain(UDP(web+":33434", source(t, sent), nil, WithTTL(1)))))
	Check(t, w.one("the internet", w.Internet()), IPv4(Src(blue), Dst(web)), ICMPType(packet.ICMPTimeExceeded, 0), ValidChecksums())
	w.dropped(drop.TTLExpired, 1)
}

// The subnet's router answers pings, and nothing else.
func TestRouter(t *testing.T) {
	w := newWorld(t)
	w.must(w.Send("blue-1", plain(EchoRequest("10.0.1.10", "10.0.1.1", 7, 3, []byte("hello")))))
	Check(t, w.one("blue-1", w.Received("blue-1")), IPv4(Src("10.0.1.1"), Dst("10.0.1.10")),
		ICMPType(packet.ICMPEchoReply, 0), EchoID(7), ValidChecksums())
	w.dropped(drop.None, 0)
	w.must(w.Send("blue-1", plain(UDP("10.0.1.10:9", "10.0.1.1:9", nil))))
	w.silence()
	w.dropped(drop.NoInstance, 1)
}
