package testnet

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"hyperplane/cellstate"
	"hyperplane/testnet/lab"
)

// ParseTopology reads a topology file's content. The error lists all problems
// at once, each with file, line and path; name is what it calls the file.
//
//  1. read the YAML tree, which knows the lines
//  2. read the underlay and the internet from it
//  3. hand the text under state: to cellstate, at the same line numbers
//  4. check what only both together can be wrong about
func ParseTopology(name string, data []byte) (*Topology, error) {
	p := &problems{file: name}
	if len(data) > fileBytesMax {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, fileBytesMax)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(doc.Content) != 1 {
		return nil, fmt.Errorf("%s:1: the file is empty: want underlay, internet and state", name)
	}
	t := &Topology{Text: data}
	var state *yaml.Node
	var at lines
	p.mapping(doc.Content[0], "", fields{
		"underlay": func(n *yaml.Node, path string) {
			p.mapping(n, path, fields{
				"network":  func(n *yaml.Node, path string) { t.Underlay = p.prefix(n, path); at.underlay = n },
				"spares":   func(n *yaml.Node, path string) { t.Spares, at.spares = p.machines(n, path, false) },
				"services": func(n *yaml.Node, path string) { t.Services, at.services = p.machines(n, path, false) },
			}, "spares", "services")
		},
		"internet": func(n *yaml.Node, path string) { t.parseInternet(p, &at, n, path) },
		"state":    func(n *yaml.Node, _ string) { state = n },
	})
	var stateErr error
	if state != nil {
		var shifted []byte
		if t.StateText, shifted = stateText(p, data, doc.Content[0], state); shifted != nil {
			t.State, stateErr = cellstate.Parse(name, shifted)
		}
	}
	if t.State != nil && p.none() {
		t.check(p, &at, state)
	}
	if err := p.err(); err != nil || stateErr != nil {
		return nil, errors.Join(err, stateErr)
	}
	return t, nil
}

// lines remembers where values stood, for the checks of the whole.
type lines struct {
	underlay, router, router6, transit, transit6, public *yaml.Node
	hosts, spares, services                              []*yaml.Node
}

func (t *Topology) parseInternet(p *problems, at *lines, n *yaml.Node, path string) {
	p.mapping(n, path, fields{
		"router":   func(n *yaml.Node, path string) { t.Router = p.addr(n, path); at.router = n },
		"router6":  func(n *yaml.Node, path string) { t.Router6 = p.addr6(n, path); at.router6 = n },
		"transit":  func(n *yaml.Node, path string) { t.Transit = p.prefix(n, path); at.transit = n },
		"transit6": func(n *yaml.Node, path string) { t.Transit6 = p.prefix6(n, path); at.transit6 = n },
		"public": func(n *yaml.Node, path string) {
			at.public = n
			p.items(n, path, func(n *yaml.Node, path string) { t.Public = append(t.Public, p.anyPrefix(n, path)) })
		},
		"hosts": func(n *yaml.Node, path string) { t.Hosts, at.hosts = p.machines(n, path, true) },
	}, "router6", "transit6")
}

// machines reads a list of names and addresses, with IPv6 addresses if they may
// have them.
func (p *problems) machines(n *yaml.Node, path string, ipv6 bool) (list []Host, at []*yaml.Node) {
	p.items(n, path, func(n *yaml.Node, path string) {
		var h Host
		f := fields{
			"name":    func(n *yaml.Node, path string) { h.Name = p.name(n, path) },
			"address": func(n *yaml.Node, path string) { h.Address = p.addr(n, path) },
		}
		if ipv6 {
			f["ipv6_address"] = func(n *yaml.Node, path string) { h.Address6 = p.addr6(n, path) }
		}
		p.mapping(n, path, f, "ipv6_address")
		list, at = append(list, h), append(at, n)
	})
	if len(list) > hostsMax {
		p.add(n, path, "%d machines: at most %d", len(list), hostsMax)
	}
	return list, at
}

// stateText cuts the block under state: out of the file. text is what the
// roles read; shifted is the same after as many empty lines as stood before it,
// so that an error's line is the topology file's.
func stateText(p *problems, data []byte, root, state *yaml.Node) (text, shifted []byte) {
	if state.Kind != yaml.MappingNode || state.Style&yaml.FlowStyle != 0 || len(state.Content) == 0 || state.Anchor != "" {
		p.add(state, "state", "want the cell's state as an indented block")
		return nil, nil
	}
	rows := bytes.SplitAfter(data, []byte("\n"))
	end := len(rows)
	for i := 0; i+1 < len(root.Content); i += 2 {
		if key := root.Content[i]; key.Line > state.Line && key.Line-1 < end {
			end = key.Line - 1
		}
	}
	indent := bytes.Repeat([]byte(" "), state.Column-1)
	for _, row := range rows[state.Line-1 : end] {
		rest, ok := bytes.CutPrefix(row, indent)
		switch {
		case ok:
			text = append(text, rest...)
		case len(bytes.TrimSpace(row)) == 0, bytes.HasPrefix(bytes.TrimSpace(row), []byte("#")):
			text = append(text, '\n') // a comment that stands further out
		default:
			p.add(state, "state", "want every line of the block indented by at least %d spaces", state.Column-1)
			return nil, nil
		}
	}
	return text, append(bytes.Repeat([]byte("\n"), state.Line-1), text...)
}

// stateNode finds the place of a value in the state, for its line.
func stateNode(state *yaml.Node, list string, index int, field string) *yaml.Node {
	n := child(child(state, list), index)
	if f := child(n, field); f != nil {
		return f
	}
	return n
}

// child is the value at a key of a mapping or at an index of a list, or nil.
func child(n *yaml.Node, key any) *yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch k := key.(type) {
	case string:
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == k {
				return n.Content[i+1]
			}
		}
	case int:
		if n.Kind == yaml.SequenceNode && k < len(n.Content) {
			return n.Content[k]
		}
	}
	return nil
}

// validName is what a part may be called: it becomes a file's and a link's name.
func validName(s string) bool {
	if s == "" || len(s) > lab.LinkNameMax {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-'
}

func within(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
