package demo

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"hyperplane/testnet"
)

// plan loads the default topology and what the demo does in it.
func plan(t *testing.T) (*testnet.Topology, []Task) {
	t.Helper()
	top, err := testnet.LoadTopology(testnet.DefaultTopology)
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := Plan(top)
	if err != nil {
		t.Fatal(err)
	}
	return top, tasks
}

// newScene is the default testnet before anything was seen.
func newScene(t *testing.T) Scene {
	top, _ := plan(t)
	return Scene{
		Title: "default", Plan: NewLayout(top), Binary: "bin/hyperplane",
		Keys: true, Tools: map[string]bool{"curl": true}, Selected: "node-2",
	}
}

// snapshot is the default testnet at work for a time, its flows on three nodes.
func snapshot(t *testing.T, at time.Duration) Snapshot {
	top, tasks := plan(t)
	n := uint64(at / sampleEvery)
	s := Snapshot{At: at}
	for _, p := range top.Parts() {
		state := PartState{Name: p.Name, Role: p.Role, State: testnet.StateLink, Healthy: true}
		if p.HasProcess() {
			state.State = testnet.StateRunning
		}
		if hasFigures(p.Role) {
			state.Traffic = Counters{Answered: true, Dropped: map[string]uint64{}}
			share := uint64(3)
			if p.Role == testnet.RoleNode {
				share = uint64(p.Name[len(p.Name)-1] - '0')
				state.Traffic.Node = NodeFigures{
					Told: true, Flows: 95 + 5*share, Records: 200 + 9*share, View: 7, Members: 3, Full: 3, Serving: true,
				}
			}
			state.Traffic.ReceivedPackets = 3_000 * n * share
			state.Traffic.ReceivedBytes = 50_000_000 * n * share
			state.Traffic.WireBytes = 30_000_000 * n * share
			state.Traffic.TUNBytes = 20_000_000 * n * share
		}
		s.Parts = append(s.Parts, state)
	}
	for i, task := range tasks {
		a := Activity{Task: task, OK: n, Took: time.Duration(i+1) * 150 * time.Microsecond}
		f := Flow{
			VPC: task.VPC, Protocol: "tcp", Inside: fmt.Sprintf("%s:%d", task.Inside, task.Local),
			Public: fmt.Sprintf("%s:%d", task.Public[0], 20_000+i), Remote: task.Host.Address.String() + ":80",
			State: "established", Node: fmt.Sprintf("node-%d", 1+i%3), Edge: fmt.Sprintf("edge-%d", 1+i%2),
			PacketsOut: 10 * n, PacketsIn: 11 * n, BytesOut: 1000 * n, BytesIn: 3000 * n,
		}
		switch task.Kind {
		case Page:
			a.Public = f.Public
		case Ping:
			f.Protocol, f.Remote, f.State = "icmp", task.Host.Address.String()+":0", "active"
		case Name:
			f.Protocol, f.Remote, f.State = "udp", task.Host.Address.String()+":53", "active"
		default:
			a.Bytes = 120_000_000 * n
			f.BytesIn += a.Bytes
		}
		s.Activity, s.Flows = append(s.Activity, a), append(s.Flows, f)
	}
	s.Flows = append(s.Flows,
		Flow{VPC: "blue", Protocol: "tcp", Inside: "10.0.1.10:1", Public: "198.51.100.1:1", Remote: "203.0.113.10:80", State: "closing", Node: "node-2"},
		Flow{VPC: "blue", Protocol: "tcp", Inside: "10.0.1.10:2", Public: "198.51.100.1:2", Remote: "203.0.113.10:10007", State: "established", Node: "node-2"})
	s.Held = Held{Want: 300, Open: true, Held: 300, Longest: 31 * time.Millisecond, Windows: waits(31)}
	return s
}

// working is the testnet after some samples.
func working(t *testing.T) Scene {
	s := newScene(t)
	for i := range 12 {
		s = Compute(s, snapshot(t, time.Duration(i)*sampleEvery))
	}
	return s
}

// waits are those of windows of half a sample each.
func waits(ms ...int) (list []Wait) {
	for _, n := range ms {
		list = append(list, Wait{Longest: time.Duration(n) * time.Millisecond, Window: sampleEvery / 2})
	}
	return list
}

// without is the next snapshot after some nodes have died.
func without(t *testing.T, s *Scene, dead ...string) Snapshot {
	now := snapshot(t, s.At+sampleEvery)
	for i := range now.Parts {
		p := &now.Parts[i]
		p.Traffic.Node.View, p.Traffic.Node.Members, p.Traffic.Node.Full = 8, uint64(3-len(dead)), uint64(3-len(dead))
		if slices.Contains(dead, p.Name) {
			p.State, p.Healthy, p.Traffic = testnet.StateDead, false, Counters{}
		}
	}
	for i := range now.Flows {
		if f := &now.Flows[i]; slices.Contains(dead, f.Node) {
			f.Node = "node-3"
		}
	}
	now.Held.Longest, now.Held.Windows = 212*time.Millisecond, waits(100, 112)
	return now
}

// killed is the testnet some seconds after a node was killed: all goes on.
func killed(t *testing.T) Scene {
	s := working(t)
	for range 8 {
		now := without(t, &s, "node-2")
		if s.Since.Node != "" {
			now.Held.Windows = waits(9, 12)
		}
		s = Compute(s, now)
	}
	return s
}

// oneCopy is the same without replication: connections die with their node.
func oneCopy(t *testing.T) Scene {
	s := working(t)
	s.Plan.Copies = 1
	for range 8 {
		now := without(t, &s, "node-2")
		now.Held.Held, now.Held.Broken, now.Held.Causes = 196, 104, "reset 104"
		s = Compute(s, now)
	}
	return s
}

// cut is the testnet when all nodes have been killed.
func cut(t *testing.T) Scene {
	s := working(t)
	now := without(t, &s, "node-1", "node-2", "node-3")
	now.Flows = nil
	for i := range now.Parts {
		if p := &now.Parts[i]; p.Role == testnet.RoleEdge {
			p.Traffic.ReceivedPackets, p.Traffic.ReceivedBytes = s.part(p.Name).Traffic.ReceivedPackets, s.part(p.Name).Traffic.ReceivedBytes
			p.Traffic.WireBytes, p.Traffic.TUNBytes = s.part(p.Name).Traffic.WireBytes, s.part(p.Name).Traffic.TUNBytes
			p.Traffic.Dropped["wire-send"] = 150_000
			p.Traffic.Dropped["unsolicited"] = 3
		}
	}
	for i := range now.Activity {
		now.Activity[i].Broken, now.Activity[i].Error = true, "no answer"
	}
	now.Held.Longest, now.Held.Windows = 500*time.Millisecond, waits(250, 250)
	return Compute(s, now)
}
