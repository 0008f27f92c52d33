package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// PingPongConfig says where to and at what pace.
type PingPongConfig struct {
	To    netip.AddrPort `json:"to"`
	Bytes int            `json:"bytes"` // of UDP payload
	Every time.Duration  `json:"every"` // pause after each reply: the path is idle then
	For   time.Duration  `json:"for"`
}

// PingPongResult is how long the round trips took.
type PingPongResult struct {
	Replies uint64        `json:"replies"`
	Lost    uint64        `json:"lost"`
	Min     time.Duration `json:"min"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	Max     time.Duration `json:"max"`
}

// PingPong sends a datagram, waits for its echo, pauses, and so on.
func PingPong(ctx context.Context, c PingPongConfig, _ func()) (r PingPongResult, err error) {
	if err := bounded("for", c.For); err != nil {
		return r, err
	}
	if c.Bytes < packetBytesMin || c.Bytes > packetBytesMax {
		return r, fmt.Errorf("bytes is %d, allowed is %d to %d", c.Bytes, packetBytesMin, packetBytesMax)
	}
	fd, err := udpConnected(c.To)
	if err != nil {
		return r, err
	}
	defer unix.Close(fd)
	if err := receiveTimeout(fd, replyTimeout); err != nil {
		return r, err
	}
	samples := make([]time.Duration, 0, min(samplesMax, int(c.For/max(c.Every, 10*time.Microsecond))+1))
	err = onThread(func() error {
		start := now()
		for n := uint64(0); now()-start < c.For && ctx.Err() == nil && len(samples) < samplesMax; n++ {
			took, ok, err := roundTrip(fd, n, c.Bytes)
			if err != nil {
				return fmt.Errorf("%v: %w", c.To, err)
			}
			if ok {
				samples = append(samples, took)
			} else {
				r.Lost++
			}
			time.Sleep(c.Every)
		}
		return nil
	})
	if len(samples) == 0 {
		return r, err
	}
	slices.Sort(samples)
	r.Replies = uint64(len(samples))
	r.Min, r.Max = samples[0], samples[len(samples)-1]
	r.P50, r.P99 = percentile(samples, 50), percentile(samples, 99)
	return r, err
}

// roundTrip times one datagram; ok is false when no echo came. An echo of an
// earlier datagram, which was given up, is passed over.
func roundTrip(fd int, n uint64, size int) (took time.Duration, ok bool, err error) {
	var out, in [packetBytesMax]byte
	binary.BigEndian.PutUint64(out[8:], n)
	start := now()
	if _, err := unix.Write(fd, out[:size]); err != nil && err != unix.EINTR && err != unix.ECONNREFUSED {
		return 0, false, fmt.Errorf("send: %w", err)
	}
	for {
		got, err := unix.Read(fd, in[:])
		took = now() - start
		switch {
		case err == unix.EINTR && took < replyTimeout:
			continue
		case err == unix.EAGAIN || err == unix.EINTR || err == unix.ECONNREFUSED:
			return 0, false, nil
		case err != nil:
			return 0, false, fmt.Errorf("receive: %w", err)
		case got == size && binary.BigEndian.Uint64(in[8:]) == n:
			return took, true, nil
		case took >= replyTimeout:
			return 0, false, nil
		}
	}
}

// percentile of sorted samples, by the nearest rank.
func percentile(sorted []time.Duration, p int) time.Duration {
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}
