package demo

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"hyperplane/testnet"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the pictures in testdata")

// golden compares a picture with the one in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *rewrite {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got+"\n", "\n")); d != "" {
		t.Errorf("the picture differs from %s; if it is right, run the test with -rewrite\n%s", path, d)
	}
}

func TestPictures(t *testing.T) {
	for name, scene := range map[string]Scene{
		"beginning": newScene(t), "working": working(t), "killed": killed(t), "one-copy": oneCopy(t), "cut": cut(t),
	} {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}, {60, 18}, {30, 8}} {
			picture := fmt.Sprintf("%s-%dx%d", name, size[0], size[1])
			t.Run(picture, func(t *testing.T) { golden(t, picture, Draw(scene, size[0], size[1]).Text()) })
		}
		t.Run(name+"-plain", func(t *testing.T) { golden(t, name+"-plain", plainPicture(scene)) })
	}
}

// Without colours the picture is the same text: no meaning is in a colour alone.
func TestStyledIsText(t *testing.T) {
	c := Draw(working(t), 120, 40)
	if got := strip(c.Styled()); got != strip(strings.Join(padded(c), "\n")) {
		t.Errorf("got\n%s", got)
	}
}

func padded(c *Canvas) (lines []string) {
	for _, l := range strings.Split(c.Text(), "\n") {
		lines = append(lines, pad(l, c.W))
	}
	return lines
}

// strip removes the terminal's codes.
func strip(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == 0x1b {
			for i < len(s) && s[i] != 'm' {
				i++
			}
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Any size is drawn, in exactly that size, and nothing panics.
func TestAnySize(t *testing.T) {
	scenes := []Scene{{}, newScene(t), working(t), killed(t), oneCopy(t), cut(t)}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(scenes).Draw(t, "scene")
		s.Keys = rapid.Bool().Draw(t, "keys")
		s.Note = rapid.String().Draw(t, "note")
		w, h := rapid.IntRange(-1, widthMax+10).Draw(t, "w"), rapid.IntRange(-1, heightMax+10).Draw(t, "h")
		c := Draw(s, w, h)
		if c.W != max(0, min(w, widthMax)) || c.H != max(0, min(h, heightMax)) {
			t.Fatalf("%dx%d drawn as %dx%d", w, h, c.W, c.H)
		}
		for _, line := range strings.Split(c.Text(), "\n") {
			if width(line) > c.W {
				t.Fatalf("line of %d cells in %d: %q", width(line), c.W, line)
			}
		}
		if strings.ContainsFunc(strings.ReplaceAll(c.Text(), "\n", ""), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatal("a control character in the picture")
		}
	})
}

// A topology with more parts than there is room for is drawn all the same.
func TestManyParts(t *testing.T) {
	s := working(t)
	for i := range 50 {
		s.Plan.Nodes = append(s.Plan.Nodes, fmt.Sprintf("extra-%d", i))
		s.Plan.Instances = append(s.Plan.Instances, InstanceInfo{fmt.Sprintf("red-%d", i), "red", "10.1.0.1", "host-2"})
	}
	golden(t, "many-parts-100x50", Draw(s, 100, 50).Text())
}

// The other embedded topologies have a plan or say why not.
func TestPlanOfEach(t *testing.T) {
	for _, name := range testnet.Builtin() {
		top, err := testnet.LoadTopology(name)
		if err != nil {
			t.Fatal(err)
		}
		tasks, err := Plan(top)
		if name == "internet-only" {
			if err == nil {
				t.Errorf("%s: planned %v", name, tasks)
			}
			continue
		}
		if err != nil || len(tasks) != 14 {
			t.Errorf("%s: %d tasks, %v", name, len(tasks), err)
		}
	}
}

// The two bulk transfers have one 5-tuple: same private address, same port.
func TestTwins(t *testing.T) {
	_, tasks := plan(t)
	var bulk []Task
	for _, task := range tasks {
		if task.Kind.Bulk() {
			bulk = append(bulk, task)
		}
	}
	if len(bulk) != 2 || bulk[0].VPC == bulk[1].VPC || bulk[0].Inside != bulk[1].Inside || bulk[0].Local != bulk[1].Local {
		t.Errorf("bulk transfers %+v", bulk)
	}
}
