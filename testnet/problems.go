package testnet

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"hyperplane/testnet/lab"
)

// problems collects what is wrong with a file, so that one run names it all.
type problems struct {
	file string
	list []problem
}

type problem struct {
	line int
	text string
}

func (p *problems) none() bool { return len(p.list) == 0 }

func (p *problems) add(n *yaml.Node, path, format string, args ...any) {
	line := 1
	if n != nil {
		line = max(1, n.Line)
	}
	if path == "" {
		path = "file"
	}
	p.list = append(p.list, problem{line, fmt.Sprintf("%s:%d: %s: %s", p.file, line, path, fmt.Sprintf(format, args...))})
}

// err is one error with a line per problem, in the file's order, or nil.
func (p *problems) err() error {
	if p.none() {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b problem) int { return cmp.Compare(a.line, b.line) })
	var texts []string
	for _, q := range p.list {
		texts = append(texts, q.text)
	}
	return errors.New(strings.Join(texts, "\n"))
}

// fields are the keys of a mapping with their readers.
type fields map[string]func(n *yaml.Node, path string)

func (f fields) names() string {
	var names []string
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// mapping reads a mapping strictly: unknown, repeated and missing keys are
// problems, but that those named optional may be missing.
func (p *problems) mapping(n *yaml.Node, path string, f fields, optional ...string) {
	if n.Kind != yaml.MappingNode {
		p.add(n, path, "want a mapping with %s", f.names())
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		switch read := f[key.Value]; {
		case read == nil:
			p.add(key, at, "unknown field: want %s", f.names())
		case seen[key.Value]:
			p.add(key, at, "given twice")
		default:
			seen[key.Value] = true
			read(n.Content[i+1], at)
		}
	}
	for name := range f {
		if !seen[name] && !slices.Contains(optional, name) {
			p.add(n, strings.TrimPrefix(path+"."+name, "."), "is missing")
		}
	}
}

// items reads a list, each element by read.
func (p *problems) items(n *yaml.Node, path string, read func(n *yaml.Node, path string)) {
	if n.Kind != yaml.SequenceNode {
		p.add(n, path, "want a list")
		return
	}
	for i, e := range n.Content {
		read(e, fmt.Sprintf("%s[%d]", path, i))
	}
}

func (p *problems) name(n *yaml.Node, path string) string {
	if n.Kind != yaml.ScalarNode || !validName(n.Value) {
		p.add(n, path, "%q: want 1 to %d of a-z, 0-9 and -, not beginning with -", n.Value, lab.LinkNameMax)
	}
	return n.Value
}

func (p *problems) addr(n *yaml.Node, path string) netip.Addr {
	a, err := netip.ParseAddr(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || !a.Is4() || !usable(a) {
		p.add(n, path, "%q: want an IPv4 address that a host may have, such as 203.0.113.10", n.Value)
	}
	return a
}

func (p *problems) addr6(n *yaml.Node, path string) netip.Addr {
	a, err := netip.ParseAddr(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || !a.Is6() || !usable(a) {
		p.add(n, path, "%q: want an IPv6 address that a host may have, such as 2001:db8:ffff::10", n.Value)
	}
	return a
}

func (p *problems) prefix(n *yaml.Node, path string) netip.Prefix {
	a, ok := readPrefix(n)
	if !ok || !a.Addr().Is4() {
		p.add(n, path, "%q: want an IPv4 network with its host bits zero, such as 198.51.100.0/24", n.Value)
	}
	return a
}

func (p *problems) prefix6(n *yaml.Node, path string) netip.Prefix {
	a, ok := readPrefix(n)
	if !ok || !a.Addr().Is6() {
		p.add(n, path, "%q: want an IPv6 network with its host bits zero, such as 2001:db8:fffe::/64", n.Value)
	}
	return a
}

func (p *problems) anyPrefix(n *yaml.Node, path string) netip.Prefix {
	a, ok := readPrefix(n)
	if !ok {
		p.add(n, path, "%q: want an IPv4 or IPv6 network with its host bits zero, such as 198.51.100.0/24 or 2001:db8::/36", n.Value)
	}
	return a
}

// readPrefix reads a prefix of either family that some hosts may have.
func readPrefix(n *yaml.Node) (netip.Prefix, bool) {
	a, err := netip.ParsePrefix(n.Value)
	return a, n.Kind == yaml.ScalarNode && err == nil && a == a.Masked() && a.Bits() >= 8 && usable(a.Addr())
}

// usable excludes what no link can carry as a unicast address, and of IPv6 what
// RFC 6890 has reserved or for one link only.
func usable(a netip.Addr) bool {
	if a.Is6() {
		first := a.As16()[0]
		return first != 0 && first < 0xfe && a.Zone() == ""
	}
	first := a.As4()[0]
	return first != 0 && first != 127 && first < 224
}
