package drop

import (
	"regexp"
	"testing"
)

// Every reason has a distinct label fit for Prometheus and a sentence.
func TestTableIsComplete(t *testing.T) {
	label := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	seen := map[string]Reason{}
	for _, r := range All() {
		if !label.MatchString(r.String()) {
			t.Errorf("reason %d: label %q", r, r)
		}
		if prior, ok := seen[r.String()]; ok {
			t.Errorf("reasons %d and %d share the label %q", prior, r, r)
		}
		seen[r.String()] = r
		if m := r.Meaning(); len(m) < 10 || m[len(m)-1] != '.' {
			t.Errorf("reason %s: meaning %q is no sentence", r, m)
		}
	}
}
