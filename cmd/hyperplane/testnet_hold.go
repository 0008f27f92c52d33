package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hyperplane/testnet"
	"hyperplane/testnet/hold"
)

func newTestnetHoldCommand() *cobra.Command {
	var o testnet.HoldOptions
	var length time.Duration
	var output string
	var control bool
	cmd := &cobra.Command{
		Use:   "hold",
		Short: "Hold many connections open, use them, and say what became of them",
		Long: `Open many TCP connections and UDP flows from instances to all hosts of the
internet, use each of them about every three seconds, and say in the end how
many broke, how many got data of another, and how long they stood still: over
all connections, the longest that each of them waited for one answer. Ten
busy ones are used every 20 ms and show how long the path itself stood still.

Connections from an instance without an IPv4 address go through NAT64, unless
--ipv6 asks for the hosts' own IPv6 addresses.

Meanwhile kill what you like. Exit code 0 says that every connection lives.

With --control, lines of standard input direct it, until "stop" or their end:
"mark NAME" ends one window of the figures and begins another, "round" is
answered when every connection was used and answered since. With -o json every
event is one line.`,
		Example: "  hyperplane testnet hold --tcp 10000 --udp 500 --for 30s\n" +
			"  hyperplane testnet hold --from blue-1,green-1 --tcp 100 -o json\n" +
			"  hyperplane testnet hold --from six-1 --ipv6",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			asJSON, err := checkOutput(cmd, output)
			if err != nil {
				return err
			}
			if o.TCP < 0 || o.UDP < 0 || o.TCP > hold.ConnsMax || o.UDP > hold.ConnsMax || o.TCP+o.UDP == 0 {
				return wrongUse(cmd, fmt.Errorf("--tcp %d --udp %d: want 0 to %d of each, and one in all", o.TCP, o.UDP, hold.ConnsMax))
			}
			if length <= 0 {
				return wrongUse(cmd, fmt.Errorf("--for %v: want a time above 0", length))
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			if control {
				o.Commands = cmd.InOrStdin()
			}
			tell := printHeld(cmd.OutOrStdout(), o.From)
			if asJSON {
				lines := json.NewEncoder(cmd.OutOrStdout())
				tell = func(e hold.Event) { _ = lines.Encode(e) } // a reader that is gone also ends the input
			}
			o.Tell = func(e hold.Event) {
				if e.Event == hold.EventHeld && !control {
					time.AfterFunc(length, cancel)
				}
				tell(e)
			}
			w, err := testnet.Hold(ctx, testnet.DefaultDir(), o)
			if err != nil {
				return badName(err)
			}
			if !w.Intact() {
				return exitError{1}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.From, "from", []string{"blue-1"}, "the instances that hold them, in turn")
	f.BoolVar(&o.IPv6, "ipv6", false, "to the hosts' IPv6 addresses")
	f.IntVar(&o.TCP, "tcp", 1000, "how many TCP connections")
	f.IntVar(&o.UDP, "udp", 50, "how many UDP flows")
	f.DurationVar(&length, "for", 30*time.Second, "how long")
	f.BoolVar(&control, "control", false, "take commands from standard input, and go on until it ends")
	f.StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// printHeld tells people what happens.
func printHeld(w io.Writer, from []string) func(hold.Event) {
	return func(e hold.Event) {
		switch e.Event {
		case hold.EventHeld:
			fmt.Fprintf(w, "every connection from %s is open and was answered\n", strings.Join(from, ", "))
		case hold.EventMark:
			fmt.Fprintf(w, "%s, %.1f s: %v\n", e.Window.Name, e.Window.Seconds, e.Window)
		case hold.EventRound:
			fmt.Fprintln(w, "every connection was used and answered")
		case hold.EventResult:
			fmt.Fprintln(w, e.Window)
		}
	}
}
