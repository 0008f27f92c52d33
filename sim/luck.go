package sim

import (
	"time"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Links lose a part of what they carry also where no fault is in force. What that
// costs a connection is no stall of the cell's: each packet of it that is lost by
// chance alone makes its sender's timer double.

// unlucky notes that a link lost a datagram by chance.
func (w *World) unlucky(datagram []byte) {
	var t packet.Tunnel
	if head, r := t.Decode(datagram); r == drop.None && !t.Control() {
		w.unluckyPacket(datagram[head:])
	}
}

func (w *World) unluckyPacket(b []byte) {
	var v packet.View
	p := packet.Packet{Data: append([]byte(nil), b...)}
	if v.Decode(&p) != drop.None {
		return
	}
	if id := connID(&v); id > 0 && int(id) <= len(w.conns) {
		w.conns[id-1].unlucky++
	}
}

// badLuck is how much longer a request may take for what was lost.
func (x *conn) badLuck() time.Duration {
	if x.unlucky == 0 {
		return 0
	}
	return rtoMin << min(x.unlucky+1, triesMax)
}
