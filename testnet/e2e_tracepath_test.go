package testnet

import (
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tracepath finds the gateway at one hop, and both places where packets of its
// instance's size do not fit: the gateway, for the internet's MTU (I11), and a
// narrower link behind the internet's router, whose "fragmentation needed" is
// translated.
func judgedByTracepath(t *testing.T, _ Dir) {
	answerAll(t)
	narrow(t)
	forgetPaths(t, "blue-1", "green-1")
	out := inside(t, "blue-1", "tracepath", "-n", web)
	want(t, out, "[LOCALHOST]                      pmtu 8500", "Resume: pmtu 1500 hops 4 back 4")
	sameHops(t, out, "10.0.0.5 (198.18.0.[23]) 203.0.113.1 "+web)
	if m := regexp.MustCompile(`(?m)^ \d+: +(\S+) .*pmtu (\d+)`).FindAllString(out, -1); len(m) != 1 || !strings.Contains(m[0], " 10.0.0.5 ") {
		t.Errorf("%q lower the path's MTU, want the gateway only", m)
	}
	out = inside(t, "green-1", "tracepath", "-n", peer)
	want(t, out, "[LOCALHOST]                      pmtu 1500", "Resume: pmtu 1400 hops 4 back 4")
	sameHops(t, out, "10.0.0.5 (198.18.0.[23]) 203.0.113.1 "+peer)
	if !regexp.MustCompile(`203\.0\.113\.1 .*pmtu 1400`).MatchString(out) {
		t.Errorf("the internet's router does not say pmtu 1400:\n%s", out)
	}
}

// traceroute finds the same hops by UDP, ICMP echo and TCP SYN: "time exceeded"
// of every router on the way reaches the instance, translated, for each of them.
func judgedByTraceroute(t *testing.T, _ Dir) {
	answerAll(t)
	for _, args := range [][]string{nil, {"-I"}, {"-T", "-p", "80"}} {
		out := inside(t, "blue-1", append(append([]string{"traceroute", "-n", "-q", "1", "-w", "2"}, args...), web)...)
		sameHops(t, out, "10.0.0.5 (198.18.0.[23]) 203.0.113.1 "+web)
	}
}

// sameHops compares the addresses that a trace shows, each once, with a pattern.
func sameHops(t *testing.T, out, pattern string) {
	t.Helper()
	var hops []string
	for _, m := range regexp.MustCompile(`(?m)^ *\d+:? +(\d+\.\d+\.\d+\.\d+) `).FindAllStringSubmatch(out, -1) {
		hops = append(hops, m[1])
	}
	if got := strings.Join(slices.Compact(hops), " "); !regexp.MustCompile("^" + strings.ReplaceAll(pattern, ".", `\.`) + "$").MatchString(got) {
		t.Errorf("hops %s, want %s:\n%s", got, pattern, out)
	}
}

// answerAll lifts the kernel's bound on ICMP errors for one receiver from the
// internet's router and the edges: a trace would show stars.
func answerAll(t *testing.T) {
	t.Helper()
	for _, name := range []string{"web", "internet", "edge-1", "edge-2"} {
		inside(t, name, "sh", "-c", "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit")
	}
}

// narrow gives the link of peer an MTU of 1400 bytes, for one test.
func narrow(t *testing.T) {
	t.Helper()
	set := func(mtu string) {
		for name, link := range map[string]string{"internet": "peer", "peer": hostLink} {
			cmd := exec.Command("ip", "link", "set", link, "mtu", mtu)
			if err := errors.Join(StartIn(name, cmd), cmd.Wait()); err != nil {
				t.Errorf("%s: MTU of %s: %v", name, link, err)
			}
		}
	}
	set("1400")
	t.Cleanup(func() { set("1500") })
}

// forgetPaths makes kernels forget what MTUs of paths they have learnt.
func forgetPaths(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		inside(t, name, "ip", "route", "flush", "cache")
	}
}
