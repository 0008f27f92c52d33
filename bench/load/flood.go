package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// FloodConfig says where to, how large, how long.
type FloodConfig struct {
	To    netip.AddrPort `json:"to"`
	Bytes int            `json:"bytes"` // of UDP payload
	Flows int            `json:"flows"` // sockets, used in turn, a batch each
	Run   uint64         `json:"run"`   // carried in each packet
	For   time.Duration  `json:"for"`
}

// FloodResult is what left. First and Last are CLOCK_MONOTONIC.
type FloodResult struct {
	Sent    uint64        `json:"sent"`
	Blocked uint64        `json:"blocked"` // the kernel had no buffer
	Refused uint64        `json:"refused"` // the far end said nobody counts
	First   time.Duration `json:"first"`   // just before the first batch
	Last    time.Duration `json:"last"`    // just after the last
}

// Flood sends datagrams as fast as the path takes them.
func Flood(ctx context.Context, c FloodConfig, _ func()) (r FloodResult, err error) {
	if err := bounded("for", c.For); err != nil {
		return r, err
	}
	if c.Bytes < packetBytesMin || c.Bytes > packetBytesMax {
		return r, fmt.Errorf("bytes is %d, allowed is %d to %d", c.Bytes, packetBytesMin, packetBytesMax)
	}
	if c.Flows < 1 || c.Flows > flowsMax {
		return r, fmt.Errorf("flows is %d, allowed is 1 to %d", c.Flows, flowsMax)
	}
	fds := make([]int, 0, c.Flows)
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	for range c.Flows {
		fd, err := udpConnected(c.To)
		if err != nil {
			return r, err
		}
		fds = append(fds, fd)
	}
	b := newBatch(c.Bytes)
	err = onThread(func() error { return flood(ctx, c, fds, b, &r) })
	return r, err
}

// flood is the loop: number a batch, send it, look at the clock.
func flood(ctx context.Context, c FloodConfig, fds []int, b *batch, r *FloodResult) error {
	var sequence uint64
	r.First = now()
	r.Last = r.First
	for turn := 0; r.Last-r.First < c.For && ctx.Err() == nil; turn++ {
		fd := fds[turn%len(fds)]
		for i := range b.buffers {
			binary.BigEndian.PutUint64(b.buffers[i][0:], c.Run)
			binary.BigEndian.PutUint64(b.buffers[i][8:], sequence)
			sequence++
		}
		for sent := 0; sent < batchPackets; {
			n, e := b.send(fd, sent)
			sent += n
			r.Sent += uint64(n)
			switch e {
			case 0, unix.EINTR:
			case unix.ENOBUFS, unix.EAGAIN:
				r.Blocked++
				sent++ // it is lost, as on a full wire
			case unix.ECONNREFUSED:
				r.Refused++ // the answer to an earlier packet; nothing was sent
				if r.Refused > batchPackets && r.Refused > r.Sent {
					return fmt.Errorf("%v: nobody listens there", c.To)
				}
			default:
				return fmt.Errorf("send to %v: %w", c.To, e)
			}
		}
		r.Last = now()
	}
	return nil
}
