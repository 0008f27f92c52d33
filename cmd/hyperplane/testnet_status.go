package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

func newTestnetStatusCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show every part of the testnet: address, process, health",
		Long: `Show every part of the testnet: address, process, health. CELL is what a node
says of its cell: full, or degraded while the cell lacks what it needs to keep
every promise, such as a second node for each flow; "-" where nothing is said.`,
		Example: "  hyperplane testnet status\n  hyperplane testnet status -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			asJSON, err := checkOutput(cmd, output)
			if err != nil {
				return err
			}
			list, err := testnet.Status(cmd.Context(), testnet.DefaultDir())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(list)
			}
			return printStatus(cmd.OutOrStdout(), list)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func printStatus(w io.Writer, list []testnet.PartStatus) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tNAMESPACE\tROLE\tADDRESS\tSTATE\tHEALTH\tCELL\tPID\tUPTIME\t")
	for _, p := range list {
		health, pid, uptime := "ok", "-", "-"
		if !p.Healthy {
			health = "not healthy"
		}
		if p.PID != 0 {
			pid = fmt.Sprint(p.PID)
			uptime = time.Duration(p.Uptime * float64(time.Second)).Round(time.Second / 10).String()
		}
		cell := "-"
		if p.Cell != nil {
			cell = "full"
			if p.Cell.Degraded {
				cell = "degraded"
			}
		}
		address := cmp.Or(strings.Trim(p.Address+","+p.Address6, ","), "-")
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.Namespace, p.Role, address, p.State, health, cell, pid, uptime, p.Detail)
	}
	return t.Flush()
}
