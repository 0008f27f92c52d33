package testnet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// What a user does first works in every MTU setting, and when the traffic has
// stopped every packet is accounted for, on every node and on every link.
func TestMainJob(t *testing.T) {
	for _, topology := range []string{"default", "underlay-1600", "jumbo"} {
		t.Run(topology, func(t *testing.T) {
			dir := bringUp(t, topology)
			t.Run("curl", func(t *testing.T) {
				for name, public := range map[string]string{"blue-1": "198.51.100.1", "blue-2": "198.51.100.1", "green-1": "198.51.100.2"} {
					for _, server := range []string{web, peer} {
						out := inside(t, name, "curl", "-sfm", "10", "http://"+server+"/")
						if !strings.Contains(out, "You are "+public+":") {
							t.Errorf("%s at %s: %q", name, server, out)
						}
					}
				}
			})
			t.Run("ping the internet", func(t *testing.T) { inside(t, "blue-1", "ping", "-nc3", "-i0.1", "-W5", web) })
			t.Run("ping an instance", func(t *testing.T) { inside(t, "blue-1", "ping", "-nc3", "-i0.1", "-W5", "10.0.1.11") })
			t.Run("ping the router", func(t *testing.T) { inside(t, "blue-1", "ping", "-nc3", "-i0.1", "-W5", "10.0.1.1") })
			t.Run("DNS", func(t *testing.T) {
				if out := inside(t, "green-1", "dig", "+short", "+time=5", "@"+peer, "web.example"); out != web+"\n" {
					t.Error(out)
				}
			})
			t.Run("bulk", func(t *testing.T) {
				for _, args := range [][]string{nil, {"-R"}, {"-P", "4"}} {
					if n := iperf(t, "blue-1", args...); n < 1<<20 {
						t.Errorf("iperf3 %v moved %d bytes", args, n)
					}
				}
			})
			t.Run("bulk inside the VPC", func(t *testing.T) {
				go insideErr(t, "blue-2", "iperf3", "-s", "-1")
				eventually(t, "iperf3 listens in blue-2", func() bool {
					out, _ := insideErr(t, "blue-2", "ss", "-Hltn", "sport = 5201")
					return strings.Contains(out, "5201")
				})
				inside(t, "blue-1", "iperf3", "-C", "cubic", "-t", "1", "-c", "10.0.1.11")
			})
			t.Run("datagrams of every size", func(t *testing.T) { echoSizes(t) })
			t.Run("fragments", func(t *testing.T) {
				inside(t, "blue-1", "ping", "-nc3", "-i0.1", "-W5", "-s", "4000", "-M", "dont", web)
				inside(t, "blue-1", "ping", "-nc3", "-i0.1", "-W5", "-s", "20000", "-M", "dont", "10.0.1.11")
			})
			checkAccounts(t, dir)
		})
	}
}

// iperf runs a one-second TCP transfer to web and returns how many bytes the
// receiver got.
func iperf(t *testing.T, name string, args ...string) int64 {
	t.Helper()
	out := runIperf(t, name, append([]string{"-J", "-C", "cubic", "-t", "1", "-c", web}, args...)...)
	var r struct {
		End struct {
			SumReceived struct{ Bytes int64 } `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return r.End.SumReceived.Bytes
}

// runIperf runs iperf3 inside a part. Its server does one test at a time, and on
// a busy machine it may still be at the end of the one before: then it refuses, in
// words or by closing at once, which the client sees as a reset.
func runIperf(t *testing.T, name string, args ...string) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		out, err := insideErr(t, name, append([]string{"iperf3"}, args...)...)
		if err == nil {
			return out
		}
		refused := strings.Contains(out, "the server is busy") || strings.Contains(out, "unable to receive control message: Connection reset")
		if !refused || time.Now().After(deadline) {
			t.Fatalf("%s: iperf3 %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
}

// echoSizes sends datagrams up to nearly the largest there is and compares what
// comes back: above the MTU they travel as fragments, both ways.
func echoSizes(t *testing.T) {
	c := dialIn(t, "blue-1", "udp", web+":7")
	buf := make([]byte, 65536)
	for _, n := range []int{0, 1, 2, 3, 511, 1471, 1472, 1473, 2952, 2953, 8472, 8473, 20000, 65000} {
		want := bytes.Repeat([]byte(fmt.Sprintf("%08d", n)), n/8+1)[:n]
		got := -1
		for range 5 { // datagrams may be lost, and are sent again
			if _, err := c.Write(want); err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
			c.SetReadDeadline(time.Now().Add(time.Second))
			k, err := c.Read(buf)
			if err == nil {
				got = k
				break
			}
		}
		if got != n || !bytes.Equal(buf[:max(got, 0)], want) {
			t.Errorf("%d bytes sent, %d came back", n, got)
		}
	}
}

// A tenant that sends at one time to both servers over TCP and UDP gets
// everything back, byte for byte, through whichever edges.
func TestEchoIsExact(t *testing.T) {
	dir := bringUp(t, "default")
	for i := range 40 {
		network, server := []string{"tcp", "udp"}[i%2], []string{web, peer}[i/2%2]
		c := dialIn(t, []string{"blue-1", "green-1", "blue-2"}[i%3], network, server+":7")
		want := bytes.Repeat([]byte{byte(i)}, 1000+i)
		if _, err := c.Write(want); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("connection %d over %s: %v", i, network, err)
		}
	}
	for _, edge := range []string{"edge-1", "edge-2"} {
		if s := scrape(t, dir, edge); s["received_packets_total{side=tun}"] == 0 {
			t.Errorf("%s got nothing from the internet: the router does not spread flows", edge)
		}
	}
	checkAccounts(t, dir)
}
