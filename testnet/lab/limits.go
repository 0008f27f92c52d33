package lab

import "time"

const (
	// LinkNameMax is the kernel's longest link name, in bytes (IFNAMSIZ less
	// its zero). A longer one is an error.
	LinkNameMax = 15

	// buildersMax is how many parts are built at once. The kernel's own lock
	// lets few of them proceed together; more would only queue there.
	buildersMax = 8

	// readyWaitMax is how long a started process may take to say that it is
	// ready; then that is an error, which shows the end of its output.
	readyWaitMax = 10 * time.Second

	// stopWaitMax is how long a process may take after SIGTERM; then it is
	// killed.
	stopWaitMax = 6 * time.Second

	// KillWaitMax is how long a killed process may take to be gone; then the
	// command fails and names it.
	KillWaitMax = 5 * time.Second

	// addressWaitMax is how long the kernel may take to put an IPv6 address to
	// use: it waits for whoever removes namespaces. Later than that is an error.
	addressWaitMax = 10 * time.Second

	// PollEvery is the pause between two looks at something that should end.
	PollEvery = 2 * time.Millisecond

	// outputBytesMax is how much of a process' output is kept; the middle of
	// more is lost. One iperf3 report has some 20 KB.
	outputBytesMax = 4 << 20

	// tailLines is how many last lines of an output an error shows.
	tailLines = 12

	// tailBytes is how much of a log's end is read for it.
	tailBytes = 16 << 10
)
