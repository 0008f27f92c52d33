package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"hyperplane/bench/load"
	"hyperplane/testnet/lab"
)

// figures are a load's results by metric, details by name.
type figures struct {
	values map[string]float64
	detail map[string]float64
}

// rig is what a load runs with: the lab, the settings and one path.
type rig struct {
	lab    *lab.Lab
	config *Config
	path   *path
}

// loadKind is one kind of load; it may give several metrics.
type loadKind struct {
	name   string
	iperf3 bool // needs that program
	run    func(context.Context, *rig) (figures, error)
}

var loads = []loadKind{
	{"tcp-up", true, func(ctx context.Context, r *rig) (figures, error) { return r.bulk(ctx, "tcp-up", 1, false) }},
	{"tcp-down", true, func(ctx context.Context, r *rig) (figures, error) { return r.bulk(ctx, "tcp-down", 1, true) }},
	{"tcp-4", true, func(ctx context.Context, r *rig) (figures, error) { return r.bulk(ctx, "tcp-4", streamsMany, false) }},
	{"udp-64", false, func(ctx context.Context, r *rig) (figures, error) { return r.packets(ctx) }},
	{"connections", false, func(ctx context.Context, r *rig) (figures, error) { return r.connections(ctx) }},
	{"rtt", false, func(ctx context.Context, r *rig) (figures, error) { return r.roundTrips(ctx, r.duration()) }},
}

// LoadNames lists the loads.
func LoadNames() (names []string) {
	for _, l := range loads {
		names = append(names, l.name)
	}
	return names
}

func (r *rig) duration() time.Duration { return time.Duration(r.config.Seconds) * time.Second }

// limit is when a load is killed, and when a server ends by itself.
func (r *rig) limit() time.Duration { return r.duration() + endGraceMax }

// bulk is TCP throughput. Each load has a server of its own, so that nothing
// of an earlier one is left in it.
func (r *rig) bulk(ctx context.Context, metric string, streams int, down bool) (figures, error) {
	server, err := r.lab.Start(ctx, r.path.server, lab.Command{
		Path: r.config.IPerf3, Args: []string{"-s", "-1", "--forceflush", "-p", fmt.Sprint(portTCP)}, Ready: "Server listening",
	})
	if err != nil {
		return figures{}, err
	}
	defer r.lab.Finish(server)
	out, err := r.lab.Run(ctx, r.path.client, r.limit(), lab.Command{
		Path: r.config.IPerf3, Args: iperfArgs(serverAddr.String(), r.config.Seconds, streams, down),
	})
	gbits, again, parseErr := parseIPerf([]byte(out))
	if err != nil || parseErr != nil {
		if parseErr != nil && out != "" {
			err = parseErr // the report says it better than the exit code
		}
		return figures{}, err
	}
	return figures{map[string]float64{metric: gbits}, map[string]float64{"retransmits": again}}, nil
}

// packets is how many small packets arrive per second, from the first sent to
// the last received, when more are offered than the path carries.
func (r *rig) packets(ctx context.Context) (figures, error) {
	run := rand.Uint64()
	at := netip.AddrPortFrom(serverAddr, portCount)
	counter, err := r.serve(ctx, "count", load.CountConfig{Listen: at, Run: run, Limit: r.limit()})
	if err != nil {
		return figures{}, err
	}
	var sent load.FloodResult
	floodErr := r.run(ctx, r.duration(), "flood", load.FloodConfig{To: at, Bytes: packetBytes, Flows: 1, Run: run, For: r.duration()}, &sent)
	var got load.CountResult
	if err := errors.Join(floodErr, load.ParseAnswer(r.lab.Finish(counter), &got)); err != nil {
		return figures{}, err
	}
	took := got.Last - sent.First
	if got.Received == 0 || took <= 0 {
		return figures{}, fmt.Errorf("none of %d packets arrived", sent.Sent)
	}
	return figures{
		map[string]float64{"udp-64": float64(got.Received) / took.Seconds() / 1e3},
		map[string]float64{"sent": float64(sent.Sent), "received": float64(got.Received), "reordered": float64(got.Reordered)},
	}, nil
}

// connections is how many TCP connections per second are opened, used for one
// byte each way, and reset.
func (r *rig) connections(ctx context.Context) (figures, error) {
	at := netip.AddrPortFrom(serverAddr, portAnswer)
	server, err := r.serve(ctx, "answer", load.AnswerConfig{Listen: at, Limit: r.limit()})
	if err != nil {
		return figures{}, err
	}
	defer r.lab.Finish(server)
	var got load.ConnectResult
	err = r.run(ctx, r.duration(), "connect", load.ConnectConfig{To: at, InFlight: connectsInFlight, For: r.duration()}, &got)
	if err != nil {
		return figures{}, err
	}
	if got.Completed == 0 {
		return figures{}, fmt.Errorf("no connection was answered; %d failed, %d timed out", got.Failed, got.TimedOut)
	}
	return figures{
		map[string]float64{"connections": float64(got.Completed) / got.Took.Seconds() / 1e3},
		map[string]float64{"failed": float64(got.Failed), "timed_out": float64(got.TimedOut)},
	}, nil
}

// roundTrips is how long one datagram and its echo take on an idle path.
func (r *rig) roundTrips(ctx context.Context, d time.Duration) (figures, error) {
	at := netip.AddrPortFrom(serverAddr, portAnswer)
	server, err := r.serve(ctx, "answer", load.AnswerConfig{Listen: at, Limit: r.limit()})
	if err != nil {
		return figures{}, err
	}
	defer r.lab.Finish(server)
	var got load.PingPongResult
	if err := r.run(ctx, d, "pingpong", load.PingPongConfig{To: at, Bytes: packetBytes, Every: pingEvery, For: d}, &got); err != nil {
		return figures{}, err
	}
	if got.Replies == 0 {
		return figures{}, fmt.Errorf("no reply to %d packets", got.Lost)
	}
	micros := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return figures{
		map[string]float64{"rtt-p50": micros(got.P50), "rtt-p99": micros(got.P99)},
		map[string]float64{"replies": float64(got.Replies), "lost": float64(got.Lost)},
	}, nil
}

// check tries a new path until round trips work.
func (r *rig) check(ctx context.Context) (err error) {
	for range checkTries {
		if err = r.path.alive(); err != nil {
			return err
		}
		if _, err = r.roundTrips(ctx, checkFor); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("the path does not carry anything: %w", err)
}

// serve starts one of our load programs at the server.
func (r *rig) serve(ctx context.Context, name string, config any) (*lab.Process, error) {
	args, err := load.Args(name, config)
	if err != nil {
		return nil, err
	}
	return r.lab.Start(ctx, r.path.server, lab.Command{Path: r.config.Binary, Args: append([]string{"bench"}, args...), Ready: load.ReadyLine})
}

// run runs one of our load programs at the client to its end.
func (r *rig) run(ctx context.Context, d time.Duration, name string, config, result any) error {
	args, err := load.Args(name, config)
	if err != nil {
		return err
	}
	out, err := r.lab.Run(ctx, r.path.client, d+endGraceMax, lab.Command{Path: r.config.Binary, Args: append([]string{"bench"}, args...)})
	if err != nil {
		return err
	}
	return load.ParseAnswer(out, result)
}
