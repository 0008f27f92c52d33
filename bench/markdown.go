package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// WriteReport writes the result as Markdown: the figures, and everything that
// somebody needs to measure them again.
func (r *Result) WriteReport(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Measured side by side\n\n")
	fmt.Fprintf(&b, "Medians of %s, interleaved, with the least and the most; a ratio is taken within each round.\n", rounds(r.Config.Rounds))
	for _, k := range r.blocks() {
		fmt.Fprintf(&b, "\n## %s\n\nRatio: `%s` / `%s`.\n\n", k.Title, k.Subject, k.Reference)
		fmt.Fprintf(&b, "| | ratio | %s | %s | unit | |\n|---|---|---|---|---|---|\n", k.Subject, k.Reference)
		for _, x := range k.rows {
			fmt.Fprintf(&b, "| %s | **%s** | %s | %s | %s | %s |\n", x.title, escape(x.ratio), escape(x.subject), escape(x.reference), x.unit, x.re)
		}
	}
	if notes := r.notes(); len(notes) > 0 {
		b.WriteString("\n## Notes\n\n")
		for _, n := range notes {
			fmt.Fprintf(&b, "- %s\n", escape(n))
		}
	}
	if len(r.Problems) > 0 {
		b.WriteString("\n## Not measured\n\n")
		for _, p := range r.Problems {
			fmt.Fprintf(&b, "- %s\n", strings.ReplaceAll(p.String(), "\n", "\n  "))
		}
	}
	r.writeSubjects(&b)
	r.writeMachine(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// escape keeps the star of a noisy reading from being read as markup.
func escape(s string) string { return strings.ReplaceAll(s, "*", `\*`) }

func (r *Result) writeSubjects(b *strings.Builder) {
	b.WriteString("\n## The paths\n\n")
	for _, s := range subjects {
		if slices.Contains(r.Config.Subjects, s.name) {
			fmt.Fprintf(b, "- `%s`: %s.\n", s.name, s.title)
		}
	}
}

func (r *Result) writeMachine(b *strings.Builder) {
	m := &r.Machine
	b.WriteString("\n## Measured on\n\n| | |\n|---|---|\n")
	for _, line := range [][2]string{
		{"command", "`" + r.Command + "`"},
		{"date", r.Started.UTC().Format(time.RFC3339)},
		{"took", Duration(r.Took)},
		{"rounds, seconds each", fmt.Sprintf("%d, %d", r.Config.Rounds, r.Config.Seconds)},
		{"instance MTU", fmt.Sprint(r.Config.InstanceMTU)},
		{"underlay MTU", fmt.Sprint(r.Config.UnderlayMTU) + r.cutText()},
		{"congestion control", fmt.Sprintf("%s (the machine's default is %s)", m.CongestionUsed, m.CongestionDefault)},
		{"CPU", fmt.Sprintf("%d × %s; client, path and server share them", m.CPUs, m.CPU)},
		{"memory", fmt.Sprintf("%d MiB", m.MemoryMiB)},
		{"kernel", m.Kernel},
		{"hyperplane", m.Hyperplane},
		{"Go", m.Go},
		{"iperf3", m.IPerf3},
	} {
		fmt.Fprintf(b, "| %s | %s |\n", line[0], line[1])
	}
}
