package testnet

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// An edge keeps nothing: while it is gone the flows through it stall, and when
// it is back all of them go on as they were.
func TestEdgeKilled(t *testing.T) {
	dir := bringUp(t, "default")
	var conns []*echoConn
	for i := range 40 {
		conns = append(conns, dialEcho(t, "blue-1", "udp", fmt.Sprintf("10.0.1.10:%d", 20000+i), web+":7"))
	}
	for i, c := range conns {
		if err := c.echo(fmt.Sprintf("%d|before", i)); err != nil {
			t.Fatal(err)
		}
	}
	public := func() (list []string) {
		for _, f := range flowsOf(flows(t, dir), "blue", "udp", "10.0.1.10:200") {
			list = append(list, f.Inside+" "+f.Public)
		}
		slices.Sort(list)
		return list
	}
	before := public()
	killHard(t, dir, "edge-1")
	for i, c := range conns {
		if err := c.send(fmt.Sprintf("%d|while", i)); err != nil {
			t.Fatal(err)
		}
	}
	answered := 0
	for _, c := range conns {
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := c.Read(make([]byte, 64)); err == nil {
			answered++
		}
	}
	if answered == 0 || answered == len(conns) {
		t.Errorf("with one of two edges %d of %d flows are answered", answered, len(conns))
	}
	if err := Start(t.Context(), dir, binary(t), "edge-1"); err != nil {
		t.Fatal(err)
	}
	for i, c := range conns {
		if err := c.echo(fmt.Sprintf("%d|after", i)); err != nil {
			t.Errorf("flow %d: %v", i, err)
		}
	}
	if after := public(); len(after) != len(conns) || !slices.Equal(before, after) {
		t.Errorf("flows were %v, are %v", before, after)
	}
	balanced(t, dir)
}
