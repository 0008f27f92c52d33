package doctor

import (
	"os"
	"testing"
)

// Every feature that the tests rely on is here, or the test says which is not;
// examining leaves the caller's namespace alone.
func TestExamine(t *testing.T) {
	before, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Examine() {
		switch {
		case f.Problem == "":
		case f.Required && os.Geteuid() == 0:
			t.Errorf("%s, needed for %s: %s", f.Feature, f.For, f.Problem)
		default:
			t.Logf("missing: %s, needed for %s: %s", f.Feature, f.For, f.Problem)
		}
	}
	after, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil || after != before {
		t.Errorf("namespace %s became %s (%v)", before, after, err)
	}
}
