package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"hyperplane/bench"
	"hyperplane/bench/load"
)

func newBenchCommand() *cobra.Command {
	config := bench.DefaultConfig()
	var output, report string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure Hyperplane beside the kernel, in one run",
		Long: `Lays out the kernel's paths and Hyperplane's in network namespaces of its own
(hpb-…), puts the same loads over each in turn, and prints medians, their spread
and ratios. Run it on an idle machine, as root. Everything it makes is gone
when it ends, also on Ctrl-C.

Subjects: ` + strings.Join(bench.SubjectNames(), ", ") + `
Loads:    ` + strings.Join(bench.LoadNames(), ", "),
		Example: `  hyperplane bench
  hyperplane bench --rounds 9 --report docs/measured.md
  hyperplane bench --subject kernel-chain --subject hyperplane-chain --underlay-mtu 1600 --cut
  hyperplane bench --load udp-64 --rounds 1 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd, config, output, report) },
	}
	f := cmd.Flags()
	f.IntVar(&config.Rounds, "rounds", config.Rounds, "how often everything is measured")
	f.IntVar(&config.Seconds, "seconds", config.Seconds, "how long each measurement lasts, in whole seconds")
	f.StringSliceVar(&config.Subjects, "subject", config.Subjects, "measure only this (repeatable)")
	f.StringSliceVar(&config.Loads, "load", config.Loads, "put only this load on (repeatable)")
	f.IntVar(&config.InstanceMTU, "mtu", config.InstanceMTU, "MTU of the instance")
	f.IntVar(&config.UnderlayMTU, "underlay-mtu", config.UnderlayMTU, "MTU of the chains' underlay, such as 1600 or 9001")
	f.BoolVar(&config.Cut, "cut", config.Cut, "the underlay really cuts packets to its MTU, as a wire does, instead of passing superpackets whole")
	f.DurationVar(&config.IdleWait, "idle-wait", config.IdleWait, "how long a round waits in total for an idle machine, before it measures anyhow and says so")
	f.StringVarP(&output, "output", "o", "table", "table or json (json has every reading)")
	f.StringVar(&report, "report", "", "also write the result and the machine to this Markdown file")
	for _, name := range []string{"flood", "count", "connect", "answer", "pingpong"} {
		cmd.AddCommand(newLoadCommand(name))
	}
	return cmd
}

// newLoadCommand is one of the programs that bench starts in its namespaces.
func newLoadCommand(name string) *cobra.Command {
	return &cobra.Command{
		Use:     name + " SETTINGS",
		Short:   "One of bench's load programs; SETTINGS are JSON",
		Example: `  hyperplane bench pingpong '{"to":"203.0.113.10:9001","bytes":64,"every":1000000,"for":2000000000}'`,
		Hidden:  true,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return load.Main(cmd.Context(), name, args[0], cmd.OutOrStdout())
		},
	}
}

func runBench(cmd *cobra.Command, config bench.Config, output, report string) (err error) {
	if output != "table" && output != "json" {
		return wrongUse(cmd, fmt.Errorf("--output %s: allowed are table and json", output))
	}
	if err := config.Check(); err != nil {
		return wrongUse(cmd, err)
	}
	if report != "" { // before minutes of measuring, not after
		if dir, err := os.Stat(filepath.Dir(report)); err != nil || !dir.IsDir() {
			return wrongUse(cmd, fmt.Errorf("--report %s: there is no directory to write it to", report))
		}
	}
	if config.Binary, err = os.Executable(); err != nil {
		return err
	}
	result, err := bench.Run(cmd.Context(), config, showSteps(cmd.ErrOrStderr()))
	if result == nil || len(result.Readings) == 0 && err != nil {
		return interrupted(err)
	}
	result.Command = "hyperplane " + strings.Join(os.Args[1:], " ")
	return errors.Join(writeBench(cmd.OutOrStdout(), result, output, report), interrupted(err))
}

// interrupted says it in words; what was measured until then is still shown.
func interrupted(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted; everything was taken down")
	}
	return err
}

func writeBench(w io.Writer, r *bench.Result, output, report string) error {
	if report != "" {
		var b strings.Builder
		if err := r.WriteReport(&b); err != nil {
			return err
		}
		if err := os.WriteFile(report, []byte(b.String()), 0o644); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	if output == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		if err := e.Encode(r.Document()); err != nil {
			return err
		}
	} else if err := r.WriteTable(w); err != nil {
		return err
	}
	if r.Failed() {
		return errors.New("not everything could be measured; see above")
	}
	return nil
}

// showSteps shows progress: on a terminal one line that is written over, else
// one line per measurement.
func showSteps(w io.Writer) func(bench.Step) {
	terminal := false
	if f, ok := w.(*os.File); ok {
		_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
		terminal = err == nil
	}
	return func(s bench.Step) {
		line := fmt.Sprintf("%s: %s", s.Subject, s.Load)
		if s.Total > 0 {
			line = fmt.Sprintf("round %d/%d  %s: %s", s.Round, s.Rounds, s.Subject, s.Load)
		}
		if s.Waiting {
			line += ", waiting until the machine is idle"
		}
		if s.Left >= time.Second {
			line += "  (" + bench.Duration(s.Left) + " left)"
		}
		end := s.Total > 0 && s.Done == s.Total
		switch {
		case terminal && end:
			fmt.Fprint(w, "\r\x1b[K")
		case terminal:
			fmt.Fprintf(w, "\r\x1b[K%s%s", last(s), line)
		case end:
			fmt.Fprintf(w, "  %s\n", s.Last)
		default:
			if s.Last != "" {
				fmt.Fprintf(w, "  %s\n", s.Last)
			}
			fmt.Fprintln(w, line)
		}
	}
}

func last(s bench.Step) string {
	if s.Last == "" {
		return ""
	}
	return "[" + s.Last + "]  "
}
