package demo

import (
	"time"

	"hyperplane/testnet"
)

// Snapshot is everything that was observed at one moment.
type Snapshot struct {
	At       time.Duration // since the demo began
	Parts    []PartState   // in the order of the topology
	Flows    []Flow        // of all nodes
	Activity []Activity    // in the order of the plan
	Held     Held
}

// PartState is one part of the testnet.
type PartState struct {
	Name    string
	Role    testnet.Role
	State   string // testnet.State…
	Healthy bool
	Traffic Counters // zero if the part did not answer
}

// HasProcess reports whether a process should run in the part.
func (p *PartState) HasProcess() bool { return p.State != testnet.StateLink }

// Runs reports whether the part does its work.
func (p *PartState) Runs() bool {
	return p.Healthy && (p.State == testnet.StateRunning || p.State == testnet.StateLink)
}

// Flow is one flow as its node tells it.
type Flow struct {
	VPC        string `json:"vpc"`
	Protocol   string `json:"protocol"`
	Inside     string `json:"inside"`
	Public     string `json:"public"`
	Remote     string `json:"remote"`
	State      string `json:"state"`
	Node       string `json:"node"`
	Edge       string `json:"edge"`
	PacketsOut uint64 `json:"packets_out"`
	PacketsIn  uint64 `json:"packets_in"`
	BytesOut   uint64 `json:"bytes_out"`
	BytesIn    uint64 `json:"bytes_in"`
}

// tuple is what two flows of different VPCs may have in common.
type tuple struct{ protocol, inside, remote string }

func (f *Flow) tuple() tuple { return tuple{f.Protocol, f.Inside, f.Remote} }

func (s *Snapshot) part(name string) *PartState {
	for i := range s.Parts {
		if s.Parts[i].Name == name {
			return &s.Parts[i]
		}
	}
	return nil
}
