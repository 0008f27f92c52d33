package bench

// Document is a result as JSON: the summary first, then every reading.
type Document struct {
	Summary []Summary `json:"summary"`
	Ratios  []Ratio   `json:"ratios"`
	*Result
}

// Summary is one subject's metric over all rounds.
type Summary struct {
	Subject string `json:"subject"`
	Metric  string `json:"metric"`
	Unit    string `json:"unit"`
	Stat
}

// Ratio is one metric of a subject over the reference's.
type Ratio struct {
	Subject   string `json:"subject"`
	Reference string `json:"reference"`
	Metric    string `json:"metric"`
	Stat
}

// Document adds the summary to the readings.
func (r *Result) Document() Document {
	d := Document{Result: r, Summary: []Summary{}, Ratios: []Ratio{}}
	for _, s := range subjects {
		for _, m := range metrics {
			if x := r.Stat(s.name, m.Name); x.Count > 0 {
				d.Summary = append(d.Summary, Summary{s.name, m.Name, m.Unit, x})
			}
		}
	}
	for _, c := range comparisons {
		for _, m := range metrics {
			if x := r.Ratio(c, m.Name); x.Count > 0 {
				d.Ratios = append(d.Ratios, Ratio{c.Subject, c.Reference, m.Name, x})
			}
		}
	}
	return d
}
