package load

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestMessageHeaderHasTheKernelsLayout(t *testing.T) {
	// struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; }, padded
	// to the alignment of a pointer.
	if got, want := unsafe.Offsetof(mmsghdr{}.n), unsafe.Sizeof(unix.Msghdr{}); got != want {
		t.Errorf("msg_len is at %d, want %d", got, want)
	}
	if got, want := unsafe.Sizeof(mmsghdr{}), unsafe.Sizeof(unix.Msghdr{})+8; got != want {
		t.Errorf("the header has %d bytes, want %d", got, want)
	}
}

func TestBatchesDoNotAllocate(t *testing.T) {
	fd, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd[0])
	defer unix.Close(fd[1])
	out, in := newBatch(64), newBatch(packetBytesMax)
	if got := testing.AllocsPerRun(20, func() {
		// The last two only: a Unix socket's queue is short.
		if n, e := out.send(fd[0], batchPackets-2); n != 2 || e != 0 {
			t.Fatalf("sent %d, %v", n, e)
		}
		for left := 2; left > 0; {
			n, e := in.receive(fd[1])
			if e != 0 {
				t.Fatal(e)
			}
			if len(in.bytes(0)) != 64 {
				t.Fatalf("received %d bytes, want 64", len(in.bytes(0)))
			}
			left -= n
		}
	}); got != 0 {
		t.Errorf("a batch allocates %v times", got)
	}
}
