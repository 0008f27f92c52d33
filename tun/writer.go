package tun

import (
	"golang.org/x/sys/unix"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
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
// What does not decode (IPv6, other protocols, rubbish) is never judged here:
// it goes to the sink as it is, alone and in its place.
type Writer struct {
	sink  Sink
	stats *Stats

	merge  packet.Merge
	queued uint64 // packets in merge

	view packet.View   // of the packet in hand
	next packet.Packet // the packet in hand: a copy, since Decode changes its Offload

	tso, uso gsoState
	cutter   cutter
}

// gsoState says whether superpackets of one kind may still be written.
type gsoState struct {
	refusals int  // in a row; below gsoRefusalsMax
	off      bool // given up
}

// NewWriter returns a Writer to sink that counts into stats.
func NewWriter(sink Sink, stats *Stats) *Writer {
	return &Writer{sink: sink, stats: stats}
}

// SwitchOff stops superpackets of the given kinds from being written: those
// that arrive are cut, and nothing is merged into new ones. There is no way
// back, since what is missing is in the kernel.
func (w *Writer) SwitchOff(tso, uso bool) {
	w.tso.off = w.tso.off || tso
	w.uso.off = w.uso.off || uso
	w.stats.TSOOff, w.stats.USOOff = w.tso.off, w.uso.off
}

// Write queues p; see Device.Write.
func (w *Writer) Write(p *packet.Packet) {
	w.next = *p
	if w.view.Decode(&w.next) != drop.None || !w.mergeable() {
		w.Flush()
		w.put(w.next.Offload, w.next.Data, nil, 1)
		return
	}
	if !w.merge.Add(&w.next, w.view.Kind, w.view.HeadLen) {
		w.Flush()
		w.merge.Add(&w.next, w.view.Kind, w.view.HeadLen)
	}
	w.queued++
}

// mergeable reports whether the packet in hand may go through the merge. ICMP
// and fragments never continue each other.
func (w *Writer) mergeable() bool {
	switch w.view.Kind {
	case packet.KindTCP:
		return !w.tso.off
	case packet.KindUDP:
		return !w.uso.off
	}
	return false
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
	state := w.gso(off)
	if state != nil && state.off {
		w.cut(off, head, bodies, queued)
		return
	}
	errno := w.send(off, head, bodies)
	switch {
	case errno == 0:
		w.stats.WrittenPackets += queued
		if state != nil {
			state.refusals = 0
		}
	case errno == unix.EINVAL && state != nil:
		w.stats.RefusedGSO++
		if w.cut(off, head, bodies, queued) {
			w.giveUp(state)
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

// gso returns the state for the kind of superpacket off describes, nil when
// it is none.
func (w *Writer) gso(off packet.Offload) *gsoState {
	switch off.GSO.Base() {
	case packet.GSOTCPv4, packet.GSOTCPv6:
		return &w.tso
	case packet.GSOUDP:
		return &w.uso
	}
	return nil
}

// giveUp counts a superpacket that was refused although its pieces were taken,
// which shows that the kernel objects to the form and not to the packet.
func (w *Writer) giveUp(s *gsoState) {
	if s.refusals++; s.refusals >= gsoRefusalsMax {
		s.off = true
		w.stats.TSOOff, w.stats.USOOff = w.tso.off, w.uso.off
	}
}
