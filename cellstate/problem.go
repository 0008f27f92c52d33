package cellstate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a state file.
type Problem struct {
	File string
	Line int    // 0: the Spec was built in memory
	Path string // like nat_gateways[0].public_addresses[1]; empty for the file as a whole
	Text string // what is wrong, and what is allowed or what to do
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	return b.String() + ": " + p.Text
}

// Problems is the error of Parse, Load and Compile: everything that is wrong,
// by line. At most problemsMax are listed.
type Problems struct {
	List []Problem
	More int // found beyond those listed
}

func (p *Problems) Error() string {
	var b strings.Builder
	for i, q := range p.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(q.String())
	}
	if p.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more", p.List[0].File, p.More)
	}
	return b.String()
}

// report collects problems and knows where in the file each path stands.
type report struct {
	file   string
	lines  map[string]int  // of every value in the file; nil for a Spec built in memory
	bad    map[string]bool // paths that have a problem: a second one about the same value would be noise
	unread map[string]bool // paths whose value could not be read: nothing below them is missing
	found  Problems
}

func newReport(file string) *report {
	return &report{file: file, bad: map[string]bool{}, unread: map[string]bool{}}
}

// at adds a problem with the value at path.
func (r *report) at(path, format string, args ...any) {
	for p := path; p != "" && len(r.unread) > 0; p = parent(p) {
		if r.unread[p] {
			return
		}
	}
	r.atLine(r.line(path), path, format, args...)
}

// misread adds a problem with the form of the value at path.
func (r *report) misread(line int, path, format string, args ...any) {
	r.unread[path] = true
	r.atLine(line, path, format, args...)
}

func (r *report) atLine(line int, path, format string, args ...any) {
	if path != "" && r.bad[path] {
		return
	}
	if len(r.found.List) == problemsMax {
		r.found.More++
		return
	}
	r.bad[path] = true
	r.found.List = append(r.found.List, Problem{r.file, line, path, fmt.Sprintf(format, args...)})
}

// line is where the value at path stands or, when it is missing, what should
// have held it.
func (r *report) line(path string) int {
	for {
		if n, ok := r.lines[path]; ok {
			return n
		}
		if path == "" {
			return 0
		}
		path = parent(path)
	}
}

// parent is the path of the mapping or list that holds the value at path.
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// given reports whether the file has a value at path. A Spec built in memory
// cannot say.
func (r *report) given(path string) bool { _, ok := r.lines[path]; return ok }

// err returns the problems by line, those of one line as they were found, or nil.
func (r *report) err() error {
	if len(r.found.List) == 0 {
		return nil
	}
	slices.SortStableFunc(r.found.List, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return &r.found
}

// quote shows a value from the file, shortened.
func quote(s string) string {
	if len(s) > nameLenMax {
		s = s[:nameLenMax] + "…"
	}
	return fmt.Sprintf("%q", s)
}
