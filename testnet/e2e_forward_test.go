package testnet

import "testing"

// Whoever is in the internet reaches the server in an instance whose port is forwarded,
// and another instance does so by the public address as well. The whole way is that of any
// flow, so a lost node costs it nothing.
func TestPortForward(t *testing.T) {
	dir := bringUp(t, variant(t, "public_addresses: [198.51.100.1]}",
		"public_addresses: [198.51.100.1], port_forwards: [{protocol: tcp, public_port: 80, instance: blue-1, port: 5201}]}"))
	startProgram(t, "blue-1", nil, "iperf3", "-s")
	listens(t, "blue-1", "tcp", "5201")
	for _, from := range []string{"peer", "blue-2", "green-1"} {
		want(t, inside(t, from, "iperf3", "-c", "198.51.100.1", "-p", "80", "-n", "20M"), "iperf Done.")
	}
	balanced(t, dir)
}
