package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hyperplane/testnet/doctor"
)

func newDoctorCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say which kernel features are here, and what needs those that are not",
		Long: `Try every kernel feature that the roles, the testnet and the bench use, in a
network namespace that is thrown away. Exit code 1 when one is missing without
which nothing runs.`,
		Example: "  hyperplane doctor\n  hyperplane doctor -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := doctor.Examine()
			switch output {
			case "json":
				if err := json.NewEncoder(cmd.OutOrStdout()).Encode(findings); err != nil {
					return err
				}
			case "text":
				printFindings(cmd, findings)
			default:
				return wrongUse(cmd, fmt.Errorf("-o %s: want text or json", output))
			}
			for _, f := range findings {
				if f.Required && f.Problem != "" {
					return errors.New("a required kernel feature is missing")
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func printFindings(cmd *cobra.Command, findings []doctor.Finding) {
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	defer t.Flush()
	for _, f := range findings {
		switch {
		case f.Problem == "":
			fmt.Fprintf(t, "ok\t%s\n", f.Feature)
		case f.Required:
			fmt.Fprintf(t, "MISSING\t%s\tneeded for %s: %s\n", f.Feature, f.For, f.Problem)
		default:
			fmt.Fprintf(t, "missing\t%s\tonly for %s: %s\n", f.Feature, f.For, f.Problem)
		}
	}
}
