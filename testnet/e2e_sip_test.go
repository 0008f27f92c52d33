package testnet

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// sipsak asks Kamailio by SIP over UDP with rport (RFC 3581): the answer to the
// source address and port that the server saw arrives, and they are those of
// the flow, though the request itself names private ones.
func judgedBySIP(t *testing.T, dir Dir) {
	modules, err := filepath.Glob("/usr/lib/*/kamailio/modules/sl.so") // * is the machine's architecture
	if err != nil || len(modules) != 1 {
		t.Fatalf("Kamailio's modules are in %q (%v)", modules, err)
	}
	files := folder(t)
	startProgram(t, "web", nil, "kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-w", files, "-Y", files, "-P", files+"/pid",
		"-f", put(t, files+"/conf", `#!KAMAILIO
children=1
disable_tcp=yes
listen=udp:`+web+`:5060
mpath="`+filepath.Dir(modules[0])+`"
loadmodule "sl.so"
request_route {
	force_rport();
	sl_send_reply("200", "OK");
}
`))
	listens(t, "web", "udp", "5060")
	out := inside(t, "blue-1", "sipsak", "-vvv", "-H", "10.0.1.10", "-s", "sip:someone@"+web)
	want(t, out, "Via: SIP/2.0/UDP 10.0.1.10:", "received from: UDP:"+web+":5060", "SIP/2.0 200 OK", "final received")
	seen := regexp.MustCompile(`;rport=(\d+).*;received=([0-9.]+)`).FindStringSubmatch(out)
	ours := flowsOf(flows(t, dir), "blue", "udp", "10.0.1.10:")
	if seen == nil || !slices.ContainsFunc(ours, func(f flowLine) bool { return f.Public == seen[2]+":"+seen[1] && f.Remote == web+":5060" }) {
		t.Errorf("Kamailio saw %q, the flows are %+v:\n%s", seen, ours, out)
	}
}
