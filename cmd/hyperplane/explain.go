package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"hyperplane/natgw"
	"hyperplane/testnet"
)

func newExplainCommand() *cobra.Command {
	var vpc, output string
	var admin []string
	cmd := &cobra.Command{
		Use:   "explain tcp|udp|icmp INSIDE:PORT REMOTE:PORT",
		Short: "Say where a flow goes: slot, node, entry, timers, last drop",
		Long: `Say where a flow goes and why, as its cell's nodes know it: the route, the
gateway, the slot and the node that owns it, the public address and port it
was given, its state and timers, and the newest packet of it that was dropped.

Without --admin, the nodes of the running testnet are asked.`,
		Example: "  hyperplane explain --vpc blue tcp 10.0.1.10:40000 203.0.113.10:80\n" +
			"  hyperplane explain --vpc blue --admin 127.0.0.1:9600 icmp 10.0.1.10:77 203.0.113.10",
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := natgw.ParseQuery(vpc, args[0], args[1], args[2]); err != nil {
				return wrongUse(cmd, err)
			}
			if output != "text" && output != "json" {
				return wrongUse(cmd, fmt.Errorf("-o %s: want text or json", output))
			}
			if len(admin) == 0 {
				admin = testnet.NodeAdmins()
			}
			if len(admin) == 0 {
				return wrongUse(cmd, errors.New("no testnet is up; name a node's --admin address"))
			}
			page := "/explain?" + url.Values{"vpc": {vpc}, "protocol": {args[0]}, "inside": {args[1]}, "remote": {args[2]}}.Encode()
			x, err := explain(cmd.Context(), admin, page)
			if err != nil {
				return err
			}
			if output == "json" {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(x)
			}
			return printExplanation(cmd.OutOrStdout(), x)
		},
	}
	cmd.Flags().StringVar(&vpc, "vpc", "", "the VPC's name (required)")
	cmd.Flags().StringArrayVar(&admin, "admin", nil, "a node's admin address, HOST:PORT or unix:/PATH (repeatable)")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	_ = cmd.MarkFlagRequired("vpc")
	return cmd
}

// explain asks every node and prefers the answer of the flow's owner.
func explain(ctx context.Context, admin []string, page string) (best natgw.Explanation, err error) {
	var failed []error
	answered := false
	for _, a := range admin {
		var x natgw.Explanation
		if err := testnet.Get(ctx, a, page, &x); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", a, err))
			continue
		}
		if answered {
			x = merge(best, x)
		}
		best, answered = x, true
	}
	if !answered {
		return best, errors.Join(failed...)
	}
	return best, nil
}

// merge takes what the owner knows of the flow, or else the first that is in a view,
// and the traffic from the node whose Top carries it.
func merge(best, x natgw.Explanation) natgw.Explanation {
	if x.Node == x.Owner || best.Owner == "" {
		best, x = x, best
	}
	if x.Cached && !best.Cached {
		best.Cached, best.IdleMS, best.Edge = true, x.IdleMS, x.Edge
		best.PacketsOut, best.BytesOut, best.PacketsIn, best.BytesIn = x.PacketsOut, x.BytesOut, x.PacketsIn, x.BytesIn
	}
	return best
}

func printExplanation(w io.Writer, x natgw.Explanation) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("flow", "%s", x.Flow)
	line("instance", "%s on %s", x.Instance, x.Host)
	line("route", "%s", x.Route)
	if x.Gateway != "" {
		line("gateway", "%s", x.Gateway)
		line("slot", "%d of %d, %s", x.Slot, x.Slots, holders(x))
	}
	if x.Owner != "" && x.Node != x.Owner {
		line("note", "%s did not answer; this is what %s knows", x.Owner, x.Node)
	}
	switch {
	case x.Tracked:
		line("entry", "%s as %s, %s", x.Public, x.State, cached(x.Cached))
		line("timers", "open %v, idle %v, forgotten in %v if silent", ms(x.AgeMS), ms(x.IdleMS), ms(x.ExpiresMS))
		if !x.Cached {
			break
		}
		line("traffic", "out %d packets %d bytes by %s, in %d packets %d bytes", x.PacketsOut, x.BytesOut, x.Edge, x.PacketsIn, x.BytesIn)
	case x.Gateway != "":
		line("entry", "none: the flow is not open")
	}
	if d := x.LastDrop; d != nil {
		line("last drop", "%s, %v ago: %s", d.Reason, ms(d.AgoMS), d.Meaning)
	}
	return t.Flush()
}

func holders(x natgw.Explanation) string {
	if x.Owner == "" {
		return "owned by nobody: " + x.Node + " is in no view of the cell's flow masters"
	}
	return "owned by " + x.Owner + ", held by " + strings.Join(x.Holders, " and ")
}

func cached(yes bool) string {
	if yes {
		return "cached by its Top"
	}
	return "not cached by its Top"
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
