package demo

import (
	"fmt"
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

// snapshot is the default testnet at work for a time.
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
			switch p.Name {
			case "node-1", "node-3":
			default:
				state.Traffic.ReceivedPackets = 9_000 * n
				state.Traffic.ReceivedBytes = 150_000_000 * n
				state.Traffic.WireBytes = 90_000_000 * n
				state.Traffic.TUNBytes = 60_000_000 * n
			}
		}
		s.Parts = append(s.Parts, state)
	}
	for i, task := range tasks {
		a := Activity{Task: task, OK: n, Took: time.Duration(i+1) * 150 * time.Microsecond}
		f := Flow{
			VPC: task.VPC, Protocol: "tcp", Inside: fmt.Sprintf("%s:%d", task.Inside, task.Local),
			Public: fmt.Sprintf("%s:%d", task.Public[0], 20_000+i), Remote: task.Host.Address.String() + ":80",
			State: "established", Node: "node-2", Edge: fmt.Sprintf("edge-%d", 1+i%2),
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
	s.Flows = append(s.Flows, Flow{VPC: "blue", Protocol: "tcp", Inside: "10.0.1.10:1", Public: "198.51.100.1:1", Remote: "203.0.113.10:80", State: "closing", Node: "node-2"})
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

// cut is the testnet when the node that serves all gateways has been killed.
func cut(t *testing.T) Scene {
	s := working(t)
	now := snapshot(t, s.At)
	now.At += sampleEvery
	now.Flows = nil
	for i := range now.Parts {
		p := &now.Parts[i]
		if p.Name == "node-2" {
			p.State, p.Healthy, p.Traffic = testnet.StateDead, false, Counters{}
		}
		if p.Role == testnet.RoleEdge {
			p.Traffic.Dropped["wire-send"] = 150_000
			p.Traffic.Dropped["unsolicited"] = 3
		}
	}
	for i := range now.Activity {
		now.Activity[i].Broken, now.Activity[i].Error = true, "no answer"
	}
	return Compute(s, now)
}
