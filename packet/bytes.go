package packet

import "encoding/binary"

// Network byte order. Short names, because header code consists of little else.

func be16(b []byte) uint16      { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32      { return binary.BigEndian.Uint32(b) }
func put16(b []byte, v uint16)  { binary.BigEndian.PutUint16(b, v) }
func put32(b []byte, v uint32)  { binary.BigEndian.PutUint32(b, v) }
func addrAt(b []byte) Addr4     { return Addr4(be32(b)) }
func putAddr(b []byte, a Addr4) { put32(b, uint32(a)) }
