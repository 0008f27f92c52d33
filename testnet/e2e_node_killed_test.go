package testnet

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// apart is the default topology with the gateways' service ids changed until
// two nodes serve them.
func apart(t *testing.T) (topology, blueNode, greenNode string) {
	t.Helper()
	for service := 2; service < 100; service++ {
		topology = variant(t, "service: 2,", fmt.Sprintf("service: %d,", service))
		s := load(t, topology).State
		if b, g := s.Gateway(1).Node.Name, s.Gateway(uint32(service)).Node.Name; b != g {
			return topology, b, g
		}
	}
	t.Fatal("one node serves every gateway")
	return "", "", ""
}

// A node that dies stalls its own gateway and no other; when it is back, new
// flows open at once, and old ones are told that they are gone.
func TestNodeKilled(t *testing.T) {
	topology, blueNode, greenNode := apart(t)
	dir := bringUp(t, topology)
	for vpc, node := range map[string]string{"blue": blueNode, "green": greenNode} {
		if got := explain(t, dir, vpc, "tcp", "10.0.1.10:1", web+":80").Owner; got != node {
			t.Fatalf("%s is served by %s, want %s", vpc, got, node)
		}
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
