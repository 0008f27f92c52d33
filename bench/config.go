package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config is what to measure and how long.
type Config struct {
	Rounds   int      `json:"rounds"`
	Seconds  int      `json:"seconds"` // per measurement; iperf3 takes whole seconds only
	Subjects []string `json:"subjects"`
	Loads    []string `json:"loads"`

	InstanceMTU int  `json:"instance_mtu"`
	UnderlayMTU int  `json:"underlay_mtu"`
	Cut         bool `json:"cut"` // the underlay's ports really cut to the MTU

	// IdleWait is how long one round waits in total for an idle machine; after
	// that its readings are taken as they come, and marked noisy.
	IdleWait time.Duration `json:"idle_wait_ns"`

	Binary string `json:"-"` // hyperplane: the roles and the load programs
	IPerf3 string `json:"-"` // empty: looked up in PATH
	prefix string // of the namespaces; the tests' differs
}

// DefaultConfig measures everything, as `make bench` does.
func DefaultConfig() Config {
	return Config{
		Rounds: roundsMin, Seconds: 2, Subjects: SubjectNames(), Loads: LoadNames(),
		InstanceMTU: 1500, UnderlayMTU: 9001, IdleWait: idleWaitDefault, prefix: "hpb-",
	}
}

// Check returns what is wrong with the settings, and what would do.
func (c *Config) Check() error {
	between := func(flag string, v, low, high int) error {
		if v < low || v > high {
			return fmt.Errorf("--%s %d: allowed is %d to %d", flag, v, low, high)
		}
		return nil
	}
	if err := between("rounds", c.Rounds, 1, roundsMax); err != nil {
		return err
	}
	if err := between("seconds", c.Seconds, 1, secondsMax); err != nil {
		return err
	}
	if err := between("mtu", c.InstanceMTU, mtuMin, mtuMax-encapsulation); err != nil {
		return err
	}
	if err := between("underlay-mtu", c.UnderlayMTU, c.InstanceMTU+encapsulation, mtuMax); err != nil {
		return fmt.Errorf("%w (the instances' MTU and %d bytes of encapsulation)", err, encapsulation)
	}
	if c.IdleWait < 0 || c.IdleWait > idleWaitMax {
		return fmt.Errorf("--idle-wait %v: allowed is 0s to %v", c.IdleWait, idleWaitMax)
	}
	if err := known("subject", c.Subjects, SubjectNames()); err != nil {
		return err
	}
	return known("load", c.Loads, LoadNames())
}

// known checks that every name is one of those there are.
func known(flag string, names, all []string) error {
	if len(names) == 0 {
		return fmt.Errorf("--%s: name at least one of %s", flag, strings.Join(all, ", "))
	}
	for _, n := range names {
		if !slices.Contains(all, n) {
			return fmt.Errorf("--%s %s: there is none of that name; there are %s", flag, n, strings.Join(all, ", "))
		}
	}
	return nil
}
