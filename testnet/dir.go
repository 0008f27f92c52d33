package testnet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Dir is the run directory of a testnet.
type Dir string

// DefaultDir is HYPERPLANE_RUN, or /run/hyperplane/testnet.
func DefaultDir() Dir {
	if d := os.Getenv("HYPERPLANE_RUN"); d != "" {
		if abs, err := filepath.Abs(d); err == nil {
			return Dir(abs)
		}
		return Dir(filepath.Clean(d))
	}
	return defaultDir
}

const defaultDir Dir = "/run/hyperplane/testnet"

// State is the path of the state file that every role reads and reloads.
func (d Dir) State() string { return d.file("state.yaml") }

// Admin is the path of a part's admin socket: HTTP with /metrics and /healthz.
func (d Dir) Admin(name string) string { return d.socket(name) }

func (d Dir) topology() string          { return d.file("topology.yaml") }
func (d Dir) socket(name string) string { return d.file(name + ".sock") }
func (d Dir) notify(name string) string { return d.file(name + ".notify") }
func (d Dir) pid(name string) string    { return d.file(name + ".pid") }
func (d Dir) log(name string) string    { return d.file(name + ".log") }
func (d Dir) file(name string) string   { return filepath.Join(string(d), name) }

// ours reports whether a file of that name in the run directory is one that
// the testnet makes. Down removes these and leaves what a user put there.
func ours(name string) bool {
	switch filepath.Ext(name) {
	case ".pid", ".log", ".sock", ".notify", ".tmp":
		return true
	}
	return name == "state.yaml" || name == "topology.yaml"
}

// files lists the testnet's files in the run directory.
func (d Dir) files() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if ours(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// make creates the directory with the topology's files in it.
func (d Dir) make(t *Topology) error {
	for _, p := range t.Parts() {
		if path := d.notify(p.Name); len(path) > socketPathMax {
			return fmt.Errorf("run directory %s: the path of a socket in it would be %d bytes long, and %d is the most: set HYPERPLANE_RUN to a shorter path",
				d, len(path), socketPathMax)
		}
	}
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	if err := writeFile(d.topology(), t.Text); err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	if err := writeFile(d.State(), t.StateText); err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	return nil
}

// remove deletes the testnet's files and then the directory if it is empty,
// and returns how many files and directories that were.
func (d Dir) remove() (int, error) {
	if fi, err := os.Lstat(string(d)); err == nil && !fi.IsDir() && d == defaultDir {
		return 1, os.Remove(string(d)) // damaged: something else stands in its place
	}
	names, err := d.files()
	if err != nil {
		return 0, fmt.Errorf("run directory: %w", err)
	}
	n := 0
	for _, name := range names {
		if err := os.RemoveAll(d.file(name)); err != nil {
			return n, fmt.Errorf("run directory: %w", err)
		}
		n++
	}
	if os.Remove(string(d)) == nil {
		n++
	}
	if d == defaultDir {
		os.Remove(filepath.Dir(string(d))) // fails when others use /run/hyperplane
	}
	return n, nil
}

// writeFile replaces a file in one step, so that a reader sees the old content
// or the new one and a crash leaves no half of it.
func writeFile(path string, data []byte) error {
	tmp := strings.TrimSuffix(path, filepath.Ext(path)) + ".tmp"
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
