package testnet

import "time"

const (
	// fileBytesMax is the largest topology file, in bytes. A larger one is
	// refused.
	fileBytesMax = 4 << 20

	// hostsMax is how many hosts the internet may have, and how many spares
	// and how many services the underlay. More are an error of the topology.
	hostsMax = 64
)

const (
	// lockWaitMax is how long Down and Start wait for another command that
	// changes the testnet; then they fail and say so.
	lockWaitMax = 15 * time.Second

	// politeWaitMax is how long Down lets the roles stop cleanly after
	// SIGTERM; then it kills them.
	politeWaitMax = time.Second

	// cellWaitMax is how long Up waits for the nodes to agree on being a cell,
	// which takes them well under a second; then it fails.
	cellWaitMax = 15 * time.Second

	// reapWaitMax is how long Down waits for init to collect the processes
	// that ended; then it returns all the same.
	reapWaitMax = 2 * time.Second

	// answerWaitMax is how long an admin server may take to answer. Later than
	// that is an error; for Status the part counts as unhealthy.
	answerWaitMax = 2 * time.Second

	// problemBytesMax is how much of an admin server's complaint is shown.
	problemBytesMax = 4 << 10

	// metricsBytesMax bounds what is read of a part's /metrics; the rest is not
	// looked at.
	metricsBytesMax = 4 << 20

	// slowHeld and slowRun are how long Slow holds a process and lets it run,
	// in turn: it has a quarter of the time, and answers up to slowHeld late.
	slowHeld = 30 * time.Millisecond
	slowRun  = 10 * time.Millisecond

	// followEvery is the pause between two looks at a log that is followed.
	followEvery = 100 * time.Millisecond

	// socketPathMax is the longest path of a Unix socket, in bytes. A run
	// directory that would need more is refused.
	socketPathMax = 107
)

// The internet hosts' servers.
const (
	// echoConnsMax is how many TCP connections one host echoes at once, enough
	// for 55,000 flows from each of two public addresses. Further ones are closed.
	echoConnsMax = 120_000

	// echoBufferBytes is one TCP echo connection's buffer: small, because
	// there may be echoConnsMax of them.
	echoBufferBytes = 1 << 10

	// filesMax is the number of descriptors a serving process asks for.
	filesMax = 1 << 18

	// socketBufferBytes is asked of the kernel for the UDP servers, which
	// have no back-pressure: a burst waits here instead of being lost.
	socketBufferBytes = 8 << 20

	// dnsBytesMax is the longest DNS message over UDP, in bytes, whatever the
	// asker can take: a longer answer is cut and marked so. A longer question is
	// not understood.
	dnsBytesMax = 4096

	// dnsConnsMax is how many TCP connections one host answers DNS on at once.
	// Further ones are closed.
	dnsConnsMax = 1000

	// dnsIdleMax is how long such a connection may take for its next question;
	// then it is closed (RFC 7766, section 6.2.3, asks for seconds).
	dnsIdleMax = 10 * time.Second

	// downloadBytesMax bounds /bytes?n=; more is answered 400.
	downloadBytesMax = 1 << 40

	// iperfRestartPause is the pause before iperf3 is started again.
	iperfRestartPause = 500 * time.Millisecond
)
