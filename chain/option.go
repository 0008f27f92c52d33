package chain

import (
	"encoding/binary"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// optionHeaderLen is what precedes the message in the tunnel's chain option.
const optionHeaderLen = packet.ChainLen - MessageLen

// PutOption writes the chain option of a packet that travels with m
// (packet.Tunnel.Chain):
//
//	   0    1    2    3    4    5    6    7    8
//	0 │Vers│         0    │       Cell        │
//	8 │               Message                 │ ... 72
//
// The cell is named because underlay addresses are only as unique as their
// operator made them: a message of another cell must not touch this one's ports.
func PutOption(dst *[packet.ChainLen]byte, cell uint32, m *Message) {
	dst[0], dst[1], dst[2], dst[3] = Version, 0, 0, 0
	binary.BigEndian.PutUint32(dst[4:], cell)
	m.Encode((*[MessageLen]byte)(dst[optionHeaderLen:]))
}

// ParseOption reads what PutOption wrote, in a node of this cell.
func ParseOption(src *[packet.ChainLen]byte, cell uint32) (Message, drop.Reason) {
	if src[0] != Version || src[1]|src[2]|src[3] != 0 {
		return Message{}, drop.BadMessage
	}
	if binary.BigEndian.Uint32(src[4:]) != cell {
		return Message{}, drop.ForeignCell
	}
	return Decode(src[optionHeaderLen:])
}
