package packet_test

import (
	"bytes"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// translate4 translates an IPv6 packet by kind, as a forwarder would.
func translate4(v *packet.View6, p *packet.Packet, outer, r packet.Rewrite, id uint16, out *packet.View) drop.Reason {
	if v.Kind == packet.KindICMPError {
		return v.ErrorTo4(p, outer, r, id, 0, out)
	}
	return v.To4(p, r, id, out)
}

func translate6(v *packet.View, p *packet.Packet, room []byte, outer, r packet.Rewrite6, out *packet.View6) drop.Reason {
	if v.Kind == packet.KindICMPError {
		return v.ErrorTo6(p, room, outer, r, 0, out)
	}
	return v.To6(p, room, r, out)
}

// TestTranslatePairs: each packet becomes, byte for byte, the packet that was
// built in the other version from nothing (I9), there and back (I2).
func TestTranslatePairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawPair(t)
		p, _ := inRoom(c.six)
		six := decode6(t, &p)
		offload6 := p.Offload
		var four packet.View
		if r := translate4(&six, &p, c.outer4, c.to4, c.id, &four); r != drop.None {
			t.Fatalf("%s: %s", r, packettest.Line(c.six.Data))
		}
		if !bytes.Equal(p.Data, c.four.Data) {
			t.Fatalf("IPv4: %s\nwant: %s\n%s", packettest.Line(p.Data), packettest.Line(c.four.Data), cmp.Diff(p.Data, c.four.Data))
		}
		isView(t, four, p)

		q, room := inRoom(c.four)
		four = decode(t, &q)
		offload4 := q.Offload
		if p.Offload != offload4 {
			t.Fatalf("offload %+v, want %+v", p.Offload, offload4)
		}
		if r := translate6(&four, &q, room, c.outer6, c.to6, &six); r != drop.None {
			t.Fatalf("%s: %s", r, packettest.Line(c.four.Data))
		}
		if !bytes.Equal(q.Data, c.six.Data) {
			t.Fatalf("IPv6: %s\nwant: %s\n%s", packettest.Line(q.Data), packettest.Line(c.six.Data), cmp.Diff(q.Data, c.six.Data))
		}
		if q.Offload != offload6 || !neighborUntouched(room, len(c.four.Data)) {
			t.Fatalf("offload %+v, want %+v", q.Offload, offload6)
		}
		isView6(t, six, q)
		if err := plainCheck(q.Data, q.Offload.Partial); err != nil {
			t.Fatal(err)
		}
		if err := plainCheck(p.Data, p.Offload.Partial); err != nil {
			t.Fatal(err)
		}
	})
}
