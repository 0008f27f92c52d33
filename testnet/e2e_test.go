package testnet

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

const (
	web  = "203.0.113.10"
	peer = "203.0.113.20"
)

// samples are one scrape of a part's own metrics.
type samples = Metrics

// scrape reads a part's /metrics.
func scrape(t *testing.T, dir Dir, name string) samples {
	t.Helper()
	s, err := Scrape(t.Context(), dir, name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

// sum adds the series of a metric over its labels.
func (s samples) sum(metric string) (total float64) {
	for key, v := range s {
		if key == metric || strings.HasPrefix(key, metric+"{") {
			total += v
		}
	}
	return total
}

func (s samples) dropped(reason string) float64 {
	return s["dropped_packets_total{reason="+reason+"}"]
}

// tenants is how many of the packets that arrived or were sent are tenants',
// or strangers', and not what nodes, hosts and edges tell each other all the time.
func (s samples) tenants(way string) float64 {
	return s.sum(way+"_packets_total") - s["control_datagrams_"+way+"_total"]
}

// unaccounted is what came in and neither went out nor is explained.
func (s samples) unaccounted() float64 {
	return s.sum("received_packets_total") + s.sum("generated_packets_total") -
		s.sum("sent_packets_total") - s.sum("dropped_packets_total") -
		s.sum("consumed_packets_total") - s.sum("held_packets")
}

// roles lists the parts that carry tenants' packets.
func roles(top *Topology) []Part {
	return top.peers()
}

// flowLine is what the tests read of GET /flows.
type flowLine struct {
	VPC      string `json:"vpc"`
	Protocol string `json:"protocol"`
	Inside   string `json:"inside"`
	Public   string `json:"public"`
	Remote   string `json:"remote"`
	State    string `json:"state"`
	Node     string `json:"node"`
}

// flows asks every node that runs for its flows.
func flows(t *testing.T, dir Dir) []flowLine {
	t.Helper()
	var all []flowLine
	top, err := running(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range top.Parts() { // not those of the state, which a test may have broken
		if _, alive := findProcess(dir, n.Name); !alive || n.Role != RoleNode && n.Role != RoleSpare {
			continue
		}
		client := Client(dir.Admin(n.Name))
		resp, err := client.Get("http://part/flows?limit=10000")
		if err != nil {
			t.Fatal(err)
		}
		var list []flowLine
		err = json.NewDecoder(resp.Body).Decode(&list)
		resp.Body.Close()
		client.CloseIdleConnections()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	return all
}

// flowsOf selects flows by protocol and inside address and port.
func flowsOf(list []flowLine, vpc, protocol, insidePrefix string) (some []flowLine) {
	for _, f := range list {
		if f.VPC == vpc && f.Protocol == protocol && strings.HasPrefix(f.Inside, insidePrefix) {
			some = append(some, f)
		}
	}
	return some
}

// setState replaces the state that the roles read by an edited one, and waits
// until all of them have applied it. Each pair is an old text and a new one.
func setState(t *testing.T, dir Dir, version int, pairs ...string) {
	t.Helper()
	data, err := os.ReadFile(dir.State())
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the state has no %q", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	if err := writeFile(dir.State(), []byte(text)); err != nil {
		t.Fatal(err)
	}
	if version == 0 {
		return
	}
	top, err := running(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range roles(top) {
		eventually(t, fmt.Sprintf("%s has version %d", p.Name, version), func() bool {
			return scrape(t, dir, p.Name)["state_version"] == float64(version)
		})
	}
}

// variant writes the default topology with some texts replaced, for bringUp.
func variant(t *testing.T, pairs ...string) string {
	t.Helper()
	text := string(load(t, "default").Text)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the default topology has no %q", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	path := t.TempDir() + "/topology.yaml"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
