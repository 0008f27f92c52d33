package conformance

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hyperplane/golden"
	"hyperplane/packet"
	"hyperplane/testnet/lab"
)

// TestKernel plays the scripts that ask for it on the kernel's NAT, up to the first
// "advance" of more than a second: the kernel's clock cannot be moved. What only our
// cell has (flows, drops) is not asked.
//
// The kernel's lines stand below "kernel:" where they are others than ours; -rewrite
// renews them. A step has a comment "# kernel: why" if, and only if, it has such lines.
func TestKernel(t *testing.T) {
	golden.Scripts(t, scripts, guards, func(t *testing.T, text *golden.Script) {
		h, err := parseHeader(text)
		if err != nil {
			t.Fatal(err)
		}
		if !h.kernel {
			for _, b := range text.Blocks {
				if _, kernel := split(b.Happened); kernel != "" || kernelReason(b.Text) != "" {
					t.Errorf("the kernel is not asked here, but is said to answer:\n%s", b.Text)
				}
			}
			return
		}
		playOnKernel(t, text, h.profiles()[0])
	})
}

func playOnKernel(t *testing.T, text *golden.Script, profile string) {
	t.Helper()
	edits := ""
	for i := range text.Blocks {
		if command, argument := text.Blocks[i].Command(); command == "world" {
			edits = argument
		}
	}
	state, err := world(0, profile, edits)
	if err != nil {
		t.Fatal(err)
	}
	k := newKernel(t, state)
	k.names.know(state)
	for i := range text.Blocks {
		b := &text.Blocks[i]
		command, argument := b.Command()
		if tooLong(command) {
			return
		}
		if !b.Step || !forAnyNAT(command) {
			continue
		}
		lines, err := k.run(command, argument)
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		ours, _ := split(b.Happened)
		kernel := strings.Join(lines, "\n") + "\n"
		if kernel == ours {
			kernel = ""
		}
		b.Happened = ours
		if kernel != "" {
			b.Happened += kernelMark + "\n" + kernel
		}
		if (kernel != "") != (kernelReason(b.Text) != "") {
			t.Errorf("%s: a comment \"# kernel: why\" belongs where the kernel does otherwise, and only there; ours:\n%skernel:\n%s", command, ours, kernel)
		}
	}
}

// tooLong reports whether a command lets more time pass than can be waited for.
func tooLong(command string) bool {
	rest, ok := strings.CutPrefix(command, "advance ")
	d, err := time.ParseDuration(rest)
	return ok && (err != nil || d > time.Second)
}

// forAnyNAT reports whether a command is one that any NAT can be asked.
func forAnyNAT(command string) bool {
	verb, _, _ := strings.Cut(command, " ")
	return verb == "send" || verb == "reply"
}

// run sends the packets of one command and returns what came out.
func (k *kernel) run(command, argument string) ([]string, error) {
	verb, rest, _ := strings.Cut(command, " ")
	from := k.outside
	if verb == "send" {
		_, rest, _ = strings.Cut(rest, " ")
		from = k.inside
	}
	ps, err := k.names.packets(rest, argument)
	if errors.Is(err, errNoName) {
		return one("cannot be said: " + errNoName.Error()), nil
	}
	if err != nil {
		return nil, err
	}
	for i := range ps {
		from.Write(&ps[i])
	}
	from.Flush()
	return k.arrived()
}

// arrived waits until nothing comes any more, and prints what came, in the order of
// script.arrived.
func (k *kernel) arrived() (lines []string, err error) {
	in, out, err := k.read()
	if err != nil {
		return nil, err
	}
	for _, p := range in {
		lines = append(lines, k.instanceOf(p)+": "+k.names.line(p))
	}
	for _, p := range out {
		lines = append(lines, internet+": "+k.names.line(p))
	}
	return orNothing(lines), nil
}

func (k *kernel) instanceOf(p packet.Packet) string {
	if len(p.Data) >= packet.IPv4HeaderLen {
		for _, in := range k.state.Instances {
			if in.Addr == packet.IPv4(p.Data).Dst() {
				return in.Name
			}
		}
	}
	return "inside"
}

// needKernel skips the test where namespaces cannot be made, and says what is missing.
func needKernel(t *testing.T, err error) {
	t.Helper()
	var missing *lab.MissingFeatureError
	if errors.Is(err, lab.ErrNotRoot) || errors.As(err, &missing) {
		t.Skipf("not supported here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// nothingLeft fails the test if a namespace is left.
func nothingLeft(t *testing.T) {
	t.Helper()
	if names, err := lab.Names(prefix); err != nil || len(names) > 0 {
		t.Errorf("namespaces left: %v (%v)", names, err)
	}
	if left, err := filepath.Glob("/run/" + prefix + "files*"); err != nil || len(left) > 0 {
		t.Errorf("files left: %v (%v)", left, err)
	}
}
