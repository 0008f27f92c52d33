package load

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// start runs a serving program in the background; stop ends it and reads its answer.
func start(t *testing.T, name string, config any) (stop func(result any)) {
	t.Helper()
	args, err := Args(name, config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Main(ctx, args[0], args[1], w)
		w.CloseWithError(err)
		ended <- err
	}()
	lines := bufio.NewReader(r)
	if line, err := lines.ReadString('\n'); err != nil || strings.TrimSpace(line) != ReadyLine {
		t.Fatalf("%s: first line %q, %v", name, line, err)
	}
	rest := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(lines)
		rest <- string(b)
	}()
	return func(result any) {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := ParseAnswer(<-rest, result); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// freePort is a loopback port that is free for TCP and UDP right now.
func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	for range 20 {
		fd, err := udpBound(netip.MustParseAddrPort("127.0.0.1:0"), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		sa, err := unix.Getsockname(fd)
		unix.Close(fd)
		if err != nil {
			t.Fatal(err)
		}
		a := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(sa.(*unix.SockaddrInet4).Port))
		if s, err := listenAnswer(a); err == nil {
			s.close()
			return a
		}
	}
	t.Fatal("no port is free for TCP and UDP")
	return netip.AddrPort{}
}

func TestFloodIsCountedToTheLastPacket(t *testing.T) {
	at := freePort(t)
	stop := start(t, "count", CountConfig{Listen: at, Run: 7, Limit: time.Minute})
	stray, err := Flood(t.Context(), FloodConfig{To: at, Bytes: 64, Flows: 1, Run: 6, For: time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := Flood(t.Context(), FloodConfig{To: at, Bytes: 64, Flows: 3, Run: 7, For: 20 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got CountResult
	stop(&got)
	if got.Received == 0 || got.Received+got.Strays+got.Overflow != sent.Sent+stray.Sent {
		t.Errorf("sent %d and %d strays, received %d, strays %d, overflow %d",
			sent.Sent, stray.Sent, got.Received, got.Strays, got.Overflow)
	}
	if got.First < sent.First || got.Last < got.First {
		t.Errorf("times out of order: sent from %v, received %v to %v", sent.First, got.First, got.Last)
	}
	if took := sent.Last - sent.First; took < 20*time.Millisecond {
		t.Errorf("the flood lasted %v, asked for 20ms", took)
	}
}

func TestConnectOpensAndClosesByReset(t *testing.T) {
	at := freePort(t)
	stop := start(t, "answer", AnswerConfig{Listen: at, Limit: time.Minute})
	r, err := Connect(t.Context(), ConnectConfig{To: at, InFlight: 8, For: 50 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var served AnswerResult
	stop(&served)
	if r.Completed == 0 || r.Failed != 0 || r.TimedOut != 0 {
		t.Errorf("got %+v, want only completed connections", r)
	}
	if served.Accepted < r.Completed || served.Accepted > r.Completed+8 {
		t.Errorf("the server accepted %d, the client completed %d with 8 in flight", served.Accepted, r.Completed)
	}
	if r.Took < 50*time.Millisecond {
		t.Errorf("took %v, asked for 50ms", r.Took)
	}
}

func TestConnectToNobodyFailsAndEnds(t *testing.T) {
	// A port that no connection is given as its own: else one in thousands
	// meets itself, which TCP allows.
	nobody := netip.MustParseAddrPort("127.0.0.1:1")
	r, err := Connect(t.Context(), ConnectConfig{To: nobody, InFlight: 2, For: 20 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Completed != 0 || r.Failed == 0 {
		t.Errorf("got %+v, want only failures", r)
	}
}

func TestPingPongTimesEchoes(t *testing.T) {
	at := freePort(t)
	stop := start(t, "answer", AnswerConfig{Listen: at, Limit: time.Minute})
	r, err := PingPong(t.Context(), PingPongConfig{To: at, Bytes: 64, Every: 200 * time.Microsecond, For: 50 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var served AnswerResult
	stop(&served)
	if r.Replies == 0 || r.Lost != 0 || served.Echoed != r.Replies {
		t.Errorf("got %+v, the server echoed %d", r, served.Echoed)
	}
	if r.Min <= 0 || r.Min > r.P50 || r.P50 > r.P99 || r.P99 > r.Max {
		t.Errorf("round trips out of order: %+v", r)
	}
}

func TestServersEndByThemselves(t *testing.T) {
	for name, config := range map[string]any{
		"count":  CountConfig{Listen: freePort(t), Limit: time.Millisecond},
		"answer": AnswerConfig{Listen: freePort(t), Limit: time.Millisecond},
	} {
		args, err := Args(name, config)
		if err != nil {
			t.Fatal(err)
		}
		if err := Main(t.Context(), args[0], args[1], io.Discard); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSettingsOutOfBoundsAreRefused(t *testing.T) {
	to := netip.MustParseAddrPort("127.0.0.1:9")
	good := FloodConfig{To: to, Bytes: 64, Flows: 1, For: time.Second}
	for name, c := range map[string]func(*FloodConfig){
		"no time":        func(c *FloodConfig) { c.For = 0 },
		"too long":       func(c *FloodConfig) { c.For = loadMax + 1 },
		"too small":      func(c *FloodConfig) { c.Bytes = packetBytesMin - 1 },
		"too large":      func(c *FloodConfig) { c.Bytes = packetBytesMax + 1 },
		"no flow":        func(c *FloodConfig) { c.Flows = 0 },
		"too many flows": func(c *FloodConfig) { c.Flows = flowsMax + 1 },
		"IPv6":           func(c *FloodConfig) { c.To = netip.MustParseAddrPort("[::1]:9") },
		"no address":     func(c *FloodConfig) { c.To = netip.AddrPort{} },
	} {
		bad := good
		c(&bad)
		if _, err := Flood(t.Context(), bad, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := Main(t.Context(), "flood", `{"unknown":1}`, io.Discard); err == nil {
		t.Error("an unknown setting was accepted")
	}
	if err := Main(t.Context(), "nothing", `{}`, io.Discard); err == nil {
		t.Error("an unknown program was accepted")
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	var samples []time.Duration
	for i := range 200 {
		samples = append(samples, time.Duration(i+1))
	}
	for p, want := range map[int]time.Duration{0: 1, 1: 2, 50: 100, 99: 198, 100: 200} {
		if got := percentile(samples, p); got != want {
			t.Errorf("p%d of 1..200 is %d, want %d", p, got, want)
		}
	}
	if got := percentile(samples[:1], 99); got != 1 {
		t.Errorf("p99 of one sample is %d", got)
	}
}

func TestAnswerFollowsTheReadyLine(t *testing.T) {
	b, err := json.Marshal(FloodResult{Sent: 3})
	if err != nil {
		t.Fatal(err)
	}
	var got FloodResult
	if err := ParseAnswer(ReadyLine+"\n"+string(b)+"\n", &got); err != nil || got.Sent != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := ParseAnswer("", &got); err == nil {
		t.Error("no answer was accepted as one")
	}
}
