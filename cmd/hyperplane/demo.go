package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"hyperplane/testnet"
	"hyperplane/testnet/demo"
)

func newDemoCommand() *cobra.Command {
	var file string
	var plain bool
	var length time.Duration
	var copies int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the NAT gateway at work, live in the terminal",
		Long: `Show the NAT gateway at work: lay the testnet out, let the instances fetch pages,
transfer data, ping and ask for names on the internet, and draw live who talks to
whom through which node, edge, public address and port. When it ends, for
whatever reason, nothing is left behind.

Keys: q or Ctrl-C quits, ← and → choose a node, k kills it and s starts it again.
Each flow is on two nodes: kill one, and the throughput dips for a blink while
hundreds of connections that are held open all the time go on. With --copies 1
each flow is on one node only, and its connections die with that node.

Without a terminal, or with --plain, it prints a text picture every two seconds;
'hyperplane testnet kill node-2' in another terminal does what the key does.
With --for it ends by itself. Exit code 1, with a list, says that something did
not work, or that a connection broke which had a second copy.

Embedded topologies: ` + strings.Join(testnet.Builtin(), ", ") + `.`,
		Example: "  hyperplane demo\n" +
			"  hyperplane demo -f jumbo\n" +
			"  hyperplane demo --copies 1\n" +
			"  hyperplane demo --plain --for 10s",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if length < 0 {
				return wrongUse(cmd, fmt.Errorf("--for %s: want a time such as 10s", length))
			}
			t, err := loadTopology(cmd, file, copies)
			if err != nil {
				return err
			}
			ctx, stop := untilTold(cmd.Context())
			defer stop()
			live := !plain && demo.CanDraw(os.Stdin, os.Stdout)
			err = demo.Run(ctx, demo.Options{
				Dir: testnet.DefaultDir(), Topology: t, Title: file, For: length,
				Live: live, In: os.Stdin, Out: os.Stdout, Binary: os.Args[0],
			})
			if errors.Is(err, syscall.EPIPE) {
				return nil // who read the pictures has seen enough
			}
			return err
		},
	}
	topologyFlags(cmd, &file, &copies)
	cmd.Flags().DurationVar(&length, "for", 0, "end by itself after this time (default: until you quit)")
	cmd.Flags().BoolVar(&plain, "plain", false, "print text pictures instead of drawing on the terminal")
	return cmd
}

// untilTold returns a context that ends with every signal that says so: a
// terminal that was closed and a reader that has gone, too. The testnet would
// outlive a process that they kill. A signal that whoever started us ignores
// (nohup) stays ignored.
func untilTold(ctx context.Context) (context.Context, context.CancelFunc) {
	var told []os.Signal
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE} {
		if !signal.Ignored(s) {
			told = append(told, s)
		}
	}
	return signal.NotifyContext(ctx, told...)
}
