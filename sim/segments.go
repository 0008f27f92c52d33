package sim

import (
	"encoding/binary"

	"hyperplane/packet"
)

// requestLen is what a request or an answer carries at least: the connection's
// number and the request's.
const requestLen = 4

func requestNumber(b []byte) uint16 { return binary.BigEndian.Uint16(b[2:]) }

func putRequest(b []byte, id, n uint16) {
	binary.BigEndian.PutUint16(b, id)
	binary.BigEndian.PutUint16(b[2:], n)
	for i := requestLen; i < len(b); i++ {
		b[i] = byte(i)
	}
}

// build makes a packet in w.scratch.
func (w *World) build(t packet.Tuple, l4 int, fill func(l4 []byte)) []byte {
	n := packet.IPv4HeaderLen + l4
	b := w.scratch[:n]
	w.ident++
	packet.IPv4(b).Encode(packet.IPv4Fields{TotalLen: n, ID: w.ident, TTL: 64, Protocol: t.Proto(), Src: t.Src, Dst: t.Dst})
	fill(b[packet.IPv4HeaderLen:])
	return b
}

func (w *World) buildTCP(t packet.Tuple, id uint16, flags uint8, seq, ack uint32, size int, n uint16) []byte {
	return w.build(t, packet.TCPHeaderLen+size, func(l4 []byte) {
		h := packet.TCP(l4)
		h.Encode(packet.TCPFields{SrcPort: t.SrcPort, DstPort: t.DstPort, Seq: seq, Ack: ack, Flags: flags, Window: 65535})
		if size > 0 {
			putRequest(l4[packet.TCPHeaderLen:], id, n)
		}
		h.UpdateChecksum(t.Src, t.Dst)
	})
}

func (w *World) buildUDP(t packet.Tuple, id, n uint16, size int) []byte {
	return w.build(t, packet.UDPHeaderLen+size, func(l4 []byte) {
		h := packet.UDP(l4)
		h.Encode(packet.UDPFields{SrcPort: t.SrcPort, DstPort: t.DstPort, Length: len(l4)})
		putRequest(l4[packet.UDPHeaderLen:], id, n)
		if n%4 != 0 { // a quarter goes without checksum
			h.UpdateChecksum(t.Src, t.Dst)
		}
	})
}

func (w *World) buildEcho(t packet.Tuple, typ uint8, echo, id, n uint16, size int) []byte {
	return w.build(t, packet.ICMPHeaderLen+size, func(l4 []byte) {
		h := packet.ICMP(l4)
		h.Encode(packet.ICMPFields{Type: typ, Info: uint32(echo)<<16 | uint32(n)})
		putRequest(l4[packet.ICMPHeaderLen:], id, n)
		h.UpdateChecksum()
	})
}

// rawTCP sends a segment of the client's.
func (w *World) rawTCP(x *conn, flags uint8, seq, ack uint32, size int, n uint16) {
	w.fromInstance(x.client.at, w.buildTCP(x.inside, x.id, flags, seq, ack, size, n))
}

// rawReply sends a segment of the server's to what the internet calls tuple.
func (w *World) rawReply(x *conn, tuple packet.Tuple, flags uint8, seq, ack uint32, size int, n uint16) {
	w.fromInternet(tuple, w.buildTCP(tuple.Reverse(), x.id, flags, seq, ack, size, n))
}

// sendRequest sends the current request of a connection without connection.
func (w *World) sendRequest(x *conn) {
	size := 8 + x.client.dice.below(60)
	if x.inside.Proto() == packet.ProtoUDP {
		w.fromInstance(x.client.at, w.buildUDP(x.inside, x.id, x.asked, size))
	} else {
		w.fromInstance(x.client.at, w.buildEcho(x.inside, packet.ICMPEchoRequest, x.inside.SrcPort, x.id, x.asked, size))
	}
	x.token++
	w.events.push(w.now+askAgain, evTimer, int32(x.id), x.token)
}

// requestTimer asks again, as a resolver does.
func (w *World) requestTimer(x *conn) {
	if x.answered == x.asked {
		return
	}
	if x.tries++; x.tries > asksMax {
		w.broke(x, "no answer")
		return
	}
	w.stats.retransmitted++
	w.sendRequest(x)
}
