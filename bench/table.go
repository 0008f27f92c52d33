package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteTable prints the result for a terminal: ratios first.
func (r *Result) WriteTable(w io.Writer) error {
	var b strings.Builder
	for _, k := range r.blocks() {
		fmt.Fprintf(&b, "%s. Median of %s (least–most); ratio: %s / %s\n", k.Title, rounds(r.Config.Rounds), k.Subject, k.Reference)
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintf(t, "\tratio\t%s\t%s\t\t\n", k.Subject, k.Reference)
		for _, x := range k.rows {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", x.title, x.ratio, x.subject, x.reference, x.unit, x.re)
		}
		t.Flush()
		b.WriteByte('\n')
	}
	for _, n := range r.notes() {
		fmt.Fprintln(&b, n)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "not measured: %v\n", p)
	}
	m := &r.Machine
	fmt.Fprintf(&b, "%d × %s, Linux %s, TCP %s, instance MTU %d, underlay MTU %d%s, %d s each; took %s\n",
		m.CPUs, m.CPU, m.Kernel, m.CongestionUsed, r.Config.InstanceMTU, r.Config.UnderlayMTU, r.cutText(), r.Config.Seconds, Duration(r.Took))
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) cutText() string {
	if r.Config.Cut {
		return " (packets cut to it)"
	}
	return " (superpackets pass whole)"
}
