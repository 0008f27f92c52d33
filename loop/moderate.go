package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// Moved counts what a reader took from its source: packets, superpackets as one, and
// their bytes without the tunnel's headers.
type Moved struct{ Packets, Bytes int }

// Add counts one packet of n bytes.
func (m *Moved) Add(n int) { m.Packets, m.Bytes = m.Packets+1, m.Bytes+n }

// moderator says when a turn should wait, so that more packets share it: what a
// network card's interrupt moderation does, for a thread. It counts turns as the
// generic cell rate algorithm counts cells (ITU-T I.371, annex A): those that did not
// happen are saved up for turnsSaved, so that only a loop that turns faster than one
// in turnEvery ever waits.
type moderator struct {
	due time.Duration // when the next turn would begin at that pace
}

// pause is how long to wait after a turn that ended now, if anybody gains by it; it has
// to be told of every turn. Only a stream of small packets is worth waiting for. A
// single packet may be somebody's question, whose answer must not wait; a full batch
// cannot be much better; and large packets pay for their turn.
func (m *moderator) pause(now time.Duration, moved Moved, gains bool) time.Duration {
	m.due = min(max(m.due, now-turnsSaved), now) + turnEvery
	if !gains || moved.Packets < streamPackets || moved.Packets >= fullPackets || moved.Bytes >= moved.Packets*smallBytes {
		return 0
	}
	return max(m.due-now, 0)
}

// sleep holds the thread for about d; only a signal ends it earlier, which does no harm.
func sleep(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil)
}
