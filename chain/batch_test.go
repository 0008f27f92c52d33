package chain

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hyperplane/telemetry/drop"
)

func TestBatchMax(t *testing.T) {
	for _, c := range []struct{ payload, want int }{
		{-1, 0}, {0, 0}, {24, 0}, {87, 0}, {88, 1}, {1424, 21}, {1500, 23}, {65535, 1023}, {1 << 30, 65535},
	} {
		if got := BatchMax(c.payload); got != c.want {
			t.Errorf("BatchMax(%d) = %d, want %d", c.payload, got, c.want)
		}
	}
	var none BatchWriter
	if none.Add(&Message{Kind: Miss}) {
		t.Error("a writer without a buffer took a message")
	}
}

// alone reports whether a message may be in a batch.
func alone(m Message) bool { return !m.Packet && !m.Kind.travels() }

// Batches arrive with all messages in order, whatever the buffer held before;
// a buffer takes as many as BatchMax says.
func TestBatchRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Batch{Cell: rapid.Uint32().Draw(t, "cell"), Stream: rapid.Uint32().Draw(t, "stream"), View: rapid.Uint64().Draw(t, "view")}
		messages := rapid.SliceOfN(anyMessage().Filter(alone), 0, 30).Draw(t, "messages")
		buffer := bytes.Repeat([]byte{0xee}, rapid.IntRange(BatchHeaderLen, 1500).Draw(t, "room"))
		var w BatchWriter
		w.Begin(buffer, want)
		for i := range messages {
			if fits := i < BatchMax(len(buffer)); w.Add(&messages[i]) != fits {
				t.Fatalf("message %d of at most %d: fits is not %v", i, BatchMax(len(buffer)), fits)
			}
		}
		want.Last = rapid.Bool().Draw(t, "last")
		w.Batch.Last = want.Last
		payload := w.Payload()
		messages = messages[:min(len(messages), BatchMax(len(buffer)))]
		if w.N() != len(messages) || len(payload) != BatchHeaderLen+w.N()*MessageLen {
			t.Fatalf("%d messages in %d bytes, want %d", w.N(), len(payload), len(messages))
		}
		got, rest, r := ReadBatch(payload, want.Cell)
		if r != drop.None || got != want {
			t.Fatalf("%v %+v, want %+v", r, got, want)
		}
		for i := range messages {
			var m Message
			if rest = Next(rest, &m); m != messages[i] {
				t.Fatalf("message %d: %+v, want %+v", i, m, messages[i])
			}
		}
		if len(rest) != 0 {
			t.Fatalf("%d bytes more", len(rest))
		}
	})
}

func goodBatch() []byte {
	messages := slices.DeleteFunc(oneOfEach(), func(m Message) bool { return !alone(m) })
	var w BatchWriter
	w.Begin(make([]byte, 1500), Batch{Cell: testCell, Stream: 3, View: testView})
	w.Add(&messages[0])
	w.Add(&messages[1])
	return w.Payload()
}

func TestReadBatchRefuses(t *testing.T) {
	good := goodBatch()
	set := func(i int, v byte) []byte { b := bytes.Clone(good); b[i] = v; return b }
	for _, c := range []struct {
		name string
		b    []byte
		want drop.Reason
	}{
		{"good", good, drop.None},
		{"last", set(1, 1), drop.None},
		{"without messages", append(bytes.Clone(good[:3]), append([]byte{0}, good[4:BatchHeaderLen]...)...), drop.None},
		{"nothing", nil, drop.BadMessage},
		{"header cut", good[:BatchHeaderLen-1], drop.BadMessage},
		{"message cut", good[:len(good)-1], drop.BadMessage},
		{"message missing", good[:len(good)-MessageLen], drop.BadMessage},
		{"a byte more", append(bytes.Clone(good), 0), drop.BadMessage},
		{"a message more", append(bytes.Clone(good), good[BatchHeaderLen:][:MessageLen]...), drop.BadMessage},
		{"no version", set(0, 0), drop.BadMessage},
		{"newer version", set(0, Version+1), drop.BadMessage},
		{"unknown flag", set(1, 2), drop.BadMessage},
		{"reserved", set(15, 1), drop.BadMessage},
		{"another cell", set(7, 9), drop.ForeignCell},
		{"unknown kind in the second", set(BatchHeaderLen+MessageLen, 99), drop.BadMessage},
		{"a question", set(BatchHeaderLen, byte(Miss)), drop.BadMessage},
		{"a refusal in the second", set(BatchHeaderLen+MessageLen, byte(Refused)), drop.BadMessage},
		{"with a packet", set(BatchHeaderLen+1, bitPacket), drop.BadMessage},
	} {
		b, messages, r := ReadBatch(c.b, testCell)
		if r != c.want || r != drop.None && (b != Batch{} || messages != nil) {
			t.Errorf("%s: %v %+v, want %v", c.name, r, b, c.want)
		}
	}
}

// FuzzBatch: no bytes panic, and what is accepted is written the same again.
func FuzzBatch(f *testing.F) {
	good := goodBatch()
	f.Add(good)
	f.Add(good[:BatchHeaderLen])
	f.Add(append([]byte{1, 1, 0, 0}, good[4:BatchHeaderLen]...))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, messages, r := ReadBatch(data, testCell)
		if r != drop.None {
			if b != (Batch{}) || messages != nil {
				t.Fatalf("%v, but %+v", r, b)
			}
			return
		}
		var w BatchWriter
		w.Begin(make([]byte, len(data)), b)
		for len(messages) > 0 {
			var m Message
			messages = Next(messages, &m)
			if !w.Add(&m) {
				t.Fatal("what was read does not fit again")
			}
		}
		if again := w.Payload(); !bytes.Equal(again, data) {
			t.Fatalf("% x\nwritten again\n% x", data, again)
		}
	})
}
