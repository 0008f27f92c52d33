package testnet

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A QUIC connection (ngtcp2's client and server) outlives a change of its
// client's port in the middle of an upload: one that the client knows of and
// checks the new path for (migration), and one that it does not know of (NAT
// rebinding), which the server notices. In each the server sees another public
// port, validates the path, and then serves a file byte for byte.
func judgedByQUIC(t *testing.T, _ Dir) {
	for _, how := range []string{"migration", "rebinding"} {
		t.Run(how, func(t *testing.T) { quicMoves(t, "blue-1", web, how) })
	}
}

// quicMoves is such a connection from an instance of blue to what is web for it.
func quicMoves(t *testing.T, instance, at, how string) {
	dir := folder(t)
	file := randomFile(4 << 20)
	put(t, dir+"/blob", string(file))
	inside(t, "web", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN=web.example", "-keyout", dir+"/key", "-out", dir+"/cert")
	// More under way than its socket holds would be lost, and a lost answer to
	// its question about the new path is asked for again only after a second.
	server := startProgram(t, "web", nil, "gtlsserver", "--no-quic-dump", "--no-http-dump", "--max-data=64K", "--max-window=64K", "-d", dir, web, "4433", dir+"/key", dir+"/cert")
	listens(t, "web", "udp", "4433")
	got := t.TempDir()
	argv := []string{"gtlsclient", "--no-quic-dump", "--no-http-dump", "--timeout=20s", "--exit-on-all-streams-close", "--change-local-addr=10ms", "--download=" + got}
	if how == "rebinding" {
		argv = append(argv, "--nat-rebinding")
	}
	out, err := insideErr(t, instance, append(argv, "-m", "POST", "-d", dir+"/blob", at, "4433", "https://web.example/blob")...)
	if err != nil {
		t.Fatalf("gtlsclient: %v\n%s", err, out[max(0, len(out)-4000):])
	}
	if !regexp.MustCompile(`(?s)Changing local address.*PATH_RESPONSE`).MatchString(out) {
		t.Errorf("the client did not change its port, or answered for no path")
	}
	if b, err := os.ReadFile(got + "/blob"); err != nil || !bytes.Equal(b, file) {
		t.Errorf("%d bytes (%v), want the %d that the server has", len(b), err, len(file))
	}
	said := server.output(t)
	var from []string // in order of appearance; on the way, packets of the two flows may overtake each other
	for _, m := range regexp.MustCompile(`(?m)^Received packet: .* remote=\[(\S+) `).FindAllStringSubmatch(said, -1) {
		if !slices.Contains(from, m[1]) {
			from = append(from, m[1])
		}
	}
	if len(from) != 2 || !regexp.MustCompile(`^(198\.51\.100\.1\]:\d+ ?){2}$`).MatchString(from[0]+" "+from[1]) {
		t.Fatalf("the server saw %q, want two ports of 198.51.100.1", from)
	}
	if !strings.Contains(said, "Path validation against path {local:["+web+"]:4433, remote:["+from[1]+"} succeeded") {
		t.Error("the server did not validate the new path")
	}
}
