package chain

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

const testCell = 0xce110001

var testView = uint64(7<<32 | 0x0a000001)

// oneOfEach is a message of each kind as a tier would fill it.
func oneOfEach() []Message {
	question := Message{Kind: Miss, Packet: true, FlagsOut: packet.TCPSyn, Service: 0x01020304,
		Flow: packet.MakeTuple(100, packet.ProtoTCP, 10<<24|1<<8|10, 4000, 203<<24|113<<8|10, 443),
		Top:  10<<24 | 1, At: 1234567890123 * time.Nanosecond, View: testView}
	choose := question
	choose.Kind, choose.Class, choose.Lease = Choose, 2, 0x1122334455667788
	decision := choose
	decision.Kind, decision.Public, decision.PublicPort = Chosen, 198<<24|51<<16|100<<8|1, 50000
	as := func(kind Kind, change func(m *Message)) Message {
		m := decision
		m.Kind, m.Class = kind, 0
		change(&m)
		return m
	}
	record := func(m *Message) { m.Packet, m.FlagsOut, m.At, m.Top = false, 0, 0, 0 }
	return []Message{
		question, choose, decision,
		{Kind: Refused, Inbound: true, Quoted: true, Packet: true, FlagsIn: packet.TCPRst | packet.TCPAck, Reason: drop.Unsolicited,
			Service: 9, Flow: packet.MakeTuple(0, packet.ProtoUDP, 203<<24|113<<8|10, 53, 198<<24|51<<16|100<<8|1, 50000), Top: 10<<24 | 2, At: time.Hour, View: testView},
		as(Entry, func(*Message) {}),
		as(Copy, func(m *Message) { record(m); m.State, m.Age = 0x32, 1500 }),
		as(Done, func(m *Message) { record(m); m.Packet, m.Independent = true, true }),
		as(End, func(m *Message) { record(m); m.Age = 120000 }),
		{Kind: Ack, Lease: 41, View: testView},
		as(Seen, func(m *Message) { record(m); m.FlagsOut, m.FlagsIn, m.Age, m.At = 0x1a, 0x18, 250, time.Minute }),
		as(Confirm, func(m *Message) { record(m); m.At = time.Minute }),
		as(Forget, record), as(Release, record), as(Lease, record),
	}
}

// The bytes are the protocol: a change of testdata/messages.txt is a new
// Version, so there is no flag that writes it anew.
func TestMessageBytes(t *testing.T) {
	var b strings.Builder
	b.WriteString("# A message of each kind, the option of the first and a batch of the last two, as they are on the wire.\n# Another byte here is another chain.Version.\n")
	line := func(title string, data []byte) {
		fmt.Fprintf(&b, "\n%s\n", title)
		for ; len(data) > 0; data = data[min(8, len(data)):] {
			fmt.Fprintf(&b, "  %s\n", hex.EncodeToString(data[:min(8, len(data))]))
		}
	}
	messages := oneOfEach()
	for i, m := range messages {
		if m.Kind != Kind(i+1) {
			t.Fatalf("place %d has %v", i, m.Kind)
		}
		var w [MessageLen]byte
		m.Encode(&w)
		line(m.String(), w[:])
	}
	var option [packet.ChainLen]byte
	PutOption(&option, testCell, &messages[0])
	line("option", option[:])
	var w BatchWriter
	w.Begin(make([]byte, 200), Batch{Cell: testCell, Last: true, Stream: 41, View: testView})
	w.Add(&messages[len(messages)-2])
	w.Add(&messages[len(messages)-1])
	line("batch", w.Payload())
	want, err := os.ReadFile("testdata/messages.txt")
	if err != nil {
		t.Error(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("the bytes of messages changed; they are now\n%s", got)
	}
}

// anyMessage draws a message with every field that is on the wire.
func anyMessage() *rapid.Generator[Message] {
	return rapid.Custom(func(t *rapid.T) Message {
		return Message{
			Kind: Kind(rapid.Uint8Range(1, uint8(kindMax)).Draw(t, "kind")), Inbound: rapid.Bool().Draw(t, "inbound"),
			Independent: rapid.Bool().Draw(t, "independent"), Quoted: rapid.Bool().Draw(t, "quoted"), Packet: rapid.Bool().Draw(t, "packet"),
			FlagsOut: rapid.Byte().Draw(t, "out"), FlagsIn: rapid.Byte().Draw(t, "in"),
			Reason: drop.Reason(rapid.Uint8Range(0, uint8(drop.N-1)).Draw(t, "reason")), State: rapid.Byte().Draw(t, "state"),
			PublicPort: rapid.Uint16().Draw(t, "port"), Class: rapid.Uint8Range(0, ClassMax).Draw(t, "class"), Service: rapid.Uint32().Draw(t, "service"),
			Flow: packet.Tuple{Net: rapid.Uint32().Draw(t, "net"), Src: packet.Addr4(rapid.Uint32().Draw(t, "src")), Dst: packet.Addr4(rapid.Uint32().Draw(t, "dst")),
				SrcPort: rapid.Uint16().Draw(t, "sport"), DstPort: rapid.Uint16().Draw(t, "dport")},
			Public: packet.Addr4(rapid.Uint32().Draw(t, "public")), Top: packet.Addr4(rapid.Uint32().Draw(t, "top")),
			At: time.Duration(rapid.Int64().Draw(t, "at")), Lease: rapid.Uint64().Draw(t, "lease"), View: rapid.Uint64().Draw(t, "view"), Age: rapid.Uint32().Draw(t, "age"),
		}
	})
}

// A message arrives as it was sent, alone and in an option, except for the two
// fields that are the datagram's.
func TestMessageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyMessage().Draw(t, "message")
		sent := want
		sent.To, sent.From = 1, 2
		var b [MessageLen]byte
		sent.Encode(&b)
		if got, r := Decode(b[:]); r != drop.None || got != want {
			t.Fatalf("%v %+v, want %+v", r, got, want)
		}
		var option [packet.ChainLen]byte
		cell := rapid.Uint32().Draw(t, "cell")
		PutOption(&option, cell, &sent)
		if got, r := ParseOption(&option, cell); r != drop.None || got != want {
			t.Fatalf("option: %v %+v, want %+v", r, got, want)
		}
		if got, r := ParseOption(&option, cell+1); r != drop.ForeignCell || got != (Message{}) {
			t.Fatalf("option of another cell: %v %+v", r, got)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	var good [MessageLen]byte
	m := oneOfEach()[0]
	m.Encode(&good)
	set := func(i int, v byte) []byte { b := bytes.Clone(good[:]); b[i] = v; return b }
	for _, c := range []struct {
		name string
		b    []byte
		want drop.Reason
	}{
		{"good", good[:], drop.None},
		{"nothing", nil, drop.BadMessage},
		{"cut", good[:MessageLen-1], drop.BadMessage},
		{"a byte more", append(good[:], 0), drop.BadMessage},
		{"no kind", set(0, 0), drop.BadMessage},
		{"last kind", set(0, byte(kindMax)), drop.None},
		{"unknown kind", set(0, byte(kindMax)+1), drop.BadMessage},
		{"last class", set(1, ClassMax<<classShift), drop.None},
		{"unknown class", set(1, (ClassMax+1)<<classShift), drop.BadMessage},
		{"last reason", set(4, byte(drop.N-1)), drop.None},
		{"unknown reason", set(4, byte(drop.N)), drop.BadMessage},
	} {
		if got, r := Decode(c.b); r != c.want || (r != drop.None) != (got == Message{}) {
			t.Errorf("%s: %v %+v, want %v", c.name, r, got, c.want)
		}
	}
}

func TestParseOptionRefuses(t *testing.T) {
	var good [packet.ChainLen]byte
	m := oneOfEach()[0]
	PutOption(&good, testCell, &m)
	for _, c := range []struct {
		name string
		at   int
		v    byte
		want drop.Reason
	}{
		{"good", 0, Version, drop.None},
		{"no version", 0, 0, drop.BadMessage},
		{"newer version", 0, Version + 1, drop.BadMessage},
		{"byte 1", 1, 1, drop.BadMessage},
		{"byte 2", 2, 1, drop.BadMessage},
		{"byte 3", 3, 0x80, drop.BadMessage},
		{"another cell", 7, 2, drop.ForeignCell},
		{"unknown kind", 8, 99, drop.BadMessage},
		{"unknown class", 9, 0xff, drop.BadMessage},
	} {
		b := good
		b[c.at] = c.v
		if got, r := ParseOption(&b, testCell); r != c.want || (r != drop.None) != (got == Message{}) {
			t.Errorf("%s: %v %+v, want %v", c.name, r, got, c.want)
		}
	}
}

// Messages are written and read where packets are: without allocation.
func TestCodecAllocatesNothing(t *testing.T) {
	m := oneOfEach()[5] // one that may be in a batch
	var option [packet.ChainLen]byte
	buffer := make([]byte, 1500)
	if n := testing.AllocsPerRun(100, func() {
		PutOption(&option, testCell, &m)
		got, r := ParseOption(&option, testCell)
		var w BatchWriter
		w.Begin(buffer, Batch{Cell: testCell})
		for w.Add(&got) {
		}
		_, messages, r2 := ReadBatch(w.Payload(), testCell)
		for len(messages) > 0 {
			messages = Next(messages, &got)
		}
		if r != drop.None || r2 != drop.None || got != m {
			t.Errorf("%v, %v, %+v", r, r2, got)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzMessage: no bytes panic, and what is accepted is written the same again.
func FuzzMessage(f *testing.F) {
	for _, m := range oneOfEach() {
		var b [packet.ChainLen]byte
		PutOption(&b, testCell, &m)
		f.Add(b[:])
		f.Add(b[8:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, r := Decode(data); r == drop.None {
			var b [MessageLen]byte
			if m.Encode(&b); !bytes.Equal(b[:], data) || m.To|m.From != 0 {
				t.Fatalf("% x\nwritten again\n% x", data, b)
			}
			_ = m.String()
		} else if m != (Message{}) {
			t.Fatalf("%v, but %+v", r, m)
		}
		if len(data) != packet.ChainLen {
			return
		}
		if m, r := ParseOption((*[packet.ChainLen]byte)(data), testCell); r == drop.None {
			var b [packet.ChainLen]byte
			if PutOption(&b, testCell, &m); !bytes.Equal(b[:], data) {
				t.Fatalf("% x\nwritten again\n% x", data, b)
			}
		} else if m != (Message{}) {
			t.Fatalf("%v, but %+v", r, m)
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	m := oneOfEach()[2]
	var option [packet.ChainLen]byte
	b.ReportAllocs()
	for b.Loop() {
		PutOption(&option, testCell, &m)
		m, _ = ParseOption(&option, testCell)
	}
}
