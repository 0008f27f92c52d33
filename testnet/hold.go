package testnet

import (
	"bufio"
	"context"
	"errors"
	"io"

	"hyperplane/testnet/hold"
)

// HoldOptions are what Hold needs.
type HoldOptions struct {
	From     []string  // the instances that the connections come from
	TCP, UDP int       // how many
	Commands io.Reader // lines, as hold.Client.Run takes them; its end ends the run. nil: none
	Tell     func(hold.Event)
}

// Hold opens connections from instances to all hosts of the internet and uses
// them until ctx ends or a command says so. The result is the whole run's.
func Hold(ctx context.Context, dir Dir, o HoldOptions) (hold.Window, error) {
	t, err := running(dir)
	if err != nil {
		return hold.Window{}, err
	}
	options := hold.Options{TCP: o.TCP, UDP: o.UDP}
	for _, h := range t.Hosts {
		options.Servers = append(options.Servers, h.Address)
	}
	for _, name := range o.From {
		p, err := t.find(name, "instance", func(p Part) bool { return p.Role == RoleInstance })
		if err != nil {
			return hold.Window{}, err
		}
		options.From = append(options.From, p.Namespace())
	}
	if len(options.From) == 0 || len(options.Servers) == 0 {
		return hold.Window{}, errors.New("want an instance to hold connections from and a host on the internet to hold them to")
	}
	raiseFileLimit()
	c, err := hold.Open(ctx, options)
	if err != nil {
		return hold.Window{}, err
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return c.Run(ctx, readLines(ctx, o.Commands), o.Tell)
}

// readLines reads commands; at the end of them comes stop.
func readLines(ctx context.Context, r io.Reader) <-chan string {
	if r == nil {
		return nil
	}
	out := make(chan string)
	go func() {
		put := func(line string) bool {
			select {
			case out <- line:
				return true
			case <-ctx.Done():
				return false
			}
		}
		for in := bufio.NewScanner(r); in.Scan(); {
			if !put(in.Text()) {
				return
			}
		}
		put("stop")
	}()
	return out
}
