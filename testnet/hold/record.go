package hold

import (
	"encoding/binary"
	"net/netip"
)

// recordBytes is the length of every request and every answer.
const recordBytes = 48

// record is one request, or its answer:
//
//	 0       4        8      16       24        40     42     43   48
//	┌───────┬────────┬──────┬────────┬─────────┬──────┬──────┬─────┐
//	│ run   │ number │ seq  │ token  │ address │ port │ bits │ 0 … │
//	└───────┴────────┴──────┴────────┴─────────┴──────┴──────┴─────┘
//
// Run and number name the connection. A server fills in address (one of IPv4 as
// ::ffff:a.b.c.d) and port from where it sees the connection come, and the bits.
type record struct {
	id         id
	seq, token uint64
	seen       netip.AddrPort
	foreign    bool // bit 0: data of another connection came on this one
}

// id is a connection's name: which run of a client, which connection of it.
type id struct{ run, number uint32 }

func (r record) put(b []byte) {
	binary.BigEndian.PutUint32(b[0:], r.id.run)
	binary.BigEndian.PutUint32(b[4:], r.id.number)
	binary.BigEndian.PutUint64(b[8:], r.seq)
	binary.BigEndian.PutUint64(b[16:], r.token)
	clear(b[24:recordBytes])
	if r.seen.IsValid() {
		a := r.seen.Addr().As16()
		copy(b[24:], a[:])
		binary.BigEndian.PutUint16(b[40:], r.seen.Port())
	}
	if r.foreign {
		b[42] = 1
	}
}

func parseRecord(b []byte) record {
	return record{
		id:      id{binary.BigEndian.Uint32(b[0:]), binary.BigEndian.Uint32(b[4:])},
		seq:     binary.BigEndian.Uint64(b[8:]),
		token:   binary.BigEndian.Uint64(b[16:]),
		seen:    netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[24:40])).Unmap(), binary.BigEndian.Uint16(b[40:])),
		foreign: b[42]&1 != 0,
	}
}
