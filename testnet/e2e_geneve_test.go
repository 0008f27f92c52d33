package testnet

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Other people's tools can read what is on the underlay: GENEVE with our
// option, the tenant's number, and the inner packet; and they can tell what is
// none by the O bit.
func TestGeneveAsOthersSeeIt(t *testing.T) {
	dir := bringUp(t, "default")
	onHost, onEdge := capture(t, "host-1", peerLink, jumboFrame), capture(t, "edge-1", peerLink, jumboFrame)
	for range 8 { // flows, so that both edges see some
		for _, name := range []string{"blue-1", "green-1"} {
			inside(t, name, "curl", "-sfm", "10", "http://"+web+"/")
		}
	}
	inside(t, "blue-1", "ping", "-nc2", "-i0.05", "-W5", "10.0.1.11")
	checkAccounts(t, dir)
	host, edge := onHost(), onEdge()

	ours := "geneve.version==0 && geneve.option.class==0xff48 && geneve.option.type==0x81 && udp.dstport==6081 && (" +
		"geneve.flags.oam==0 && geneve.proto_type==0x0800 || geneve.flags.oam==1 && geneve.proto_type==0x88b5 && geneve.vni==0)"
	for _, path := range []string{host, edge} { // the bridge's kernel speaks IGMP now and then
		if bad := decoded(t, path, "_ws.malformed || ip && !igmp && !("+ours+")", "ip.src", "ip.dst"); len(bad) > 0 {
			t.Errorf("%s: %d frames that tshark cannot read as ours: %v", path, len(bad), bad[:min(len(bad), 5)])
		}
		if len(decoded(t, path, "geneve.flags.oam==1")) == 0 {
			t.Errorf("%s: no Top is asked whether it is alive", path)
		}
	}
	onHostLines, onEdgeLines := tunnels(t, host), tunnels(t, edge)
	for _, tt := range []struct {
		what  string
		lines []string
		want  string
	}{
		{"blue's web page", onHostLines, `^100 172\.31\.0\.31,10\.0\.1\.10 172\.31\.0\.1[123],203\.0\.113\.10 \d+ 80 $`},
		{"green's answer", onHostLines, `^200 172\.31\.0\.1[123],203\.0\.113\.10 172\.31\.0\.31,10\.0\.1\.10 80 \d+ $`},
		{"blue's ping inside the VPC", onHostLines, `^100 172\.31\.0\.31,10\.0\.1\.10 172\.31\.0\.32,10\.0\.1\.11   8$`},
		{"translated, without a VNI", onEdgeLines, `^0 172\.31\.0\.1[123],198\.51\.100\.[12] 172\.31\.0\.21,203\.0\.113\.10 \d+ 80 $`},
		{"an answer from the internet", onEdgeLines, `^0 172\.31\.0\.21,203\.0\.113\.10 172\.31\.0\.1[123],198\.51\.100\.[12] 80 \d+ $`},
	} {
		if want := regexp.MustCompile(tt.want); !slices.ContainsFunc(tt.lines, want.MatchString) {
			t.Errorf("%s: no frame is %s; there are such as %q", tt.what, want, tt.lines[:min(len(tt.lines), 3)])
		}
	}
	for _, line := range onHostLines {
		if !strings.HasPrefix(line, "100 ") && !strings.HasPrefix(line, "200 ") {
			t.Errorf("a frame on a host that is of no tenant: %s", line)
		}
	}
	for _, line := range onEdgeLines {
		if !strings.HasPrefix(line, "0 ") {
			t.Errorf("a frame on an edge that is not the internet's: %s", line)
		}
	}
}

// tunnels lists the packets in GENEVE of a capture: VNI in decimal, source and
// destination addresses outside and inside, inner ports, ICMP type.
func tunnels(t *testing.T, path string) (lines []string) {
	t.Helper()
	for _, line := range decoded(t, path, "geneve.flags.oam==0", "geneve.vni", "ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "icmp.type") {
		f := strings.SplitN(line, " ", 3) // the frame's number, and a VNI that some versions write in hexadecimal
		vni, err := strconv.ParseUint(f[1], 0, 24)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, fmt.Sprintf("%d %s", vni, f[2]))
	}
	return lines
}
