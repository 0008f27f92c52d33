package hold

import "time"

const (
	// FirstPort and Ports say where a Server listens, by TCP and UDP: 512 ends
	// per address reach every part of a cell's 1024 slots.
	FirstPort = 10000
	Ports     = 256

	// ConnsMax is how many TCP connections, and as many UDP flows, a Client
	// holds. More are refused before any is opened.
	ConnsMax = 60_000

	// servedMax is how many connections one Server has open, and how many UDP
	// flows it remembers. Further connections are closed at once; further flows
	// are answered but not watched for data of others.
	servedMax = 1 << 17

	// eventsMax is how many sockets one look at the kernel's list reports; the
	// others are in the next.
	eventsMax = 256

	// acceptsMax is how many connections are accepted from one port before
	// other sockets have their turn.
	acceptsMax = 64
)

const (
	// connectingMax is how many connections are being opened at once: the
	// first packets of flows take the cell's longest way. Others wait.
	connectingMax = 256

	// openWaitMax is how long opening all of them may take; then that is an
	// error.
	openWaitMax = 60 * time.Second

	// answerWaitMax is how long a connection may wait for an answer; then it
	// is broken.
	answerWaitMax = 30 * time.Second

	// resendAfter is when a datagram without an answer is sent again, again and
	// again.
	resendAfter = 200 * time.Millisecond
)

const (
	// rateMax is the number of exchanges per second, all connections together,
	// that two processors carry beside a whole testnet. With more connections
	// each is used less often.
	rateMax = 4500

	// roundMin is the shortest time between two exchanges of one connection
	// that is not busy.
	roundMin = 3 * time.Second

	// busyConns is how many TCP connections are used every busyEvery: they see
	// when the path stood still, to that precision.
	busyConns = 10
	busyEvery = 20 * time.Millisecond

	// burstMax is how many exchanges are begun in one turn: after a delay of
	// its own the client does not make up for it by a flood.
	burstMax = 64

	// turnMax is the longest time between two turns of a client.
	turnMax = 2 * time.Millisecond

	// resendEvery and expireEvery are the pauses between two looks for
	// datagrams to repeat and for connections that waited too long.
	resendEvery = 10 * time.Millisecond
	expireEvery = 200 * time.Millisecond
)
