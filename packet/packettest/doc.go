// Package packettest builds packets for tests and checks packets by composition.
//
// Tests that spell packets as hex say neither what matters about them nor, when
// they fail, what was different. Here a packet is one line, and so is what is
// expected of it; a failure prints the packet as tcpdump would and leaves a
// pcapng file where `go test -artifacts` asks for files.
//
//	p := packettest.TCP("10.0.1.10:4000", "203.0.113.10:80", "S", nil, packettest.WithMSS(1460))
//	     │
//	     ▼  code under test
//	packettest.Check(t, p,
//	    packettest.IPv4(packettest.Src("198.51.100.1"), packettest.TTL(63)),
//	    packettest.TCPFlags("S"), packettest.ValidChecksums())
//
// Builders panic on addresses that do not parse: they are for constants in
// tests. What they build is valid (I9) unless an option says otherwise, and a
// test cross-checks it with gopacket.
//
// Limits: none, it allocates as it likes; therefore it must not be imported
// outside tests.
package packettest
