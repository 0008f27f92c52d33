package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"hyperplane/testnet/lab"
)

// Step is said before each measurement and after the last.
type Step struct {
	Round, Rounds int
	Subject, Load string
	Waiting       bool          // for an idle machine
	Done, Total   int           // measurements
	Left          time.Duration // estimated
	Last          string        // the reading just taken, or why there is none
}

// run is one run under way.
type run struct {
	config   *Config
	lab      *lab.Lab
	result   *Result
	gate     *gate
	subjects []*measured
	loads    []loadKind
	step     func(Step)
}

// measured is a subject that could be built.
type measured struct {
	name     string
	rig      rig
	failures int // in a row
}

// Run measures. It says each step as it begins. Interrupted by ctx, it returns
// what it has, with ctx's error. Nothing it made is left in either case.
func Run(ctx context.Context, c Config, step func(Step)) (r *Result, err error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	started := time.Now()
	r = &Result{Started: started, Config: c, Readings: []Reading{}, Problems: []Problem{}}
	defer func() { r.Took = time.Since(started) }()
	if c.IPerf3 == "" {
		c.IPerf3, _ = exec.LookPath("iperf3")
	}
	r.Machine = describeMachine(ctx, c.IPerf3)
	l, err := lab.New(c.prefix)
	if errors.Is(err, lab.ErrBusy) {
		err = errors.New("another measurement is running on this machine: wait for it or interrupt it")
	}
	if err != nil {
		return r, err
	}
	defer func() {
		if e := l.Close(); e != nil && err == nil {
			err = e
		}
	}()
	m := &run{config: &c, lab: l, result: r, gate: newGate(), step: step}
	m.chooseLoads()
	if err := m.build(ctx); err != nil {
		return r, err
	}
	return r, m.measure(ctx)
}

// chooseLoads leaves out those whose program is missing.
func (m *run) chooseLoads() {
	for _, k := range loads {
		switch {
		case !slices.Contains(m.config.Loads, k.name):
		case k.iperf3 && m.config.IPerf3 == "":
			m.result.Problems = append(m.result.Problems, Problem{
				Load: k.name, Missing: true, Text: "iperf3 is not installed; on Debian: apt-get install iperf3",
			})
		default:
			m.loads = append(m.loads, k)
		}
	}
}

// build sets the subjects up. One that does not work is left out and said.
func (m *run) build(ctx context.Context) error {
	for _, s := range subjects {
		if !slices.Contains(m.config.Subjects, s.name) {
			continue
		}
		m.step(Step{Subject: s.name, Load: "setting up", Rounds: m.config.Rounds})
		p, err := s.build(ctx, m.lab, m.config)
		r := rig{lab: m.lab, config: m.config, path: p}
		if err == nil {
			err = r.check(ctx)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			m.result.Problems = append(m.result.Problems, Problem{Subject: s.name, Text: err.Error()})
			continue
		}
		m.subjects = append(m.subjects, &measured{name: s.name, rig: r})
	}
	return nil
}

// measure is the rounds.
func (m *run) measure(ctx context.Context) error {
	at := Step{Rounds: m.config.Rounds, Total: m.config.Rounds * len(m.loads) * len(m.subjects)}
	began := time.Now()
	for at.Round = 1; at.Round <= m.config.Rounds; at.Round++ {
		m.gate.left = m.config.IdleWait
		for _, k := range m.loads {
			for i := range m.subjects {
				// Another subject comes first in each round, so that none is
				// always measured in the wake of the same other.
				s := m.subjects[(i+at.Round-1)%len(m.subjects)]
				at.Subject, at.Load = s.name, k.name
				if at.Done > 0 {
					at.Left = time.Since(began) / time.Duration(at.Done) * time.Duration(at.Total-at.Done)
				}
				m.step(at)
				last, err := m.one(ctx, at, k, s)
				if err != nil {
					return err
				}
				at.Last = last
				at.Done++
			}
		}
	}
	at.Round, at.Left = m.config.Rounds, 0
	m.step(at)
	return nil
}

// one takes one measurement. What goes wrong with it is noted, not returned.
func (m *run) one(ctx context.Context, at Step, k loadKind, s *measured) (string, error) {
	if s.failures >= failuresMax {
		return "left out", nil
	}
	noisy, err := m.gate.wait(ctx, func() {
		at.Waiting, at.Last = true, ""
		m.step(at)
	})
	if err != nil {
		return "", err
	}
	before, err := readCPU()
	if err != nil {
		return "", err
	}
	f, err := k.run(ctx, &s.rig)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if dead := s.rig.path.alive(); dead != nil && err != nil {
		s.failures, err = failuresMax, dead
	}
	if err != nil {
		s.failures++
		text := err.Error()
		if s.failures >= failuresMax {
			text += "\n  the rest of the run goes on without " + s.name
		}
		m.result.Problems = append(m.result.Problems, Problem{Round: at.Round, Subject: s.name, Load: k.name, Text: text})
		return "failed", nil
	}
	s.failures = 0
	after, err := readCPU()
	if err != nil {
		return "", err
	}
	if _, steal := after.shares(before); noisy == "" && steal > stealShareMax {
		noisy = fmt.Sprintf("the hypervisor took %.0f %% of the CPUs meanwhile", steal*100)
	}
	return m.note(at.Round, s.name, noisy, f), nil
}

// note keeps the readings and returns them in words.
func (m *run) note(round int, subject, noisy string, f figures) (words string) {
	for _, metric := range metrics {
		v, ok := f.values[metric.Name]
		if !ok {
			continue
		}
		m.result.Readings = append(m.result.Readings, Reading{
			Round: round, Subject: subject, Metric: metric.Name, Value: v, Noisy: noisy, Detail: f.detail,
		})
		if words == "" {
			words = figure(v) + " " + metric.Unit
		}
	}
	if noisy != "" {
		words += " (noisy)"
	}
	return words
}
