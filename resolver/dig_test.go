package resolver

import (
	"net"
	"os/exec"
	"strings"
	"testing"
)

// dig, as an instance has it, sees what a resolver with DNS64 should say.
func TestDig(t *testing.T) {
	if _, err := exec.LookPath("dig"); err != nil {
		t.Skip("not supported here: dig (scripts/packages installs it)")
	}
	r := start(t, everyone(well), nil, upstream(t, upstreamAddr, world().serve))
	_, port, _ := net.SplitHostPort(r.addr)
	for _, c := range []struct {
		args string
		want []string // all of them are in dig's output
	}{
		{"+short v4.example AAAA", []string{"64:ff9b::808:808"}},
		{"+short +tcp v4.example AAAA", []string{"64:ff9b::808:808"}},
		{"+short v6.example AAAA", []string{"2001:db8::1"}},
		{"+short -x 64:ff9b::808:808", []string{"8.8.8.8.in-addr.arpa.", "v4.example."}},
		{"+short ipv4only.arpa AAAA", []string{"64:ff9b::c000:aa", "64:ff9b::c000:ab"}},
		{"no.example AAAA", []string{"status: NXDOMAIN"}},
		{"+dnssec +cdflag v4.example AAAA", []string{"ANSWER: 0", "flags: do"}},
		{"+noedns big.example AAAA", []string{"Truncated, retrying in TCP", "ANSWER: 100"}},
		{"+bufsize=1232 +ignore big.example AAAA", []string{" tc ", "udp: 1232"}},
		{"+edns=1 +noednsneg v4.example AAAA", []string{"status: BADVERS"}},
		{"+opcode=notify v4.example AAAA", []string{"status: NOTIMP"}},
		{"v4.example AXFR", []string{"failed"}},
	} {
		args := append([]string{"@127.0.0.1", "-p", port, "+time=5", "+tries=1"}, strings.Fields(c.args)...)
		out, err := exec.Command("dig", args...).CombinedOutput()
		for _, w := range c.want {
			if !strings.Contains(string(out), w) {
				t.Errorf("dig %s: %v; %q is missing in\n%s", strings.Join(args, " "), err, w, out)
			}
		}
	}
	r.settled(t)
}
