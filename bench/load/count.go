package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// CountConfig says where to listen and for which run.
type CountConfig struct {
	Listen netip.AddrPort `json:"listen"`
	Run    uint64         `json:"run"`
	Limit  time.Duration  `json:"limit"` // ends by itself after this
}

// CountResult is what arrived. First and Last are CLOCK_MONOTONIC.
type CountResult struct {
	Received  uint64        `json:"received"`
	Strays    uint64        `json:"strays"`    // of another run, or too short
	Reordered uint64        `json:"reordered"` // arrived after a later one
	Overflow  uint64        `json:"overflow"`  // lost in this socket's full buffer
	First     time.Duration `json:"first"`
	Last      time.Duration `json:"last"` // when the last batch had been received
}

// Count receives until ctx is done and nothing arrives any more.
func Count(ctx context.Context, c CountConfig, ready func()) (r CountResult, err error) {
	if err := bounded("limit", c.Limit); err != nil {
		return r, err
	}
	fd, err := udpBound(c.Listen, 0, countBufferBytes)
	if err != nil {
		return r, err
	}
	defer unix.Close(fd)
	if err := receiveTimeout(fd, pollEvery); err != nil {
		return r, err
	}
	ready()
	b := newBatch(packetBytesMax)
	err = onThread(func() error { return count(ctx, c, fd, b, &r) })
	r.Overflow = socketDrops(fd)
	return r, err
}

func count(ctx context.Context, c CountConfig, fd int, b *batch, r *CountResult) error {
	var highest uint64
	end := now() + c.Limit
	var stopping, lastAny time.Duration
	for {
		n, e := b.receive(fd)
		at := now()
		switch e {
		case 0:
			lastAny = at
		case unix.EINTR, unix.EAGAIN:
		default:
			return fmt.Errorf("receive at %v: %w", c.Listen, e)
		}
		for i := range n {
			p := b.bytes(i)
			if len(p) < packetBytesMin || binary.BigEndian.Uint64(p) != c.Run {
				r.Strays++
				continue
			}
			sequence := binary.BigEndian.Uint64(p[8:])
			if sequence < highest {
				r.Reordered++
			}
			highest = max(highest, sequence)
			if r.Received == 0 {
				r.First = at
			}
			r.Received++
			r.Last = at
		}
		if stopping == 0 && ctx.Err() != nil {
			stopping = at
		}
		if at >= end || stopping != 0 && (at-max(lastAny, stopping) >= quietAfter || at-stopping >= drainMax) {
			return nil
		}
	}
}
