package packettest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// leave writes the packet that failed a check to failed.pcapng among the test's
// artifacts, so that it can be opened with tshark.
func leave(t testing.TB, data []byte) {
	t.Helper()
	path := filepath.Join(t.ArtifactDir(), "failed.pcapng")
	if err := os.WriteFile(path, Pcapng(data), 0o644); err != nil {
		t.Logf("packet not kept: %v", err)
		return
	}
	t.Logf("packet kept in %s (with go test -artifacts)", path)
}

// Pcapng makes a capture file of raw IP packets: a section header, one
// interface of link type 101 (LINKTYPE_RAW), and a block for each packet.
func Pcapng(packets ...[]byte) []byte {
	le := binary.LittleEndian
	block := func(out []byte, typ uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		n := uint32(len(body) + 12) // type, length, body, length again
		out = le.AppendUint32(out, typ)
		out = le.AppendUint32(out, n)
		out = append(out, body...)
		return le.AppendUint32(out, n)
	}
	var section []byte
	section = le.AppendUint32(section, 0x1a2b3c4d) // byte order
	section = le.AppendUint16(section, 1)          // version 1.0
	section = le.AppendUint16(section, 0)
	section = le.AppendUint64(section, 1<<64-1) // section length not given
	out := block(nil, 0x0a0d0d0a, section)

	out = block(out, 1, le.AppendUint32(le.AppendUint32(nil, 101), 0)) // no snap length

	for _, p := range packets {
		b := make([]byte, 12, 20+len(p)+3) // interface 0, time 0
		b = le.AppendUint32(b, uint32(len(p)))
		b = le.AppendUint32(b, uint32(len(p)))
		out = block(out, 6, append(b, p...))
	}
	return out
}
