package main

import (
	"github.com/spf13/cobra"

	"hyperplane/testnet"
)

func newTestnetPauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pause NAME",
		Short: "Hold a part's process as it is, and return when it stands still",
		Long: `Hold a part's process as it is (SIGSTOP), as a machine that hangs does, and
return when it stands still. Its sockets go on receiving until they are full.`,
		Example: "  hyperplane testnet pause node-2\n  hyperplane testnet resume node-2",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return badName(testnet.Pause(testnet.DefaultDir(), args[0]))
		},
	}
}

func newTestnetResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "resume NAME",
		Short:   "Let a part's process go on that was paused",
		Example: "  hyperplane testnet pause node-2\n  hyperplane testnet resume node-2",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return badName(testnet.Resume(testnet.DefaultDir(), args[0]))
		},
	}
}
