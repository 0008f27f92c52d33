package tun

import "hyperplane/packet"

const (
	// readSlackBytes makes ReadLen a multiple of a cache line (64 bytes), so
	// that a row of read buffers stays aligned.
	readSlackBytes = 55

	// ReadLen is the least length, in bytes, of the buffer given to
	// Device.Read: a virtio header and the longest IPv4 packet. The kernel
	// builds no longer superpacket, of IPv6 neither, unless BIG TCP is switched on for the device,
	// which Open does not do. A shorter buffer is refused with
	// io.ErrShortBuffer, because the kernel would cut a longer packet silently.
	ReadLen = packet.VirtioLen + packet.PacketMax + readSlackBytes

	// queuesMax is the most queues of one device. The kernel admits 256; more
	// queues than worker threads cost and bring nothing. Open refuses more.
	queuesMax = 64

	// queueLenMax bounds Config.QueueLen: a superpacket takes 64 KB, so that many
	// take a gigabyte. Open refuses more.
	queueLenMax = 1 << 14

	// mtuMin and mtuMax bound Config.MTU, in bytes: every IPv4 host must take
	// 576 (RFC 791, section 3.1); a packet cannot be longer than 65535. Open
	// refuses others.
	mtuMin = 576
	mtuMax = packet.PacketMax

	// addressesMax and routesMax bound what Open configures on one device. Open
	// refuses more: a longer list is a mistake in the caller.
	addressesMax = 64
	routesMax    = 1 << 15 // a state names up to 8,192 public addresses and 16,384 IPv6 ranges

	// readSkipMax is how many packets with a senseless virtio header one Read
	// steps over before it reports "nothing there"; it keeps Read's time bounded.
	readSkipMax = 16

	// gsoRefusalsMax is how many superpackets in a row the kernel may refuse,
	// while it takes the very same data in pieces, before the Writer stops
	// making and passing superpackets of that kind (TSO, USO, each of IPv4 and of IPv6).
	gsoRefusalsMax = 4

	// iovecsMax is the most slices in one writev (the kernel's UIO_MAXIOV). A
	// packet of more slices is counted as refused; packet.Merge stays far below.
	iovecsMax = 1024
)
