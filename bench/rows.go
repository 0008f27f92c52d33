package bench

import "fmt"

// row is one line of a comparison, ready to be set.
type row struct {
	title, unit                   string
	ratio, subject, reference, re string
}

// block is one comparison.
type block struct {
	Comparison
	rows  []row
	below []string // metrics whose ratio is under what is expected
}

// blocks are the comparisons of which at least one side was measured.
func (r *Result) blocks() (all []block) {
	for _, c := range comparisons {
		b := block{Comparison: c}
		for _, m := range metrics {
			subject, reference := r.Stat(c.Subject, m.Name), r.Stat(c.Reference, m.Name)
			if subject.Count+reference.Count == 0 {
				continue
			}
			ratio := r.Ratio(c, m.Name)
			if m.Bulk && ratio.Count > 0 && ratio.Median < c.BulkRatioExpected {
				b.below = append(b.below, m.Title)
			}
			remark := ""
			switch {
			case m.LowerIsBetter:
				remark = "lower is better"
			case m.Noted != nil:
				remark = m.Remark + " " + r.noted(m, c.Subject) + " / " + r.noted(m, c.Reference)
			}
			b.rows = append(b.rows, row{m.Title, m.Unit, ratio.text(), subject.text(), reference.text(), remark})
		}
		if len(b.rows) > 0 {
			all = append(all, b)
		}
	}
	return all
}

// noted is what else a subject's readings of a metric say.
func (r *Result) noted(m Metric, subject string) string {
	if r.Stat(subject, m.Name).Count == 0 {
		return "–"
	}
	return m.Noted(func(detail string) float64 { return r.detail(subject, m.Name, detail) })
}

// notes are the sentences below the figures.
func (r *Result) notes() (notes []string) {
	noisy := 0
	for _, x := range r.Readings {
		if x.Noisy != "" {
			noisy++
		}
	}
	if noisy > 0 {
		notes = append(notes, fmt.Sprintf("* %d of %d readings were taken beside foreign load; run it again on an idle machine.", noisy, len(r.Readings)))
	}
	if r.Config.Rounds < roundsMin {
		notes = append(notes, fmt.Sprintf("Only %s: a median wants at least %d.", rounds(r.Config.Rounds), roundsMin))
	}
	for _, b := range r.blocks() {
		for _, t := range b.below {
			notes = append(notes, fmt.Sprintf("%s of %s is below %.2f of %s, which is less than expected.", t, b.Subject, b.BulkRatioExpected, b.Reference))
		}
	}
	return notes
}
