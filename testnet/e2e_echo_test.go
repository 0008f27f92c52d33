package testnet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// echoConn is a connection from inside a part to an echo server. Its methods
// return errors, so that many goroutines may each use one.
type echoConn struct {
	net.Conn
	datagrams bool
}

// dialEcho opens one from a local address and port, or from any if local is empty.
func dialEcho(t *testing.T, name, network, local, remote string) *echoConn {
	t.Helper()
	c, err := dialFrom(t.Context(), name, network, local, remote)
	if err != nil {
		t.Fatalf("%s from %s (%s): %v", remote, name, local, err)
	}
	t.Cleanup(func() { c.Close() })
	return &echoConn{c, network == "udp"}
}

func (c *echoConn) send(text string) error {
	_, err := io.WriteString(c, text)
	return err
}

// expect waits for the echo of what was sent. A datagram may be lost, and is
// sent again; one with another text is an error.
func (c *echoConn) expect(text string) error {
	buf := make([]byte, 2048)
	if !c.datagrams {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := io.ReadFull(c, buf[:len(text)])
		if err == nil && string(buf[:n]) != text {
			err = fmt.Errorf("got %q, want %q", buf[:n], text)
		}
		return err
	}
	for range 20 {
		c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := c.Read(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := c.send(text); err != nil {
				return err
			}
		case err != nil:
			return err
		case string(buf[:n]) == text:
			return nil
		case !strings.HasPrefix(text, c.tag(string(buf[:n]))):
			return fmt.Errorf("got %q, want %q", buf[:n], text)
		}
	}
	return fmt.Errorf("no echo of %q", text)
}

// tag is what all texts of one connection begin with: a late echo of an
// earlier text of the same connection is no leak.
func (c *echoConn) tag(text string) string {
	tag, _, _ := strings.Cut(text, "|")
	return tag
}

// echo sends a text and waits for it.
func (c *echoConn) echo(text string) error {
	if err := c.send(text); err != nil {
		return err
	}
	return c.expect(text)
}

// rest reads to the end of the stream.
func (c *echoConn) rest() (string, error) {
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	b, err := io.ReadAll(c)
	return string(b), err
}

// manyFlows keeps many connections of all instances busy at once; every one
// gets back what it sent, and nothing else.
func manyFlows(t *testing.T) {
	const perInstance, rounds = 100, 5
	var conns []*echoConn
	for i := range perInstance {
		for _, name := range []string{"blue-1", "blue-2", "green-1"} {
			conns = append(conns,
				dialEcho(t, name, "tcp", "", []string{web, peer}[i%2]+":7"),
				dialEcho(t, name, "udp", "", []string{peer, web}[i%2]+":7"))
		}
	}
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			for round := range rounds {
				if err := c.echo(fmt.Sprintf("flow %d|round %d", i, round)); err != nil {
					t.Errorf("flow %d of %d, %v: %v", i, len(conns), c.LocalAddr(), err)
					return
				}
			}
		})
	}
	wg.Wait()
}
