package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"hyperplane/testnet"
)

func newTestnetUpCommand() *cobra.Command {
	var file string
	var copies int
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Lay the testnet out and return when every part is ready",
		Long: `Lay the testnet out and return when every part is ready. If that fails, or is
interrupted, nothing is left behind.

With --copies 1 each flow is on one node only, and its connections die with that
node; usually the loss of a node breaks none.

Embedded topologies: ` + strings.Join(testnet.Builtin(), ", ") + `.`,
		Example: "  hyperplane testnet up\n" +
			"  hyperplane testnet up -f underlay-1600\n" +
			"  hyperplane testnet up --copies 1\n" +
			"  hyperplane testnet up -f ./mine.yaml",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := loadTopology(cmd, file, copies)
			if err != nil {
				return err
			}
			begun := time.Now()
			shown := begun
			err = testnet.Up(cmd.Context(), testnet.Options{
				Dir: testnet.DefaultDir(), Topology: t,
				Progress: func(done, all int, what string) {
					if now := time.Now(); now.Sub(shown) >= time.Second {
						shown = now
						fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d: %s ready after %.1f s\n", done, all, what, now.Sub(begun).Seconds())
					}
				},
			})
			if cmd.Context().Err() != nil {
				return errors.New("interrupted: nothing is left behind")
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "testnet %s is up after %.1f s: %d namespaces, files in %s\n",
				file, time.Since(begun).Seconds(), len(t.Parts()), testnet.DefaultDir())
			return nil
		},
	}
	topologyFlags(cmd, &file, &copies)
	return cmd
}

// topologyFlags says which topology is laid out, and how often each flow is kept.
func topologyFlags(cmd *cobra.Command, file *string, copies *int) {
	cmd.Flags().StringVarP(file, "file", "f", testnet.DefaultTopology, "a topology file, or the name of an embedded topology")
	cmd.Flags().IntVar(copies, "copies", 0, "nodes that each flow is on, 1 or 2 (default: as the topology's state says, 2 if it does not)")
}

// loadTopology reads a topology, with another number of copies if one was given.
func loadTopology(cmd *cobra.Command, file string, copies int) (*testnet.Topology, error) {
	given := cmd.Flags().Changed("copies")
	if given && copies != 1 && copies != 2 {
		return nil, wrongUse(cmd, fmt.Errorf("--copies %d: want 1 or 2", copies))
	}
	t, err := testnet.LoadTopology(file)
	if err != nil || !given {
		return t, err
	}
	text, err := withCopies(t.Text, copies)
	if err != nil {
		return nil, err
	}
	return testnet.ParseTopology(file, text)
}

// withCopies sets copies: in the state of a topology that has been parsed
// before. All else stays as it is written, with its comments.
func withCopies(text []byte, copies int) ([]byte, error) {
	var doc struct {
		State yaml.Node `yaml:"state"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	state := &doc.State
	rows := bytes.SplitAfter(text, []byte("\n"))
	for i := 0; i+1 < len(state.Content); i += 2 {
		if key, value := state.Content[i], state.Content[i+1]; key.Value == "copies" {
			row := rows[value.Line-1]
			before, after := row[:value.Column-1], row[value.Column-1+len(value.Value):]
			rows[value.Line-1] = fmt.Appendf(nil, "%s%d%s", before, copies, after)
			return bytes.Join(rows, nil), nil
		}
	}
	line := fmt.Appendf(nil, "%*scopies: %d\n", state.Column-1, "", copies)
	return bytes.Join(slices.Insert(rows, state.Line-1, line), nil), nil
}
