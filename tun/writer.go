package tun

import (
	"golang.org/x/sys/unix"

	"hyperplane/packet"
)

// Sink takes one packet: the virtio header that says off, then head, then the
// bodies, as one message. It keeps none of the slices. Zero means taken.
type Sink interface {
	Put(off packet.Offload, head []byte, bodies [][]byte) unix.Errno
}

// Writer is the writing half of a Device.
//
//  1. Decode the packet, to know its flow and its headers.
//  2. Does it continue what is queued? Then join it; that is all.
//  3. Else emit what is queued as one message and queue the packet.
//  4. A message refused with EINVAL because it is a superpacket is cut (cut.go).
//  5. Count: each packet queued ends as written or as refused.
//
// What does not decode (other protocols, rubbish) is never judged here: it goes
// to the sink as it is, alone and in its place.
type Writer struct {
	sink  Sink
	stats *Stats

	merge  packet.Merge
	queued uint64 // packets in merge

	views views         // of the packet in hand
	next  packet.Packet // the packet in hand: a copy, since Decode changes its Offload

	gso    [gsoKinds]gsoState
	cutter cutter
}

// views decode a packet of either IP version.
type views struct {
	four packet.View
	six  packet.View6
}

// decode returns KindNone for what does not decode.
func (v *views) decode(p *packet.Packet) (kind packet.Kind, headLen int) {
	if isIPv6(p.Data) {
		v.six.Decode(p)
		return v.six.Kind, v.six.HeadLen
	}
	v.four.Decode(p)
	return v.four.Kind, v.four.HeadLen
}

func isIPv6(b []byte) bool { return len(b) > 0 && b[0]>>4 == 6 }

// Kinds of superpackets that a kernel takes or refuses each for itself, and the
// bits under which it knows them.
const (
	tso4 = iota
	tso6
	uso4
	uso6
	gsoKinds
)

var gsoBits = [gsoKinds]uint32{unix.TUN_F_TSO4, unix.TUN_F_TSO6, unix.TUN_F_USO4, unix.TUN_F_USO6}

// gsoState says whether superpackets of one kind may still be written.
type gsoState struct {
	refusals int  // in a row; below gsoRefusalsMax
	off      bool // given up
}

// NewWriter returns a Writer to sink that counts into stats.
func NewWriter(sink Sink, stats *Stats) *Writer {
	return &Writer{sink: sink, stats: stats}
}

// SwitchOff stops superpackets of the given kinds (TUN_F_TSO4, TSO6, USO4, USO6)
// from being written: those that arrive are cut, and nothing is merged into new
// ones. There is no way back, since what is missing is in the kernel.
func (w *Writer) SwitchOff(kinds uint32) {
	for i, bit := range gsoBits {
		if kinds&bit != 0 {
			w.gso[i].off = true
			w.stats.GSOOff |= bit
		}
	}
}

// Write queues p; see Device.Write.
func (w *Writer) Write(p *packet.Packet) {
	w.next = *p
	kind, headLen := w.views.decode(&w.next)
	if !w.mergeable(kind) {
		w.Flush()
		w.put(w.next.Offload, w.next.Data, nil, 1)
		return
	}
	if !w.merge.Add(&w.next, kind, headLen) {
		w.Flush()
		w.merge.Add(&w.next, kind, headLen)
	}
	w.queued++
}

// mergeable reports whether the packet in hand may go through the merge. ICMP
// and fragments never continue each other.
func (w *Writer) mergeable(kind packet.Kind) bool {
	switch kind {
	case packet.KindTCP:
		return !w.gso[ofVersion(tso4, w.next.Data)].off
	case packet.KindUDP:
		return !w.gso[ofVersion(uso4, w.next.Data)].off
	}
	return false
}

// ofVersion is the kind of IPv4 or, right behind it, the same of IPv6.
func ofVersion(kind int, data []byte) int {
	if isIPv6(data) {
		kind++
	}
	return kind
}

// Flush writes what is queued; see Device.Flush.
func (w *Writer) Flush() {
	if w.queued == 0 {
		return
	}
	off, head, bodies := w.merge.Emit()
	queued := w.queued
	w.queued = 0
	w.put(off, head, bodies, queued)
}

// Discard drops what is queued and counts it as refused.
func (w *Writer) Discard() {
	if w.queued > 0 {
		w.merge.Emit()
	}
	w.stats.RefusedPackets += w.queued
	w.queued = 0
}

// put writes one message made of the given number of queued packets.
func (w *Writer) put(off packet.Offload, head []byte, bodies [][]byte, queued uint64) {
	kind := gsoKind(off, head)
	if kind >= 0 && w.gso[kind].off {
		w.cut(off, head, bodies, queued)
		return
	}
	errno := w.send(off, head, bodies)
	switch {
	case errno == 0:
		w.stats.WrittenPackets += queued
		if kind >= 0 {
			w.gso[kind].refusals = 0
		}
	case errno == unix.EINVAL && kind >= 0:
		w.stats.RefusedGSO++
		if w.cut(off, head, bodies, queued) {
			w.giveUp(kind)
		}
	default:
		w.stats.RefusedPackets += queued
	}
}

// send is one call of the sink.
func (w *Writer) send(off packet.Offload, head []byte, bodies [][]byte) unix.Errno {
	w.stats.Writes++
	errno := w.sink.Put(off, head, bodies)
	if errno == 0 {
		n := len(head)
		for _, b := range bodies {
			n += len(b)
		}
		w.stats.WrittenBytes += uint64(n)
	}
	return errno
}

// gsoKind is the kind of superpacket that off describes, -1 when it is none.
func gsoKind(off packet.Offload, head []byte) int {
	switch off.GSO.Base() {
	case packet.GSOTCPv4:
		return tso4
	case packet.GSOTCPv6:
		return tso6
	case packet.GSOUDP:
		return ofVersion(uso4, head)
	}
	return -1
}

// giveUp counts a superpacket that was refused although its pieces were taken,
// which shows that the kernel objects to the form and not to the packet.
func (w *Writer) giveUp(kind int) {
	s := &w.gso[kind]
	if s.refusals++; s.refusals >= gsoRefusalsMax {
		w.SwitchOff(gsoBits[kind])
	}
}
