package testnet

import (
	"regexp"
	"strings"
	"testing"
)

// The commands as they are scripted, twice in a row.
func TestScriptedByUsers(t *testing.T) {
	dir := runDir(t)
	for range 2 {
		for _, line := range []struct{ command, says string }{
			{"testnet up", "testnet default is up"},
			{"testnet status", "hp-green-1"},
			{"testnet exec blue-1 -- curl -sm 10 http://203.0.113.10/", "You are 198.51.100.1:"},
			{"testnet exec green-1 -- curl -sm 10 http://203.0.113.10/", "You are 198.51.100.2:"},
			{"testnet exec blue-1 -- iperf3 -c 203.0.113.10 -t 1", "receiver"},
			{"testnet exec blue-1 -- ping -c 1 -W 5 203.0.113.10", "1 received"},
			{"testnet exec blue-1 -- ping -c 1 -W 5 10.0.1.11", "1 received"},
			{"testnet logs node-1", "ready"},
			{"testnet down", "testnet is down"},
		} {
			r := hyperplane(t, dir, strings.Fields(line.command)...)
			if r.code != 0 || !strings.Contains(r.stdout, line.says) {
				t.Fatalf("%s: code %d\n%s%s", line.command, r.code, r.stdout, r.stderr)
			}
		}
		nothingLeft(t, dir)
	}
}

// Each command explains itself with an example, however deep it is.
func TestEveryCommandHasAnExample(t *testing.T) {
	dir := Dir(t.TempDir())
	listed := regexp.MustCompile(`(?m)^  ([a-z]+) `)
	seen := 0
	var walk func(path []string)
	walk = func(path []string) {
		r := hyperplane(t, dir, append(path, "--help")...)
		if r.code != 0 || r.stderr != "" {
			t.Errorf("%v --help: code %d, %s", path, r.code, r.stderr)
		}
		seen++
		_, commands, groups := strings.Cut(r.stdout, "Available Commands:\n")
		_, example, _ := strings.Cut(r.stdout, "Examples:\n")
		if len(path) > 0 && !strings.Contains(example, "  hyperplane "+strings.Join(path, " ")) {
			t.Errorf("%v has no example:\n%s", path, r.stdout)
		}
		if !groups {
			return
		}
		commands, _, _ = strings.Cut(commands, "\n\n")
		for _, m := range listed.FindAllStringSubmatch(commands, -1) {
			if m[1] != "help" && m[1] != "completion" { // those that the library adds
				walk(append(path[:len(path):len(path)], m[1]))
			}
		}
	}
	walk(nil)
	if seen < 10 {
		t.Errorf("only %d commands found", seen)
	}
}

// Wrong use ends with 2 and says where help is; a failure ends with 1.
func TestExitCodes(t *testing.T) {
	dir := runDir(t)
	for _, tt := range []struct {
		command string
		code    int
		says    string
	}{
		{"nonsense", 2, "nonsense"},
		{"--nonsense", 2, "--help"},
		{"testnet nonsense", 2, "nonsense"},
		{"testnet up --nonsense", 2, "--help"},
		{"testnet up argument", 2, "--help"},
		{"testnet down argument", 2, "--help"},
		{"testnet status -o xml", 2, "text or json"},
		{"testnet exec", 2, "NAME -- CMD"},
		{"testnet kill", 2, "--help"},
		{"testnet kill a b", 2, "--help"},
		{"testnet start", 2, "--help"},
		{"testnet logs", 2, "--help"},
		{"testnet pause", 2, "--help"},
		{"testnet resume a b", 2, "--help"},
		{"testnet partition a", 2, "--help"},
		{"testnet heal a", 2, "two names or none"},
		{"testnet hold --tcp -1", 2, "--help"},
		{"testnet hold --tcp 0 --udp 0", 2, "--help"},
		{"testnet hold --for 0s", 2, "--for"},
		{"testnet hold -o xml", 2, "text or json"},
		{"node", 2, "required"},
		{"node --name node-1", 2, "required"},
		{"node --name node-1 --state x --max-flows 0", 2, "--max-flows"},
		{"nitro --name host-1 --state x --log-level loud", 2, "loud"},
		{"blackfoot argument", 2, "--help"},
		{"gateway", 2, "required"},
		{"explain --vpc blue tcp 10.0.1.10:1", 2, "--help"},
		{"explain --vpc blue sctp 10.0.1.10:1 203.0.113.10:1", 2, "tcp, udp or icmp"},
		{"explain --vpc blue tcp nobody 203.0.113.10:1", 2, "ADDRESS:PORT"},
		{"explain tcp 10.0.1.10:1 203.0.113.10:1", 2, "vpc"},
		{"bench -o xml", 2, "xml"},
		{"bench --subject nonsense", 2, "nonsense"},
		{"node --name node-1 --state no-such-file", 1, "no-such-file"},
		{"testnet up -f no-such-file", 1, "no-such-file"},
		{"testnet status", 1, "testnet up"},
	} {
		if r := hyperplane(t, dir, strings.Fields(tt.command)...); r.code != tt.code || !strings.Contains(r.stderr, tt.says) {
			t.Errorf("%s: code %d, want %d; it says %q, want %q in it", tt.command, r.code, tt.code, r.stderr, tt.says)
		}
	}
}

// explain says which slot, node, entry and timers a flow has, and why its last
// packet was dropped.
func TestExplain(t *testing.T) {
	dir := bringUp(t, "default")
	says := func(want []string, args ...string) {
		t.Helper()
		r := hyperplane(t, dir, append([]string{"explain", "--vpc", "blue"}, args...)...)
		if r.code != 0 {
			t.Errorf("%v: code %d: %s", args, r.code, r.stderr)
		}
		for _, w := range want {
			if !regexp.MustCompile(`(?m)^` + w + `$`).MatchString(r.stdout) {
				t.Errorf("%v lacks %q:\n%s", args, w, r.stdout)
			}
		}
	}
	never := []string{
		`flow +tcp 10\.0\.1\.10:20000 > 203\.0\.113\.10:7 vni 100`, `instance +blue-1 on host-1`, `route +nat`,
		`gateway +nat-blue`, `slot +\d+ of 1024, owned by node-[123], held by node-[123] and node-[123]`, `entry +none: the flow is not open`,
	}
	says(never, "tcp", "10.0.1.10:20000", web+":7")
	c := dialEcho(t, "blue-1", "tcp", "10.0.1.10:20000", web+":7")
	if err := c.echo("hello"); err != nil {
		t.Fatal(err)
	}
	says(append(never[:5:5], `entry +198\.51\.100\.1:\d+ as established, cached by its Top`,
		`timers +open \S+, idle \S+, forgotten in 5m\S+ if silent`,
		`traffic +out \d+ packets \d+ bytes by edge-[12], in \d+ packets \d+ bytes`), "tcp", "10.0.1.10:20000", web+":7")
	inside(t, "blue-1", "ping", "-nc1", "-W5", "-e77", web)
	says([]string{`flow +icmp 10\.0\.1\.10:77 > 203\.0\.113\.10:0 vni 100`, `entry +198\.51\.100\.1:\d+ as active, cached by its Top`}, "icmp", "10.0.1.10:77", web)
	says([]string{`route +local`}, "udp", "10.0.1.10:1", "10.0.1.11:2")

	// A packet that expires at the gateway is dropped, and that is remembered.
	if out, _ := insideErr(t, "blue-1", "ping", "-nc1", "-W5", "-t1", "-e78", web); !strings.Contains(out, "From 10.0.0.5") || !strings.Contains(out, "Time to live exceeded") {
		t.Errorf("a TTL of 1: %s", out)
	}
	says([]string{`entry +none: the flow is not open`, `last drop +ttl_expired, \S+ ago: .*`}, "icmp", "10.0.1.10:78", web)
}
