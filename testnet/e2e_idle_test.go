package testnet

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An idle flow is forgotten, whatever its protocol; one that is used is not. A
// TCP connection that goes on after it was forgotten is answered with RST.
func TestIdleFlowsAreForgotten(t *testing.T) {
	dir := bringUp(t, variant(t, "public_addresses: [198.51.100.1]}",
		"public_addresses: [198.51.100.1], timeouts: {tcp_idle: 2s, tcp_opening: 1s, udp_idle: 2s, icmp_idle: 1s}}"))
	begun, words := time.Now(), 0
	busy := map[string]*echoConn{
		"tcp": dialEcho(t, "blue-1", "tcp", "10.0.1.10:20000", web+":7"),
		"udp": dialEcho(t, "blue-1", "udp", "10.0.1.10:20000", web+":7"),
	}
	idle := map[string]*echoConn{
		"tcp": dialEcho(t, "blue-1", "tcp", "10.0.1.10:30000", web+":7"),
		"udp": dialEcho(t, "blue-1", "udp", "10.0.1.10:30000", web+":7"),
	}
	for _, conns := range []map[string]*echoConn{busy, idle} {
		for network, c := range conns {
			if err := c.echo("first words"); err != nil {
				t.Fatalf("%s: %v", network, err)
			}
		}
	}
	inside(t, "blue-1", "ping", "-nc1", "-W5", "-e30000", web)
	checkFlow(t, flows(t, dir), "icmp", "10.0.1.10:30000", "blue", "198.51.100.1")
	before := map[string][]flowLine{}
	for network := range idle {
		for _, port := range []int{20000, 30000} {
			checkFlow(t, flows(t, dir), network, fmt.Sprintf("10.0.1.10:%d", port), "blue", "198.51.100.1")
		}
		before[network] = flowsOf(flows(t, dir), "blue", network, "10.0.1.10:20000")
	}

	eventually(t, "the idle flows are forgotten, and two idle times pass", func() bool {
		for network, c := range busy {
			if err := c.echo(fmt.Sprintf("still|%d", words)); err != nil {
				t.Fatalf("%s in use: %v", network, err)
			}
		}
		words++
		list := flows(t, dir)
		left := len(flowsOf(list, "blue", "tcp", "10.0.1.10:30000")) + len(flowsOf(list, "blue", "udp", "10.0.1.10:30000")) + len(flowsOf(list, "blue", "icmp", ""))
		if age := time.Since(begun); left < 3 && age < time.Second {
			t.Fatalf("forgotten after %v", age)
		}
		return left == 0 && time.Since(begun) > 5*time.Second
	})
	for network, f := range before {
		if now := flowsOf(flows(t, dir), "blue", network, "10.0.1.10:20000"); len(now) != 1 || now[0].Public != f[0].Public {
			t.Errorf("%s in use was %+v, is %+v", network, f, now)
		}
	}

	// What goes on after that: UDP is a new flow, TCP is refused.
	if err := idle["udp"].echo("anew"); err != nil {
		t.Errorf("UDP after its flow was forgotten: %v", err)
	}
	if err := idle["tcp"].echo("anew"); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("TCP after its flow was forgotten: %v, want ECONNRESET", err)
	}
	x := explain(t, dir, "blue", "tcp", "10.0.1.10:30000", web+":7")
	if x.Tracked || x.LastDrop == nil || x.LastDrop.Reason != "no_flow" {
		t.Errorf("explain: %+v, want no flow and a drop for that reason", x)
	}
	if n := scrape(t, dir, x.Owner).dropped("no_flow"); n != 1 {
		t.Errorf("%v packets dropped as no_flow, want 1", n)
	}
	// The same ports again open a new connection.
	idle["tcp"].Close()
	if err := dialEcho(t, "blue-1", "tcp", "10.0.1.10:30000", web+":7").echo("reborn"); err != nil {
		t.Errorf("a new connection on the same tuple: %v", err)
	}
	checkAccounts(t, dir)
}
