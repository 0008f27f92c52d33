package membership

import (
	"slices"
	"testing"
	"time"

	"hyperplane/telemetry/drop"

	"pgregory.net/rapid"
)

// A hello comes back as it was.
func TestHelloRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHello(t)
		var b [HelloMax]byte
		var got hello
		if r := got.decode(b[:h.encode(b[:])], cellID); r != drop.None || got != h {
			t.Fatalf("%v: %+v\nwant %+v", r, got, h)
		}
	})
}

func drawHello(t *rapid.T) hello {
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	u64 := func(name string) uint64 { return rapid.Uint64().Draw(t, name) }
	h := hello{
		fresh: flag("fresh"), complete: flag("complete"), lapsed: flag("lapsed"), amnesiac: flag("amnesiac"), empty: flag("empty"),
		cell: cellID, incarnation: max(1, u64("incarnation")), now: u64("now"), promised: u64("promised"),
		n: rapid.IntRange(0, PeersMax).Draw(t, "peers"),
	}
	for i := range h.n {
		h.peers[i] = heard{addr: address(i), up: flag("up"), steady: flag("steady"), echo: u64("echo")}
	}
	if n := rapid.IntRange(0, MembersMax).Draw(t, "members"); n > 0 {
		h.view = View{Ballot: max(1, u64("ballot")), Prev: u64("prev"), Uncertain: flag("uncertain"), Empty: flag("view empty"), N: n}
		for i := range n {
			h.view.Members[i] = Member{Addr: address(i), Seat: uint8(n - 1 - i), Status: Status(i % 4), Incarnation: u64("member")}
		}
	}
	return h
}

// What is not exactly a hello of this cell and version is refused, and changes
// nothing.
func TestBadHellos(t *testing.T) {
	c := formed(t, 3)
	m := c.boxes[0].m
	good := slices.Clone(c.boxes[1].m.Hello(c.now + helloPeriod))
	set := func(at int, v byte) []byte {
		b := slices.Clone(good)
		b[at] = v
		return b
	}
	second := helloHead + helloMember
	peers := helloHead + 3*helloMember
	swapped := slices.Clone(good)
	copy(swapped[helloHead:], good[second:second+helloMember])
	copy(swapped[second:], good[helloHead:second])
	turned := slices.Clone(good)
	copy(turned[peers:], good[peers+helloPeer:])
	copy(turned[peers+helloPeer:], good[peers:peers+helloPeer])
	noView := slices.Clone(good)
	clear(noView[32:40])
	nobody := slices.Clone(good)
	clear(nobody[8:16])
	for _, bad := range []struct {
		name    string
		payload []byte
		want    drop.Reason
	}{
		{"empty", nil, drop.BadMessage},
		{"head only", good[:helloHead-1], drop.BadMessage},
		{"truncated", good[:len(good)-1], drop.BadMessage},
		{"trailing", append(slices.Clone(good), 0), drop.BadMessage},
		{"newer version", set(0, Version+1), drop.BadMessage},
		{"too many members", set(2, MembersMax+1), drop.BadMessage},
		{"too many peers", set(3, PeersMax+1), drop.BadMessage},
		{"fewer members than said", set(2, 4), drop.BadMessage},
		{"another cell", set(7, cellID+1), drop.ForeignCell},
		{"a seat twice", set(second+4, good[helloHead+4]), drop.BadMessage},
		{"a seat too high", set(second+4, MembersMax), drop.BadMessage},
		{"unknown status", set(second+5, byte(Leaving)+1), drop.BadMessage},
		{"unsorted members", swapped, drop.BadMessage},
		{"unsorted peers", turned, drop.BadMessage},
		{"members without a view", noView, drop.BadMessage},
		{"no incarnation", nobody, drop.BadMessage},
	} {
		before := clone(m)
		if r := m.Hear(c.now, address(1), bad.payload); r != bad.want {
			t.Errorf("%s: %v, want %v", bad.name, r, bad.want)
		}
		if fingerprint(m, c.now) != fingerprint(before, c.now) {
			t.Errorf("%s: it changed something", bad.name)
		}
	}
	if r := m.Hear(c.now, address(9), good); r != drop.UnknownPeer {
		t.Errorf("of a stranger: %v", r)
	}
	if r := m.Hear(c.now, address(1), good); r != drop.None {
		t.Errorf("the good one: %v", r)
	}
}

// Anything decodes to a refusal or to a hello that encodes to the same meaning.
func FuzzHello(f *testing.F) {
	c := formed(f, 3)
	f.Add(slices.Clone(c.boxes[1].m.Hello(c.now + helloPeriod)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h, again hello
		if h.decode(b, cellID) != drop.None {
			return
		}
		var out [HelloMax]byte
		if r := again.decode(out[:h.encode(out[:])], cellID); r != drop.None || again != h {
			t.Fatalf("%v: %+v\nwant %+v", r, again, h)
		}
	})
}

// A hello of an earlier life that comes late is ignored. If it is the first that
// comes of a node, the later life is heard again soon.
func TestLateHelloOfAnEarlierLife(t *testing.T) {
	c := formed(t, 3)
	late := slices.Clone(c.boxes[1].m.Hello(c.now + helloPeriod))
	c.start(1)
	c.run(listenFor / 2)
	m := c.boxes[0].m
	before := fingerprint(m, c.now)
	if r := m.Hear(c.now, address(1), late); r != drop.None || fingerprint(m, c.now) != before {
		t.Errorf("%v, or it changed something", r)
	}
	c.start(0)
	c.run(50 * time.Millisecond)
	c.hear(c.boxes[0], datagram{from: 1, payload: late})
	c.until("all full", 2*time.Second, c.full)
}
