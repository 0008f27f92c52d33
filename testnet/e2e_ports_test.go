package testnet

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// flowsPerDestination is what one public address carries to one destination.
const flowsPerDestination = 55000

// One public address carries 55,000 flows to one destination, refuses the next
// with a reason that the sender and the operator see, and serves again as soon
// as ports come free.
func TestPortsToOneDestination(t *testing.T) {
	dir := bringUp(t, variant(t, "public_addresses: [198.51.100.1]}",
		"public_addresses: [198.51.100.1], timeouts: {udp_idle: 15s, port_rest: 1s}}"))
	owner := func() string { return explain(t, dir, "blue", "udp", "10.0.1.10:1024", web+":7").Owner }

	// Two instances share the gateway; every flow keeps a socket of its own.
	const share = flowsPerDestination / 4
	all := []*holder{
		startHolder(t, "blue-1", "10.0.1.10", 1024, share), startHolder(t, "blue-1", "10.0.1.10", 1024+share, share),
		startHolder(t, "blue-2", "10.0.1.11", 1024, share), startHolder(t, "blue-2", "10.0.1.11", 1024+share, share),
	}
	deadline := time.Now().Add(90 * time.Second)
	for round := 1; ; round++ {
		begun := time.Now()
		at := owner() // a busy machine may lose one
		before := scrape(t, dir, at)
		if err := echoAll(all); err != nil {
			t.Fatal(err)
		}
		now := scrape(t, dir, at)
		t.Logf("round %d took %v: %v flows", round, time.Since(begun), now["flows"])
		if now["flows"] >= flowsPerDestination && now["misses_total"] == before["misses_total"] {
			break // none was forgotten while the others opened: they are all open at once
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v flows after %d rounds", now["flows"], round)
		}
	}
	if now := scrape(t, dir, owner()); now["flows"] != flowsPerDestination || now.dropped("ports_exhausted") != 0 {
		t.Errorf("%v flows, %v refused", now["flows"], now.dropped("ports_exhausted"))
	}
	eventually(t, "a Decider tells how full the destination is", func() bool {
		for _, s := range scrapeAll(t, dir) {
			if s["destination_ports_used_ratio"] == 1 {
				return true
			}
		}
		return false
	})

	// The next one.
	refused := dialEcho(t, "blue-2", "udp", "10.0.1.11:60000", web+":7")
	wantErrorQueue(t, refused)
	if err := refused.echo("one too many"); !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("the sender sees %v, want EHOSTUNREACH", err)
	}
	if got, want := nextICMP(t, refused), (icmpSeen{3, 13, [4]byte{10, 0, 0, 5}}); got != want {
		t.Errorf("the error is %+v, want %+v", got, want)
	}
	if c, err := dialFrom(t.Context(), "blue-1", "tcp", "", web+":7"); err != nil {
		t.Errorf("another protocol: %v", err)
	} else {
		c.Close()
	}
	for what, c := range map[string]*echoConn{
		"another destination": dialEcho(t, "blue-1", "udp", "10.0.1.10:60000", peer+":7"),
		"another tenant":      dialEcho(t, "green-1", "udp", "10.0.1.10:60000", web+":7"),
	} {
		if err := c.echo("not affected"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	counted := scrape(t, dir, owner())
	if n := counted.dropped("ports_exhausted"); n != 1 {
		t.Errorf("%v packets counted as ports_exhausted, want 1", n)
	}

	// A thousand go on; the others fall silent and give up their ports.
	retry := time.Now()
	for served := false; !served; {
		if err := all[0].echo(1000); err != nil {
			t.Fatal(err)
		}
		err := refused.echo("again")
		served = err == nil
		if !served && !errors.Is(err, unix.EHOSTUNREACH) {
			t.Fatal(err)
		}
		if time.Since(retry) > 45*time.Second {
			t.Fatalf("not served again within 45 s: %v", err)
		}
	}
	if now := scrape(t, dir, owner()); now["flows"] > flowsPerDestination {
		t.Errorf("served beyond the limit: %v flows are open", now["flows"])
	}
	checkAccounts(t, dir)
}
