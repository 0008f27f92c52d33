package chain

import (
	"encoding/binary"
	"time"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// Version is the version of everything this package writes. A node refuses any
// other, in full (drop.BadMessage): a message that is half understood is worse
// than one that its sender has to repeat. It is raised when a kind, a field or
// the number of a drop reason changes.
const Version = 2

// The second byte of a message. The class takes the five bits above these.
const (
	bitInbound = 1 << iota
	bitQuoted
	bitPacket

	classShift = 3
)

// bitIndependent is the highest of the first byte, whose others are the kind.
const bitIndependent = 1 << 7

// Encode writes the message in network byte order:
//
//	    0    1    2    3    4    5    6    7    8
//	 0 │Kind│Bits│Out │In  │Rsn │Stat│PublPort │   Kind: independent │ kind (7)
//	 8 │  VNI, protocol    │    Flow.Src       │   Bits: class (5) │ packet │ quoted │ inbound
//	16 │    Flow.Dst       │ SrcPort │ DstPort │
//	24 │      Service      │      Public       │
//	32 │        Top        │        Age        │
//	40 │                  At                   │
//	48 │                 Lease                 │
//	56 │                  View                 │
//
// Class is at most ClassMax.
func (m *Message) Encode(b *[MessageLen]byte) {
	bits := m.Class << classShift
	if m.Inbound {
		bits |= bitInbound
	}
	if m.Quoted {
		bits |= bitQuoted
	}
	if m.Packet {
		bits |= bitPacket
	}
	kind := uint8(m.Kind)
	if m.Independent {
		kind |= bitIndependent
	}
	b[0], b[1], b[2], b[3] = kind, bits, m.FlagsOut, m.FlagsIn
	b[4], b[5] = uint8(m.Reason), m.State
	be := binary.BigEndian
	be.PutUint16(b[6:], m.PublicPort)
	be.PutUint32(b[8:], m.Flow.Net)
	be.PutUint32(b[12:], uint32(m.Flow.Src))
	be.PutUint32(b[16:], uint32(m.Flow.Dst))
	be.PutUint16(b[20:], m.Flow.SrcPort)
	be.PutUint16(b[22:], m.Flow.DstPort)
	be.PutUint32(b[24:], m.Service)
	be.PutUint32(b[28:], uint32(m.Public))
	be.PutUint32(b[32:], uint32(m.Top))
	be.PutUint32(b[36:], m.Age)
	be.PutUint64(b[40:], uint64(m.At))
	be.PutUint64(b[48:], m.Lease)
	be.PutUint64(b[56:], m.View)
}

// Decode reads a message; To and From stay zero. What it accepts, Encode writes
// with the same bytes. What fields a kind needs is for its receiver to judge.
func Decode(b []byte) (m Message, r drop.Reason) {
	if len(b) != MessageLen || !known((*[MessageLen]byte)(b)) {
		return Message{}, drop.BadMessage
	}
	m.decode((*[MessageLen]byte)(b))
	return m, drop.None
}

// known says whether every value of b is one that this version defines.
func known(b *[MessageLen]byte) bool {
	kind := kindOf(b)
	return kind != 0 && kind <= kindMax && b[1]>>classShift <= ClassMax && int(b[4]) < drop.N
}

func kindOf(b *[MessageLen]byte) Kind { return Kind(b[0] &^ bitIndependent) }

// decode reads a message that is known.
func (m *Message) decode(b *[MessageLen]byte) {
	be := binary.BigEndian
	*m = Message{
		Kind:        kindOf(b),
		Independent: b[0]&bitIndependent != 0,
		Inbound:     b[1]&bitInbound != 0,
		Quoted:      b[1]&bitQuoted != 0,
		Packet:      b[1]&bitPacket != 0,
		Class:       b[1] >> classShift,
		FlagsOut:    b[2],
		FlagsIn:     b[3],
		Reason:      drop.Reason(b[4]),
		State:       b[5],
		PublicPort:  be.Uint16(b[6:]),
		Flow: packet.Tuple{
			Net:     be.Uint32(b[8:]),
			Src:     packet.Addr4(be.Uint32(b[12:])),
			Dst:     packet.Addr4(be.Uint32(b[16:])),
			SrcPort: be.Uint16(b[20:]),
			DstPort: be.Uint16(b[22:]),
		},
		Service: be.Uint32(b[24:]),
		Public:  packet.Addr4(be.Uint32(b[28:])),
		Top:     packet.Addr4(be.Uint32(b[32:])),
		Age:     be.Uint32(b[36:]),
		At:      time.Duration(be.Uint64(b[40:])),
		Lease:   be.Uint64(b[48:]),
		View:    be.Uint64(b[56:]),
	}
}
