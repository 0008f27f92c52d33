package testnet

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"hyperplane/cellstate"
)

// checkAccounts demands, once traffic has stopped, that every packet is
// accounted for exactly (I8): on every node
//
//	received + generated = sent + dropped + consumed + held
//
// on the underlay, every datagram sent was received; and what the instances'
// kernels sent is what Nitro received, less what resolvers sent. (What they received is fewer: packets
// that continue each other leave a TUN as one.)
//
// Nodes, hosts and edges never stop talking to each other, so for the underlay
// the counts are taken twice: what had been sent at first must have arrived by
// then, and what had arrived at first must have been sent.
func checkAccounts(t *testing.T, dir Dir) {
	t.Helper()
	top, err := running(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := settled(t, dir, top)
	var sent, arrived [2]float64
	for name, s := range now {
		if d := s.unaccounted(); d != 0 {
			t.Errorf("%s: %v packets unaccounted for: %v", name, d, s)
		}
		for i, s := range []samples{s, scrape(t, dir, name)} {
			sent[i] += s["wire_sent_datagrams_total"]
			arrived[i] += s["wire_received_datagrams_total"] + s["wire_overflow_total"]
		}
	}
	if sent[0] == 0 || sent[0] > arrived[1] || arrived[0] > sent[1] {
		t.Errorf("underlay: %v datagrams sent, a moment later %v; %v received or lost in socket buffers, a moment later %v", sent[0], sent[1], arrived[0], arrived[1])
	}
	state, err := readState(dir.State()) // which may have changed since the testnet came up
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range state.Hosts {
		tx := 0.0
		for _, i := range state.InstancesOn(host.Name) {
			tx += deviceSent(t, i.Name, i.Device)
		}
		s := now[host.Name]
		if in := s["received_packets_total{side=tun}"] - s["resolver_packets_total"]; in != tx {
			t.Errorf("%s: instances sent %v packets, Nitro received %v", host.Name, tx, in)
		}
	}
}

// settled scrapes all roles until two scrapes in a row show that no tenant's
// packet has come or gone.
func settled(t *testing.T, dir Dir, top *Topology) map[string]samples {
	t.Helper()
	var last map[string]samples
	eventually(t, "traffic stops", func() bool {
		now := map[string]samples{}
		same := true
		for _, p := range roles(top) {
			s := scrape(t, dir, p.Name)
			same = same && maps.Equal(traffic(s), traffic(last[p.Name])) && s.sum("held_packets") == 0
			now[p.Name] = s
		}
		last = now
		time.Sleep(50 * time.Millisecond)
		return same
	})
	return last
}

// traffic selects the counters that move with tenants' packets: each of them
// comes in or goes out by a TUN, or is dropped.
func traffic(s samples) samples {
	out := samples{}
	for k, v := range s {
		if v != 0 && strings.Contains(k, "packets") && (strings.Contains(k, "side=tun") || strings.HasPrefix(k, "dropped")) {
			out[k] = v
		}
	}
	return out
}

// deviceSent reads how many packets a link has sent.
func deviceSent(t *testing.T, name, device string) float64 {
	t.Helper()
	for _, line := range strings.Split(inside(t, name, "cat", "/proc/self/net/dev"), "\n") {
		link, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		f := strings.Fields(rest)
		if !ok || link != device || len(f) < 16 {
			continue
		}
		n, err := strconv.ParseFloat(f[9], 64)
		if err != nil {
			t.Fatalf("%q", line)
		}
		return n
	}
	t.Fatalf("%s has no %s", name, device)
	return 0
}

// Under load is where counts go wrong: the accounts are exact after bulk in
// both directions and a flood of small datagrams.
func TestAccountsAfterIperf(t *testing.T) {
	dir := bringUp(t, "default")
	iperf(t, "blue-1")
	iperf(t, "green-1", "-R")
	runIperf(t, "blue-2", "-u", "-b", "300M", "-l", "64", "-t", "1", "-c", web)
	checkAccounts(t, dir)
}

// readState reads and parses a state file.
func readState(path string) (*cellstate.State, error) {
	data, err := cellstate.Read(path)
	if err != nil {
		return nil, err
	}
	return cellstate.Parse(path, data)
}
