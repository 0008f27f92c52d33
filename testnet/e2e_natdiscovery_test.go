package testnet

import (
	"strings"
	"sync"
	"testing"
)

// coturn's turnutils_natdiscovery, which asks a STUN server with two addresses
// and two ports (RFC 5780), says what docs/nat-behaviour.md does of each profile: on what
// mapping and filtering depend, that no ALG rewrites addresses in payloads, and whether
// there is hairpinning.
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
	ask := func(instance string, questions ...string) (out *string) {
		out = new(string)
		wg.Go(func() { // each waits for what must not come
			var err error
			if *out, err = insideErr(t, instance, append(append([]string{"turnutils_natdiscovery"}, questions...), web)...); err != nil {
				t.Errorf("turnutils_natdiscovery %v in %s: %v\n%s", questions, instance, err, *out)
			}
		})
		return out
	}
	aws, awsHairpin := ask("blue-1", "-m", "-f"), ask("blue-1", "-H")
	rfc, rfcHairpin := ask("green-1", "-m", "-f"), ask("green-1", "-H")
	wg.Wait()
	want(t, *aws, "NAT with Address and Port Dependent Mapping!", "NAT with Address and Port Dependent Filtering!")
	want(t, *rfc, "NAT with Endpoint Independent Mapping!", "NAT with Endpoint Independent Filtering!")
	const comes = "successful hairpinning"
	if want(t, *awsHairpin, "STUN receive timeout.."); strings.Contains(*awsHairpin, comes) {
		t.Errorf("%q in\n%s", comes, *awsHairpin)
	}
	want(t, *rfcHairpin, comes)
	for out, public := range map[*string]string{aws: "198.51.100.1:", awsHairpin: "198.51.100.1:", rfc: "198.51.100.2:", rfcHairpin: "198.51.100.2:"} {
		if want(t, *out, "No ALG: Mapped == XOR-Mapped", "UDP reflexive addr: "+public); strings.Contains(*out, "ALG detected") {
			t.Errorf("an ALG in\n%s", *out)
		}
	}
}
