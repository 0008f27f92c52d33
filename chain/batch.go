package chain

import (
	"encoding/binary"

	"hyperplane/telemetry/drop"
)

// Batch is the header of a datagram of messages that travel without a packet:
//
//	    0    1    2    3    4    5    6    7    8
//	 0 │Vers│   L│  Count  │       Cell        │   L: Last
//	 8 │      Stream       │         0         │
//	16 │                 View                  │
//	24 │          Count × Message              │
type Batch struct {
	Cell uint32
	// Last: the round to which this batch belongs ends with it.
	Last bool
	// Stream numbers the batches from one node to another, where they are
	// acknowledged; zero where nobody counts.
	Stream uint32
	// View is the ballot of the view under which the batch was sent. It may be
	// another than that of a message in it, which keeps the view of its cause.
	View uint64
}

const batchLast = 1

// BatchMax is how many messages a batch holds whose datagram's payload may have
// payloadMax bytes, such as wire.Conn's MaxPacket.
func BatchMax(payloadMax int) int {
	return min(max(payloadMax-BatchHeaderLen, 0)/MessageLen, batchMessagesMax)
}

// BatchWriter writes a batch into a buffer of its user. The zero value holds
// nothing and is full.
type BatchWriter struct {
	// Batch is written by Payload: its fields, such as Last, may be set until then.
	Batch  Batch
	buffer []byte
	n      int
}

// Begin starts a batch in buffer, which limits it: see BatchMax.
func (w *BatchWriter) Begin(buffer []byte, b Batch) {
	*w = BatchWriter{Batch: b, buffer: buffer}
}

// N is the number of messages added.
func (w *BatchWriter) N() int { return w.n }

// Add appends a message, or returns false where the batch is full.
func (w *BatchWriter) Add(m *Message) bool {
	if w.n >= BatchMax(len(w.buffer)) {
		return false
	}
	m.Encode((*[MessageLen]byte)(w.buffer[BatchHeaderLen+w.n*MessageLen:]))
	w.n++
	return true
}

// Payload writes the header and returns the batch: a part of the buffer. A
// batch without messages is one too. The buffer has at least BatchHeaderLen bytes.
func (w *BatchWriter) Payload() []byte {
	h := w.buffer[:BatchHeaderLen]
	h[0], h[1] = Version, 0
	if w.Batch.Last {
		h[1] = batchLast
	}
	be := binary.BigEndian
	be.PutUint16(h[2:], uint16(w.n))
	be.PutUint32(h[4:], w.Batch.Cell)
	be.PutUint32(h[8:], w.Batch.Stream)
	be.PutUint32(h[12:], 0)
	be.PutUint64(h[16:], w.Batch.View)
	return w.buffer[:BatchHeaderLen+w.n*MessageLen]
}

// ReadBatch reads the header of a batch, in a node of this cell, and returns
// the messages behind it, for Next. All of them are checked: a batch is refused
// as a whole, so that it is never acknowledged when only a part was understood. None
// may be of those that travel with a packet: there is none, and a node would answer
// itself for ever.
func ReadBatch(payload []byte, cell uint32) (b Batch, messages []byte, r drop.Reason) {
	if len(payload) < BatchHeaderLen || payload[0] != Version {
		return Batch{}, nil, drop.BadMessage
	}
	be := binary.BigEndian
	messages = payload[BatchHeaderLen:]
	if payload[1]&^batchLast != 0 || be.Uint32(payload[12:]) != 0 || len(messages) != int(be.Uint16(payload[2:]))*MessageLen {
		return Batch{}, nil, drop.BadMessage
	}
	b = Batch{Cell: be.Uint32(payload[4:]), Last: payload[1] != 0, Stream: be.Uint32(payload[8:]), View: be.Uint64(payload[16:])}
	if b.Cell != cell {
		return Batch{}, nil, drop.ForeignCell
	}
	for rest := messages; len(rest) > 0; rest = rest[MessageLen:] {
		if m := (*[MessageLen]byte)(rest); !known(m) || kindOf(m).travels() || m[1]&bitPacket != 0 {
			return Batch{}, nil, drop.BadMessage
		}
	}
	return b, messages, drop.None
}

// Next reads the first of the messages that ReadBatch returned and returns the
// others:
//
//	for len(messages) > 0 {
//		messages = chain.Next(messages, &m)
//		…
//	}
func Next(messages []byte, m *Message) []byte {
	m.decode((*[MessageLen]byte)(messages))
	return messages[MessageLen:]
}
