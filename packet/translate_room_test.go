package packet_test

import (
	"reflect"

	"hyperplane/packet"
	"hyperplane/packet/packettest"

	"github.com/google/go-cmp/cmp"
)

// inRoom copies a packet into a buffer with free bytes before it and foreign
// bytes behind it.
func inRoom(p packet.Packet) (q packet.Packet, room []byte) {
	buf := make([]byte, packet.TranslateRoom, packet.TranslateRoom+len(p.Data)+8)
	buf = append(append(buf, p.Data...), "neighbor"...)
	q = packet.Packet{Data: buf[packet.TranslateRoom:][:len(p.Data)], Offload: p.Offload}
	return q, buf[:packet.TranslateRoom]
}

// neighborUntouched reports whether the bytes behind a packet of n bytes are as
// inRoom left them.
func neighborUntouched(room []byte, n int) bool {
	return string(room[:cap(room)][len(room)+n:][:8]) == "neighbor"
}

// isView asks that a view which a translation made is what Decode finds.
func isView(t interface {
	Helper()
	Fatalf(string, ...any)
}, v packet.View, p packet.Packet) {
	t.Helper()
	q := packet.Packet{Data: p.Data, Offload: p.Offload}
	w := decode(t, &q)
	if d := cmp.Diff(w, v); d != "" || q.Offload != p.Offload || len(q.Data) != len(p.Data) {
		t.Fatalf("not what Decode says: %s; offload %+v, want %+v; %s", d, p.Offload, q.Offload, packettest.Line(p.Data))
	}
}

func isView6(t interface {
	Helper()
	Fatalf(string, ...any)
}, v packet.View6, p packet.Packet) {
	t.Helper()
	q := packet.Packet{Data: p.Data, Offload: p.Offload}
	w := decode6(t, &q)
	if d := cmp.Diff(w, v, cmp.Exporter(func(reflect.Type) bool { return true })); d != "" || q.Offload != p.Offload || len(q.Data) != len(p.Data) {
		t.Fatalf("not what Decode says: %s; offload %+v, want %+v; %s", d, p.Offload, q.Offload, packettest.Line(p.Data))
	}
}
