package load

import "time"

const (
	// loadMax bounds every load and every server (seconds of one measurement
	// are far fewer). What would run longer is refused.
	loadMax = 10 * time.Minute

	// batchPackets is how many datagrams one sendmmsg or recvmmsg carries.
	// More gained nothing: the cost per packet is the path's by then.
	batchPackets = 64

	// packetBytesMax is the largest payload flood sends and count receives;
	// longer datagrams are cut by the kernel and still count as one.
	packetBytesMax = 2048

	// packetBytesMin leaves room for the run number and the sequence number.
	packetBytesMin = 16

	// flowsMax bounds the sockets of one flooder.
	flowsMax = 1024

	// countBufferBytes is the counter's receive buffer: several milliseconds
	// of the fastest path, so that a late wake-up loses nothing, and little
	// enough to be drained within a tenth of a second.
	countBufferBytes = 8 << 20

	// quietAfter ends a counter that was asked to stop: so long without a
	// packet means nothing is under way any more.
	quietAfter = 200 * time.Millisecond

	// drainMax ends a counter that was asked to stop although packets keep
	// coming.
	drainMax = 5 * time.Second

	// inFlightMax bounds the connections an opener holds at once.
	inFlightMax = 4096

	// connectTimeout closes a connection that has not been answered. It is
	// longer than two SYN retransmissions, so that a lost SYN shows as a low
	// rate and only a dead path as a timeout.
	connectTimeout = 5 * time.Second

	// answerConnsMax bounds the connections a server holds; further ones are
	// closed at once and counted as refused.
	answerConnsMax = 16384

	// pollEvery is how often a waiting program looks whether it is to stop.
	pollEvery = 50 * time.Millisecond

	// replyTimeout is how long a round trip may take before it counts as lost.
	replyTimeout = 500 * time.Millisecond

	// samplesMax bounds the memory of a round-trip timer; it stops there.
	samplesMax = 1 << 20
)
