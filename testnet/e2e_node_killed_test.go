package testnet

import (
	"fmt"
	"testing"
)

// A node that dies takes nothing with it: connections from before go on, new
// ones open, a download does not stop; whichever node it is. The same when it
// is back.
func TestNodeKilled(t *testing.T) {
	dir := bringUp(t, DefaultTopology)
	c := &chaos{dir: dir}
	c.whole(t)
	bulk := startBulk(t, "blue-2")
	conns := map[string]*echoConn{}
	for i := range 12 { // in slots of all nodes
		for _, name := range []string{"blue-1", "green-1"} {
			for _, network := range []string{"tcp", "udp"} {
				key := fmt.Sprintf("%s %s %d", name, network, i)
				conns[key] = dialEcho(t, name, network, fmt.Sprintf("10.0.1.10:%d", 20000+i), []string{web, peer}[i%2]+":7")
			}
		}
	}
	public := map[string]string{}
	lives := func(when string) {
		t.Helper()
		for who, x := range conns {
			if err := x.echo(who + "|" + when); err != nil {
				t.Errorf("%s, %s: %v", who, when, err)
			}
		}
		for name, twin := range twins {
			for _, network := range []string{"tcp", "udp"} {
				for _, f := range flowsOf(flows(t, dir), twin.vpc, network, "10.0.1.10:200") {
					key := name + network + f.Inside + f.Remote
					if was := public[key]; was != "" && was != f.Public {
						t.Errorf("%s %s %s: was %s, is %s", name, network, f.Inside, was, f.Public)
					}
					public[key] = f.Public
				}
			}
			inside(t, name, "curl", "-sfm", "10", "http://"+web+"/")
		}
		bulk.moves(t)
	}
	lives("before")
	for _, name := range []string{"node-1", "node-2", "node-3"} {
		killHard(t, dir, name)
		lives("without " + name)
		inside(t, "blue-1", "ping", "-nc1", "-W5", "10.0.1.11") // the VPC needs no node
		c.whole(t)
		if err := Start(t.Context(), dir, binary(t), name); err != nil {
			t.Fatal(err)
		}
		c.whole(t)
		lives("with " + name + " again")
	}
	bulk.stop()
	balanced(t, dir)
}
