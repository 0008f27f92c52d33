package flowtrack

import (
	"runtime"
	"slices"
	"testing"

	"hyperplane/chain"
	"hyperplane/flowtable"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"

	"pgregory.net/rapid"
)

const openGateway = "- {name: nat-blue, service: 1, vpc: blue, address: 10.0.0.5, public_addresses: [198.51.100.1], profile: rfc}\n"

// Strangers who know a public port fill at most half of the table; instances have the
// rest.
func TestStrangersGetHalfATable(t *testing.T) {
	const flows = 64
	c := newCell(t, flows, 2*flows, 1, mustState(t, openGateway))
	ask := missOf(tuple(packet.ProtoUDP, 0))
	ask.Independent = true
	entry := wantEntry(t, c.ask(t, ask))
	inside := func(i int) chain.Message {
		ask.Flow = tuple(packet.ProtoUDP, i)
		return ask
	}
	taken := 0
	for i := range 2 * flows {
		stranger := replyTo(entry, 0)
		stranger.Independent = true
		stranger.Flow.SrcPort = uint16(5000 + i)
		switch answer := c.ask(t, stranger); {
		case answer.Kind == chain.Entry:
			taken++
			if answer.Public != entry.Public || answer.PublicPort != entry.PublicPort || answer.Flow.Src != entry.Flow.Src {
				t.Fatalf("a stranger got %v", answer)
			}
		case answer.Reason != drop.FlowTableFull:
			t.Fatalf("stranger %d: %v", i, answer)
		}
	}
	if taken != flows/2 {
		t.Errorf("strangers have %d of %d records, want half", taken, flows)
	}
	for i := range flows/2 - 1 {
		wantEntry(t, c.ask(t, inside(i+1)))
	}
	if answer := c.ask(t, inside(flows)); answer.Reason != drop.FlowTableFull {
		t.Errorf("an instance at a full table: %v", answer)
	}
}

// A message whose gateway maps otherwise in this node's state opens nothing, nor does a
// decision on a port that does not tell the slot.
func TestMappingMustAgree(t *testing.T) {
	c := newCell(t, 4, 4, 1, mustState(t, openGateway))
	ask := missOf(tuple(packet.ProtoUDP, 0))
	if answer := c.ask(t, ask); answer.Reason != drop.StaleDecision {
		t.Errorf("a question of another mapping: %v", answer)
	}
	ask.Independent = true
	c.choose = func(m chain.Message) []chain.Message {
		m.Kind, m.To, m.From = chain.Chosen, m.From, m.To
		m.Public, m.PublicPort = addr("198.51.100.1"), 1024
		for chain.PortEndpointClass(m.PublicPort) == chain.EndpointClass(m.Flow) {
			m.PublicPort += chain.PortBlock
		}
		return []chain.Message{m}
	}
	if answer := c.ask(t, ask); answer.Reason != drop.BadMessage {
		t.Errorf("a port of another class: %v", answer)
	}
}

// What flows share takes 48 bytes for each, allocated with the first that is independent.
func TestMemoryOfAMapping(t *testing.T) {
	const flows, fixed = 1 << 18, 64 << 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	e := newEndpoints(flows, flowtable.Seed{})
	runtime.ReadMemStats(&after)
	if got := int(after.TotalAlloc - before.TotalAlloc); got < 48*flows || got > 48*flows+fixed {
		t.Errorf("%d bytes for %d flows, want 48 each", got, flows)
	}
	runtime.KeepAlive(e)
}

// Groups are lists by key: who joined last comes first, and who was lowered last.
func TestGroupsAreLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 24
		records := make([]record, n)
		for i := range records {
			records[i].inside = tuple(packet.ProtoUDP, i%3)
		}
		g := newGroups(n, flowtable.Seed{1, 2}, insideEnd)
		lists := map[packet.Tuple][]uint32{}
		id := rapid.Uint32Range(0, n-1)
		// member draws a record and where it stands in its list, -1 if it does not.
		member := func(t *rapid.T) (i uint32, key packet.Tuple, at int) {
			i = id.Draw(t, "i")
			key = records[i].inside.Sender()
			return i, key, slices.Index(lists[key], i)
		}
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) {
				i := id.Draw(t, "i")
				key := records[i].inside.Sender()
				if slices.Contains(lists[key], i) {
					return
				}
				if !g.join(records, i) {
					t.Fatal("no room")
				}
				lists[key] = slices.Insert(lists[key], 0, i)
			},
			"part": func(t *rapid.T) {
				if i, key, at := member(t); at >= 0 {
					g.part(records, i)
					lists[key] = slices.Delete(lists[key], at, at+1)
				}
			},
			"lower": func(t *rapid.T) {
				if i, key, at := member(t); at >= 0 {
					g.lower(records, i)
					lists[key] = append(slices.Delete(lists[key], at, at+1), i)
				}
			},
			"": func(t *rapid.T) {
				for k := range 3 {
					key := records[k].inside.Sender()
					var got []uint32
					g.find(records, key, func(r *record) bool {
						for i := range records {
							if r == &records[i] {
								got = append(got, uint32(i))
							}
						}
						return false
					})
					if !slices.Equal(got, lists[key]) {
						t.Fatalf("%v: %v, want %v", key, got, lists[key])
					}
				}
			},
		})
	})
}
