package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hyperplane/golden"
)

const conformanceDocument = "../docs/conformance.md"

// docs/conformance.md is made from the scripts' headers:
//
//	go test ./conformance -run TestDocument -rewrite
func TestDocument(t *testing.T) {
	const begin, end = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"
	old, err := os.ReadFile(conformanceDocument)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s lacks the marks %q and %q", conformanceDocument, begin, end)
	}
	golden.File(t, conformanceDocument, head+begin+"\n"+tables(t)+"\n"+end+tail)
}

// told is a script with what its header says.
type told struct {
	name, path string
	header     header
	script     *golden.Script
}

func readAll(t *testing.T) (all []told) {
	t.Helper()
	files, err := filepath.Glob(scripts)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := golden.Parse(string(data))
		h, err := parseHeader(s)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, told{golden.Name(file), "../conformance/" + file, h, s})
	}
	return all
}

func tables(t *testing.T) string {
	all := readAll(t)
	var b strings.Builder
	for _, d := range documents {
		fmt.Fprintf(&b, "## %s: %s\n\n| | asks for | aws | rfc | scripts |\n|---|---|---|---|---|\n", d.name, d.title)
		for _, r := range d.requirements {
			aws, _ := resultOf(d.name, r.id, profiles[:1], all)
			rfc, _ := resultOf(d.name, r.id, profiles[1:], all)
			_, by := resultOf(d.name, r.id, profiles, all)
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.id, r.text, aws, rfc, by)
		}
		b.WriteString("\n")
	}
	b.WriteString("## The kernel's NAT\n\nWhere Linux's nftables masquerade does otherwise with the same packets, in the order of\nthe scripts.\n\n| script | step | the kernel |\n|---|---|---|\n")
	asked, steps := 0, 0
	for _, s := range all {
		if !s.header.kernel {
			continue
		}
		asked++
		for _, block := range s.script.Blocks {
			command, _ := block.Command()
			if tooLong(command) {
				break
			}
			if block.Step && forAnyNAT(command) {
				steps++
			}
			if why := kernelReason(block.Text); why != "" {
				fmt.Fprintf(&b, "| %s | `%s` | %s |\n", link(s), strings.ReplaceAll(command, "|", `\|`), why)
			}
		}
	}
	fmt.Fprintf(&b, "\n%d of the %d scripts are played against the kernel too, with %d steps that are compared.\n", asked, len(all), steps)
	b.WriteString("\n## Cases without a script\n\n| case | why |\n|---|---|\n")
	for _, c := range missing {
		fmt.Fprintf(&b, "| %s | %s |\n", c.cases, c.why)
	}
	return b.String()
}

// resultOf says what the scripts show of a requirement with some of the profiles. One that
// deviates is not outweighed by others that meet it.
func resultOf(document, id string, with []string, all []told) (result, by string) {
	var whys, links []string
	for _, s := range all {
		for _, c := range s.header.claims {
			about := func(profile string) bool {
				return slices.Contains(s.header.profiles(), profile) && (c.profile == "" || c.profile == profile)
			}
			if c.document != document || c.id != id || !slices.ContainsFunc(with, about) {
				continue
			}
			links = append(links, link(s))
			known := false
			for _, w := range whys {
				known = known || w == c.why
			}
			if c.why != "" && !known {
				whys = append(whys, c.why)
			}
		}
	}
	switch {
	case len(links) == 0:
		return "no test", ""
	case len(whys) == 0:
		return "met", strings.Join(links, ", ")
	}
	return "**deviates:** " + strings.Join(whys, "; "), strings.Join(links, ", ")
}

func link(s told) string {
	text := fmt.Sprintf("[%s](%s)", s.name, s.path)
	if s.header.profile != "" {
		text += " (" + s.header.profile + ")"
	}
	return text
}

// kernelReason is what a step says of why the kernel does otherwise.
func kernelReason(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		said, ok := strings.CutPrefix(line, "# kernel: ")
		if !ok && len(words) > 0 {
			said, ok = strings.CutPrefix(line, "#   ") // goes on
		}
		if ok {
			words = append(words, strings.TrimSpace(said))
		}
	}
	return strings.Join(words, " ")
}

// missing are cases that have a name but no script, and why.
var missing = []struct{ cases, why string }{
	{"geneve_overhead, geneve_outer_zero", "the carrier in memory has no outer header; package wire's tests hold the overhead and the zero checksum of the outer UDP"},
	{"privatelink_maps", "not built"},
	{"lb: maglev_add_target_moves_1_over_n, remove_target_old_flows_stay, all_down_fail_open, client_ip_preserved, hairpin_refused, cross_zone, proxy_v2_first_data, udp_stickiness, idle_reset_notice, flow_stickiness_source_ip", "not built: there is no load balancer"},
	{"replication", "scripts of [flowtrack](../flowtrack/testdata), where nodes are lost"},
}
