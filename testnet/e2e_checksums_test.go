package testnet

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A third party on the internet sees valid checksums only, and nothing above
// the MTU (I9, I11).
func TestChecksumsAsOthersSeeThem(t *testing.T) {
	for _, tt := range []struct {
		topology string
		pingSize string // of a ping that leaves the instance as one packet
	}{
		{"default", "1400"}, {"underlay-1600", "1400"}, {"jumbo", "8000"},
	} {
		t.Run(tt.topology, func(t *testing.T) {
			dir := bringUp(t, tt.topology)
			for name, link := range map[string]string{"web": hostLink, "edge-1": uplink, "edge-2": uplink} {
				finishChecksums(t, name, link)
			}
			stop := capture(t, "web", hostLink, wholeFrame)
			mixedTraffic(t, tt.pingSize)
			checkAccounts(t, dir)
			checkCapture(t, stop())
		})
	}
}

// mixedTraffic is a little of everything with one server, both ways, through
// both edges.
func mixedTraffic(t *testing.T, pingSize string) {
	for _, name := range []string{"blue-1", "blue-2", "green-1"} {
		inside(t, name, "curl", "-sfm", "10", "http://"+web+"/")
		inside(t, name, "dig", "+short", "+time=5", "@"+web, "web.example")
		inside(t, name, "ping", "-nc2", "-i0.05", "-W5", "-s", pingSize, "-M", "dont", web)
	}
	for _, direction := range []string{"-4", "-R"} {
		runIperf(t, "blue-1", "-C", "cubic", "-n", "4M", "-c", web, direction)
		runIperf(t, "green-1", "-u", "-b", "100M", "-n", "300K", "-l", "700", "-c", web, direction)
	}
	inside(t, "blue-1", "ping", "-nc2", "-i0.05", "-W5", "-s", "4000", "-M", "dont", web)
	echoSizes(t)
	// Closed ports: a RST, and an ICMP error with a quoted packet.
	if out, err := insideErr(t, "blue-1", "curl", "-sm", "5", "http://"+web+":81/"); err == nil || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("a closed TCP port: %v\n%s", err, out)
	}
	c := dialEcho(t, "blue-1", "udp", "", web+":9")
	if err := c.echo("nobody listens"); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a closed UDP port: %v", err)
	}
}

// checkCapture looks for what must not be there, and that what was looked at
// was there at all.
func checkCapture(t *testing.T, path string) {
	t.Helper()
	status := []string{"ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status"}
	wrong := "_ws.malformed || ip.len > 1500"
	for _, s := range status {
		wrong += " || " + s + `=="Bad"`
	}
	if bad := decoded(t, path, wrong, append(status, "ip.src", "ip.dst", "ip.len", "ip.proto")...); len(bad) > 0 {
		t.Errorf("%d bad packets, the first: %v", len(bad), bad[:min(len(bad), 5)])
	}
	good := map[string]int{}
	// Not those with a quoted packet, which is often cut short.
	for _, line := range decoded(t, path, "ip.src==198.51.100.0/24 && !icmp.type==3", append(status, "ip.src", "tcp.flags.syn", "tcp.options.mss_val")...) {
		f := strings.Split(line, " ")
		for i, s := range status {
			if f[1+i] == "1" { // "Good"
				good[f[5]+" "+s]++
			}
		}
		if syn := f[6] == "1" || f[6] == "True"; syn && f[7] != "1460" {
			t.Errorf("a SYN whose MSS is not what fits the internet's MTU: %s", line)
		}
	}
	for _, public := range []string{"198.51.100.1", "198.51.100.2"} {
		for _, s := range status {
			if good[public+" "+s] == 0 {
				t.Errorf("nothing from %s whose %s is good: %v", public, s, good)
			}
		}
	}
}
