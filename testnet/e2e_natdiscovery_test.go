package testnet

import (
	"strings"
	"sync"
	"testing"
)

// coturn's turnutils_natdiscovery, which asks a STUN server with two addresses
// and two ports (RFC 5780), says what docs/nat-behaviour.md does: mapping and
// filtering depend on the remote address and port, there is no ALG that
// rewrites addresses in payloads, and no hairpinning.
func judgedByNatdiscovery(t *testing.T, _ Dir) {
	const second = "203.0.113.11"
	inside(t, "web", "ip", "address", "add", second+"/32", "dev", hostLink)
	inside(t, "internet", "ip", "route", "add", second, "via", web, "dev", "web", "onlink")
	dir := folder(t)
	startProgram(t, "web", nil, "turnserver", "-n", "--no-auth", "--no-cli", "--no-tls", "--no-dtls", "--stun-only",
		"-L", web, "-L", second, "--listening-port", "3478", "--alt-listening-port", "3479",
		"--pidfile", dir+"/pid", "--userdb", dir+"/db", "--log-file", "stdout")
	for _, port := range []string{"3478", "3479"} {
		listens(t, "web", "udp", port)
	}
	var wg sync.WaitGroup
	ask := func(questions ...string) (out *string) {
		out = new(string)
		wg.Go(func() { // each waits for what must not come
			var err error
			if *out, err = insideErr(t, "blue-1", append(append([]string{"turnutils_natdiscovery"}, questions...), web)...); err != nil {
				t.Errorf("turnutils_natdiscovery %v: %v\n%s", questions, err, *out)
			}
		})
		return out
	}
	behaviour, hairpin := ask("-m", "-f"), ask("-H")
	wg.Wait()
	want(t, *behaviour, "NAT with Address and Port Dependent Mapping!", "NAT with Address and Port Dependent Filtering!")
	want(t, *hairpin, "STUN receive timeout..")
	for _, out := range []string{*behaviour, *hairpin} {
		want(t, out, "No ALG: Mapped == XOR-Mapped", "UDP reflexive addr: 198.51.100.1:")
		for _, never := range []string{"ALG detected", "successful hairpinning"} {
			if strings.Contains(out, never) {
				t.Errorf("%q in\n%s", never, out)
			}
		}
	}
}
