package conformance

import (
	"fmt"
	"slices"
	"strings"

	"hyperplane/golden"
)

// header is what a script's first comment says of it, besides what it guards:
//
//	# Guards …: what is there to be seen, in a sentence or two.
//	# requirement: RFC 4787 REQ-12 met
//	# requirement aws: RFC 5382 REQ-5 deviates: 350 s (said of one profile alone)
//	# profile: aws          it is about gateways of this profile; without, about both
//	# oracle: kernel        the kernel's NAT is asked the same (kernel_test.go)
type header struct {
	guards  string
	claims  []claim
	profile string
	kernel  bool
}

// profiles are those that a gateway may have.
var profiles = []string{"aws", "rfc"}

// profiles are those that a script is about.
func (h *header) profiles() []string {
	if h.profile == "" {
		return profiles
	}
	return []string{h.profile}
}

// claim is what a script shows of a requirement.
type claim struct {
	document, id string
	profile      string // of which alone it is said; empty: of those of the script
	why          string // it deviates; empty: it is met
}

func parseHeader(s *golden.Script) (h header, err error) {
	if len(s.Blocks) == 0 || s.Blocks[0].Step {
		return h, fmt.Errorf("no header")
	}
	for line := range strings.Lines(s.Blocks[0].Text) {
		text, comment := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !comment {
			return h, fmt.Errorf("%q is no comment", line)
		}
		text = strings.TrimSpace(text)
		key, value, _ := strings.Cut(text, ": ")
		switch key {
		case "requirement", "requirement aws", "requirement rfc":
			c, err := parseClaim(value)
			if err != nil {
				return h, err
			}
			c.profile = strings.TrimPrefix(strings.TrimPrefix(key, "requirement"), " ")
			h.claims = append(h.claims, c)
		case "profile":
			if h.profile = value; !slices.Contains(profiles, value) {
				return h, fmt.Errorf("unknown profile %q", value)
			}
		case "oracle":
			if h.kernel = value == "kernel"; !h.kernel {
				return h, fmt.Errorf("unknown oracle %q", value)
			}
		default:
			h.guards += strings.TrimPrefix(text, "Guards ") + " "
		}
	}
	h.guards = strings.TrimSpace(h.guards)
	if len(h.claims) == 0 {
		return h, fmt.Errorf("the header names no requirement")
	}
	return h, nil
}

func parseClaim(text string) (c claim, err error) {
	for _, d := range documents {
		rest, ok := strings.CutPrefix(text, d.name+" ")
		if !ok {
			continue
		}
		c.document = d.name
		c.id, rest, _ = strings.Cut(rest, " ")
		if !slices.ContainsFunc(d.requirements, func(r requirement) bool { return r.id == c.id }) {
			return c, fmt.Errorf("%s has no requirement %q", d.name, c.id)
		}
		why, deviates := strings.CutPrefix(rest, "deviates: ")
		if deviates && why != "" {
			c.why = why
		} else if rest != "met" {
			return c, fmt.Errorf("%q: want met, or deviates and why", text)
		}
		return c, nil
	}
	return c, fmt.Errorf("%q names no document that is known", text)
}
