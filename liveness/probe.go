package liveness

import (
	"encoding/binary"

	"hyperplane/telemetry/drop"
)

// ProbeLen is the length in bytes of a probe's payload and of its answer's:
//
//	 0       1       2       3       4               8
//	+-------+-------+-------+-------+---------------+
//	|Version| Kind  |Flags S|   0   |     Cell      |  0
//	+-------+-------+-------+-------+---------------+
//	|        At: the sender's clock, in ns          |  8
//	+-----------------------------------------------+
//	|       Incarnation: 0 in a request             | 16
//	+-----------------------------------------------+
//
// S, in an answer: the node serves. The other flags and the zero are ignored.
const ProbeLen = 24

const (
	probeVersion = 1
	kindRequest  = 1
	kindAnswer   = 2
	flagServing  = 1
)

// AnswerProbe makes the request in payload its answer, in place. A node that
// does not serve says so: it takes packets yet, but wants no more of them.
// Incarnation has to differ each time the node starts with no memory of its
// flows. On any reason but drop.None payload is unchanged.
func AnswerProbe(payload []byte, cell uint32, serving bool, incarnation uint64) drop.Reason {
	if r := check(payload, kindRequest, cell); r != drop.None {
		return r
	}
	payload[1], payload[2], payload[3] = kindAnswer, 0, 0
	if serving {
		payload[2] = flagServing
	}
	binary.BigEndian.PutUint64(payload[16:], incarnation)
	return drop.None
}

// request writes a request of ProbeLen bytes.
func request(b []byte, cell uint32, at uint64) {
	b[0], b[1], b[2], b[3] = probeVersion, kindRequest, 0, 0
	binary.BigEndian.PutUint32(b[4:], cell)
	binary.BigEndian.PutUint64(b[8:], at)
	binary.BigEndian.PutUint64(b[16:], 0)
}

// check refuses what is no probe of this kind and cell.
func check(b []byte, kind uint8, cell uint32) drop.Reason {
	if len(b) != ProbeLen || b[0] != probeVersion || b[1] != kind {
		return drop.BadMessage
	}
	if binary.BigEndian.Uint32(b[4:]) != cell {
		return drop.ForeignCell
	}
	return drop.None
}
