package demo

import "time"

const (
	// driversMax is how many instances of a topology carry the demo's traffic,
	// the first in the file; the others are drawn only.
	driversMax = 8

	// historyLen is how many samples of throughput are kept: enough for the
	// widest sparkline that is drawn. Older ones are forgotten.
	historyLen = 512

	// heldConns is how many connections are held, over all instances with
	// traffic: enough that each node owns and keeps many of them.
	heldConns = 300

	// windowsMax is how many waits of the connections held are kept for the
	// next look. Older ones are forgotten.
	windowsMax = 100

	// flowsAskedMax is how many flows a node is asked for per sample.
	flowsAskedMax = 1000

	// pageBytesMax bounds what is read of one admin page or one answer; the
	// rest is not looked at.
	pageBytesMax = 4 << 20

	// suggestBits is the throughput of a node, in bits per second, from which on
	// the bulk transfers are under way: the choice of a node then stays.
	suggestBits = 10e6

	// widthMax and heightMax bound the canvas, in cells. A larger terminal
	// shows the picture in its upper left part.
	widthMax, heightMax = 400, 120

	// widthMin and heightMin are the smallest terminal that the picture makes
	// sense on; on a smaller one there is a remark instead.
	widthMin, heightMin = 60, 18
)

const (
	// sampleEvery is the pace of the picture.
	sampleEvery = 500 * time.Millisecond

	// holdRun is how long the connections held are used between two figures.
	holdRun = sampleEvery / 2

	// plainEvery is the pace of the text pictures without a terminal.
	plainEvery = 2 * time.Second

	// silentAfter is how long a connection that is held has no answer before
	// that is told: longer than a cell takes that loses a node.
	silentAfter = time.Second

	// openWaitMax is how long the connections held may take to be open and
	// answered once, which takes them some 3 s; a shorter demo does without.
	openWaitMax = 10 * time.Second

	// observeWaitMax bounds one look at one part; a part that does not answer
	// within it is drawn without figures.
	observeWaitMax = time.Second

	// quitWaitMax is how long the picture may take to leave the terminal; then
	// it is left as it is.
	quitWaitMax = time.Second

	// downWaitMax bounds taking the testnet down; then the error says so.
	downWaitMax = 40 * time.Second
)

// The drivers' pace and patience.
const (
	pageEvery = 250 * time.Millisecond
	pingEvery = 250 * time.Millisecond
	nameEvery = 500 * time.Millisecond

	// pagesPerConnection is after how many pages a new connection is opened.
	pagesPerConnection = 40

	// dialWaitMax is how long a connection may take to be there, and
	// answerWaitMax how long one page, echo or name may take; then it failed.
	dialWaitMax   = time.Second
	answerWaitMax = time.Second

	// stallMax is how long a bulk transfer may make no progress; then it
	// failed and begins anew.
	stallMax = 2 * time.Second

	// retryEvery is the pause after a failure.
	retryEvery = 250 * time.Millisecond

	// transferAim is how long one bulk transfer should take; its size follows
	// the speed seen, within transferBytesMin and transferBytesMax.
	transferAim      = time.Second
	transferBytesMin = 1 << 20
	transferBytesMax = 16 << 30

	// bulkBufferBytes is what one read or write of a bulk transfer moves.
	bulkBufferBytes = 256 << 10
)

// Local ports and the echo identifier, the same in all instances; see doc.go.
const (
	pagePort     = 40080
	peerPagePort = 40081
	bulkPort     = 40090
	namePort     = 40053
	echoID       = 4242
)
