package bench

import (
	"strings"
	"time"
)

// Reading is one figure of one subject in one round.
type Reading struct {
	Round   int                `json:"round"` // from 1
	Subject string             `json:"subject"`
	Metric  string             `json:"metric"`
	Value   float64            `json:"value"`
	Noisy   string             `json:"noisy,omitempty"`  // why, if it is
	Detail  map[string]float64 `json:"detail,omitempty"` // retransmits, losses …
}

// Problem is something that could not be measured, and why.
type Problem struct {
	Round   int    `json:"round,omitempty"` // 0: the whole run
	Subject string `json:"subject,omitempty"`
	Load    string `json:"load,omitempty"`
	Text    string `json:"text"`
	Missing bool   `json:"missing,omitempty"` // a program is not installed: says what to do
}

func (p Problem) String() string {
	var where []string
	for _, s := range []string{p.Subject, p.Load} {
		if s != "" {
			where = append(where, s)
		}
	}
	if len(where) == 0 {
		return p.Text
	}
	return strings.Join(where, ", ") + ": " + p.Text
}

// Result is one run.
type Result struct {
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took_ns"`
	Command  string        `json:"command"`
	Config   Config        `json:"config"`
	Machine  Machine       `json:"machine"`
	Readings []Reading     `json:"readings"`
	Problems []Problem     `json:"problems"`
}

// Failed reports whether something that should have been measured was not. A
// program that is not installed is no failure: the report says so.
func (r *Result) Failed() bool {
	for _, p := range r.Problems {
		if !p.Missing {
			return true
		}
	}
	return false
}

// Stat is what a subject's readings of a metric come to.
func (r *Result) Stat(subject, metric string) Stat {
	var values []float64
	noisy := 0
	for _, x := range r.Readings {
		if x.Subject == subject && x.Metric == metric {
			values = append(values, x.Value)
			if x.Noisy != "" {
				noisy++
			}
		}
	}
	return summarize(values, noisy)
}

// Ratio is a subject's reading divided by the reference's of the same round,
// over the rounds that have both.
func (r *Result) Ratio(c Comparison, metric string) Stat {
	reference := make(map[int]Reading)
	for _, x := range r.Readings {
		if x.Subject == c.Reference && x.Metric == metric && x.Value > 0 {
			reference[x.Round] = x
		}
	}
	var values []float64
	noisy := 0
	for _, x := range r.Readings {
		ref, ok := reference[x.Round]
		if !ok || x.Subject != c.Subject || x.Metric != metric {
			continue
		}
		values = append(values, x.Value/ref.Value)
		if x.Noisy != "" || ref.Noisy != "" {
			noisy++
		}
	}
	return summarize(values, noisy)
}

// detail is the sum over the rounds of one detail of a subject's metric.
func (r *Result) detail(subject, metric, name string) float64 {
	var sum float64
	for _, x := range r.Readings {
		if x.Subject == subject && x.Metric == metric {
			sum += x.Detail[name]
		}
	}
	return sum
}
