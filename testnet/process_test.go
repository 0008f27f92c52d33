package testnet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hyperplane/testnet/lab"
)

func TestPidFile(t *testing.T) {
	dir := Dir(t.TempDir())
	want := lab.ProcessID{PID: 4711, Start: 12345678}
	if err := writePid(dir, "node-1", want); err != nil {
		t.Fatal(err)
	}
	if got, ok := readPid(dir, "node-1"); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
	for _, text := range []string{"", "4711", "x 1", "1 1", "0 1", "-1 5", "4711 -1", "4711 1 1", "99999999999999999999 1"} {
		if err := os.WriteFile(dir.pid("node-1"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, ok := readPid(dir, "node-1"); ok {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// The arguments of the roles are what others script against, and Start's are
// the same as Up's.
func TestArguments(t *testing.T) {
	var got []string
	for _, p := range load(t, "default").Parts() {
		if p.HasProcess() && (strings.HasSuffix(p.Name, "-1") || p.Name == "web") {
			got = append(got, strings.Join(p.args("/run/x"), " "))
		}
	}
	want := []string{
		"testnet serve --name web --admin unix:/run/x/web.sock --topology /run/x/topology.yaml",
		"node --name node-1 --admin unix:/run/x/node-1.sock --state /run/x/state.yaml",
		"blackfoot --name edge-1 --admin unix:/run/x/edge-1.sock --state /run/x/state.yaml",
		"nitro --name host-1 --admin unix:/run/x/host-1.sock --state /run/x/state.yaml",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("HYPERPLANE_RUN", "")
	if d := DefaultDir(); d != "/run/hyperplane/testnet" {
		t.Error(d)
	}
	t.Setenv("HYPERPLANE_RUN", "some/where")
	if d := DefaultDir(); !filepath.IsAbs(string(d)) || !strings.HasSuffix(string(d), "/some/where") {
		t.Error(d)
	}
}
