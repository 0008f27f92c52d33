package testnet

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A node that dies stalls its own gateway and no other; when it is back, new
// flows open at once, and old ones are told that they are gone.
func TestNodeKilled(t *testing.T) {
	dir := bringUp(t, DefaultTopology)
	blueNode := explain(t, dir, "blue", "tcp", "10.0.1.10:1", web+":80").Owner
	if other := explain(t, dir, "green", "tcp", "10.0.1.10:1", web+":80").Owner; other == blueNode {
		t.Fatalf("%s serves both gateways: the default topology should spread them", other)
	}
	blue := dialEcho(t, "blue-1", "tcp", "10.0.1.10:20000", web+":7")
	green := dialEcho(t, "green-1", "tcp", "10.0.1.10:20000", web+":7")
	for _, c := range []*echoConn{blue, green} {
		if err := c.echo("before"); err != nil {
			t.Fatal(err)
		}
	}
	killHard(t, dir, blueNode)
	for i := range 5 {
		if err := green.echo(fmt.Sprintf("while %d", i)); err != nil {
			t.Errorf("the other gateway's connection: %v", err)
		}
		inside(t, "green-1", "curl", "-sfm", "10", "http://"+web+"/")
	}
	silent(t, "blue-1")
	inside(t, "blue-1", "ping", "-nc1", "-W5", "10.0.1.11") // the VPC needs no node

	if err := Start(t.Context(), dir, binary(t), blueNode); err != nil {
		t.Fatal(err)
	}
	inside(t, "blue-1", "curl", "-sfm", "10", "http://"+web+"/")
	if err := dialEcho(t, "blue-2", "udp", "", peer+":7").echo("after"); err != nil {
		t.Error(err)
	}
	if err := blue.echo("after"); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("a connection from before: %v, want ECONNRESET", err)
	}
	if err := green.echo("after"); err != nil {
		t.Errorf("the other gateway's connection: %v", err)
	}
	balanced(t, dir)
}

// silent demands that an instance reaches nobody on the internet.
func silent(t *testing.T, name string) {
	t.Helper()
	c := dialEcho(t, name, "udp", "", web+":7")
	if err := c.send("anybody?"); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := c.Read(make([]byte, 64)); err == nil {
		t.Errorf("%s got %d bytes without its node", name, n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if c, err := dialFrom(ctx, name, "tcp", "", web+":80"); err == nil {
		c.Close()
		t.Errorf("%s connected without its node", name)
	}
}
