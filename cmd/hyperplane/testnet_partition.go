package main

import (
	"errors"

	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

func newTestnetPartitionCommand() *cobra.Command {
	var oneWay bool
	cmd := &cobra.Command{
		Use:   "partition A B",
		Short: "Cut the underlay between two nodes, edges or hosts",
		Long: `Cut the underlay between two nodes, edges or hosts: what one sends to the other
is lost, in both directions or, with --one-way, only what A sends to B. What
they send to others still arrives.`,
		Example: "  hyperplane testnet partition node-1 node-2\n" +
			"  hyperplane testnet partition node-1 edge-2 --one-way\n" +
			"  hyperplane testnet heal",
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return badName(testnet.Partition(testnet.DefaultDir(), args[0], args[1], oneWay))
		},
	}
	cmd.Flags().BoolVar(&oneWay, "one-way", false, "lose only what A sends to B")
	return cmd
}

func newTestnetHealCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "heal [A B]",
		Short:   "Mend the underlay between two parts, or everywhere",
		Example: "  hyperplane testnet heal\n  hyperplane testnet heal node-1 node-2",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 0 && len(args) != 2 {
				return errors.New("want two names or none")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return testnet.HealAll(testnet.DefaultDir())
			}
			return badName(testnet.Heal(testnet.DefaultDir(), args[0], args[1]))
		},
	}
}
