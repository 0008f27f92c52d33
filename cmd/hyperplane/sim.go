package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"hyperplane/sim"
)

func newSimCommand() *cobra.Command {
	var c sim.Campaign
	var o sim.Options
	var seconds int
	var drop []int
	var only []string
	var output string
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run whole cells with faults, by seed, and check that they keep their promises",
		Long: `Run whole cells in memory: the real code of every role, with a network, clocks,
tenants and faults that a seed draws. A minute of a cell takes about a second, and
the same seed does the same again.

With --seed, one seed is told in full: its cell, its faults, and, if a promise was
broken, the last events as a diagram. Without, many seeds are run, and the first
that fails is made smaller and told. Exit code 1 when a seed fails.`,
		Example: `  hyperplane sim --seeds 200
  hyperplane sim --seconds 60 --only crash,partition
  hyperplane sim --seed 7
  hyperplane sim --seed 7 --sabotage 3 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			one := cmd.Flags().Changed("seed")
			if err := checkSim(cmd, &c, &o, seconds, output); err != nil {
				return wrongUse(cmd, err)
			}
			if o.Drop, o.Only, err = faultsOf(drop, only); err != nil {
				return wrongUse(cmd, err)
			}
			if seconds > 0 && !cmd.Flags().Changed("seeds") {
				c.Seeds = 0
			}
			c.Limit, c.Workers, c.Options = time.Duration(seconds)*time.Second, runtime.GOMAXPROCS(0), o
			done := make(chan error, 1)
			go func() {
				if one {
					done <- simulateOne(cmd.OutOrStdout(), o, output)
				} else {
					done <- simulateMany(cmd.OutOrStdout(), c, output)
				}
			}()
			select {
			case err := <-done:
				return err
			case <-cmd.Context().Done():
				return errors.New("interrupted")
			}
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&o.Seed, "seed", 0, "run this one seed and tell all of it")
	f.IntVar(&c.Seeds, "seeds", 200, "run so many seeds; with --seconds as many as fit")
	f.Uint64Var(&c.First, "first", 1, "the first of them")
	f.IntVar(&seconds, "seconds", 0, "begin no seed after so many seconds")
	f.DurationVar(&c.Shrink, "shrink", 30*time.Second, "how long to look for a smaller world when a seed fails")
	f.IntVar(&o.Nodes, "nodes", 0, "so many nodes, 2 to 9, instead of the seed's own choice")
	f.IntVar(&o.Clients, "clients", 0, "at most so many clients; more than the seed draws if that is more")
	f.DurationVar(&o.Duration, "duration", 0, "simulate for so long")
	f.StringSliceVar(&only, "only", nil, "only faults of these kinds: crash,pause")
	f.IntSliceVar(&drop, "drop", nil, "leave out the faults of these numbers: 1,4")
	f.IntVar(&o.Shorter, "shorter", 0, "halve the length of faults so often")
	f.IntVar(&o.Sabotage, "sabotage", 0, "build in a bug that has to be found: 1 skips the second copy, 2 ignores the epoch, 3 uses a port again at once")
	f.BoolVar(&o.Careful, "careful", false, "make every check at every step")
	f.StringSliceVar(&o.Follow, "follow", nil, "with --seed: tell also all that contains one of these, from the start: 198.51.100.1:1265")
	f.StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// checkSim refuses what cannot be meant.
func checkSim(cmd *cobra.Command, c *sim.Campaign, o *sim.Options, seconds int, output string) error {
	for _, many := range []string{"seeds", "seconds", "first"} {
		if cmd.Flags().Changed("seed") && cmd.Flags().Changed(many) {
			return fmt.Errorf("--seed and --%s: want one seed or many", many)
		}
	}
	switch {
	case len(o.Follow) > 0 && !cmd.Flags().Changed("seed"):
		return errors.New("--follow: want --seed, one seed")
	case output != "text" && output != "json":
		return fmt.Errorf("-o %s: want text or json", output)
	case c.Seeds < 1 && seconds == 0 || seconds < 0:
		return errors.New("--seeds and --seconds: want at least 1")
	case o.Nodes != 0 && (o.Nodes < 2 || o.Nodes > 9):
		return fmt.Errorf("--nodes %d: want 2 to 9", o.Nodes)
	case o.Clients < 0 || o.Shorter < 0 || o.Duration < 0 || c.Shrink < 0:
		return errors.New("--clients, --shorter, --duration and --shrink: want nothing below 0")
	case o.Sabotage < 0 || o.Sabotage > 3:
		return fmt.Errorf("--sabotage %d: want 0 to 3", o.Sabotage)
	}
	return nil
}

func faultsOf(drop []int, only []string) (dropped map[int]bool, kept map[sim.Kind]bool, err error) {
	dropped, kept = map[int]bool{}, map[sim.Kind]bool{}
	for _, n := range drop {
		dropped[n] = true
	}
	for _, name := range only {
		k, err := sim.ParseKind(name)
		if err != nil {
			return nil, nil, fmt.Errorf("--only: %w", err)
		}
		kept[k] = true
	}
	return dropped, kept, nil
}

func simulateOne(w io.Writer, o sim.Options, output string) error {
	r, err := sim.Explain(o)
	if err != nil {
		return err
	}
	if output == "json" {
		err = writeJSON(w, worldOf(&r))
	} else {
		_, err = fmt.Fprint(w, r.String())
	}
	if err == nil && r.Failure != nil {
		err = fmt.Errorf("seed %d fails: %s", o.Seed, r.Failure.Invariant)
	}
	return err
}

func simulateMany(w io.Writer, c sim.Campaign, output string) (err error) {
	sum := c.Go()
	if output == "json" {
		err = writeJSON(w, campaignOf(&sum))
	} else {
		_, err = fmt.Fprint(w, sum.String())
	}
	if err == nil && len(sum.Failed) > 0 {
		err = fmt.Errorf("%d of %d seeds failed", len(sum.Failed), sum.Seeds)
	}
	return err
}

func writeJSON(w io.Writer, x any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(x)
}

// simWorld is what -o json says of one seed.
type simWorld struct {
	Seed        uint64            `json:"seed"`
	Again       string            `json:"again"` // the command
	Plan        string            `json:"plan"`
	Faults      []string          `json:"faults"`
	SimulatedMS int64             `json:"simulated_ms"`
	WallMS      int64             `json:"wall_ms"`
	Events      uint64            `json:"events"`
	Turns       uint64            `json:"turns"`
	Hash        string            `json:"hash"`
	Endpoints   string            `json:"endpoints"` // what clients and servers saw
	Sometimes   map[string]uint64 `json:"sometimes"`
	Failure     *simFailure       `json:"failure,omitempty"`
}

type simFailure struct {
	Invariant  string `json:"invariant"`
	Text       string `json:"text"`
	Step       uint64 `json:"step"`
	At         string `json:"at"`
	Connection uint16 `json:"connection,omitempty"`
	Diagram    string `json:"diagram,omitempty"`  // mermaid: the last events
	Followed   string `json:"followed,omitempty"` // those of the connection alone
}

// simCampaign is what -o json says of many.
type simCampaign struct {
	Seeds       int               `json:"seeds"`
	SimulatedMS int64             `json:"simulated_ms"`
	WallMS      int64             `json:"wall_ms"`
	Endpoints   string            `json:"endpoints"`
	Sometimes   map[string]uint64 `json:"sometimes"`
	Worlds      map[string]int    `json:"worlds"` // in which it happened
	Failed      []simWorld        `json:"failed"`
}

func worldOf(r *sim.Report) simWorld {
	x := simWorld{
		Seed: r.Options.Seed, Again: r.Options.Command(), Faults: []string{},
		SimulatedMS: r.Simulated.Milliseconds(), WallMS: r.Wall.Milliseconds(), Events: r.Steps, Turns: r.Turns,
		Hash: fmt.Sprintf("%016x", r.Hash), Endpoints: r.Stats.String(), Sometimes: map[string]uint64{},
	}
	if r.Plan != nil { // nil: the options were no world
		x.Plan = r.Plan.String()
		for _, f := range r.Plan.Faults {
			x.Faults = append(x.Faults, f.String())
		}
	}
	for i, n := range r.Sometimes {
		x.Sometimes[sim.Counter(i).String()] = n
	}
	if f := r.Failure; f != nil {
		x.Failure = &simFailure{string(f.Invariant), f.Text, f.Step, f.At, f.Conn, f.Diagram, f.Followed}
	}
	return x
}

func campaignOf(s *sim.Sum) simCampaign {
	x := simCampaign{
		Seeds: s.Seeds, SimulatedMS: s.Simulated.Milliseconds(), WallMS: s.Wall.Milliseconds(),
		Endpoints: s.Stats.String(), Sometimes: map[string]uint64{}, Worlds: map[string]int{}, Failed: []simWorld{},
	}
	for i, n := range s.Sometimes {
		x.Sometimes[sim.Counter(i).String()] = n
		x.Worlds[sim.Counter(i).String()] = s.Worlds[i]
	}
	for i := range s.Failed {
		x.Failed = append(x.Failed, worldOf(&s.Failed[i]))
	}
	return x
}
