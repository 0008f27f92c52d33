package testnet

import (
	bin "encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// turnoverRate flows begin each second, and each is over turnoverIdle after its one
	// datagram and the answer: so turnoverRate × turnoverIdle live at a time.
	turnoverRate = 10_000
	turnoverIdle = 20 * time.Second

	// turnoverWarm is how long it takes until as many end as begin, ports that rest
	// included; turnoverLength is measured.
	turnoverWarm   = 45 * time.Second
	turnoverLength = time.Minute

	// A datagram that has no answer after turnoverRetry is sent again, turnoverTries times
	// in all: what loses a datagram now and then is UDP, not the flow.
	turnoverRetry = time.Second
	turnoverTries = 4

	// turnoverSlack is how much a process may grow besides: its collector's pace.
	turnoverSlack = 4 << 20
)

// Two hundred thousand flows live while ten thousand begin and end each second, for a
// minute: none is lost, and no role's memory grows.
func TestChaosTurnover(t *testing.T) {
	needLong(t)
	dir := bringUp(t, variant(t,
		"public_addresses: [198.51.100.1]}", fmt.Sprintf("public_addresses: [198.51.100.1, 198.51.100.3], timeouts: {udp_idle: %v}}", turnoverIdle),
		"public_addresses: [198.51.100.2]}", fmt.Sprintf("public_addresses: [198.51.100.2, 198.51.100.4], timeouts: {udp_idle: %v}}", turnoverIdle)))
	var all []*turnover
	for _, from := range []struct{ name, address string }{{"blue-1", "10.0.1.10"}, {"blue-2", "10.0.1.11"}, {"green-1", "10.0.1.10"}} {
		all = append(all, startTurnover(t, from.name, from.address, turnoverRate/3))
	}
	at := func(what string) (flows float64, memory map[string]int) {
		memory = map[string]int{}
		for name, s := range scrapeAll(t, dir) {
			flows += s["flows"]
			memory[name] = residentBytes(t, dir, name)
		}
		t.Logf("%s: %.0f flows, resident %v", what, flows, memory)
		return flows, memory
	}
	time.Sleep(turnoverWarm)
	flows, before := at("in the beginning")
	begun := sum(all, func(x *turnover) int { return x.begun })
	time.Sleep(turnoverLength)
	later, after := at("in the end")
	begun = sum(all, func(x *turnover) int { return x.begun }) - begun
	var again, lost int
	for _, x := range all {
		x.end(t)
		again += x.again
		lost += x.lost
	}
	t.Logf("%d flows began in a minute, %d datagrams were sent again, %d flows never answered", begun, again, lost)
	if want := 0.9 * turnoverRate * turnoverIdle.Seconds(); flows < want || later < want {
		t.Errorf("%.0f and %.0f flows, want %.0f", flows, later, want)
	}
	if lost > 0 {
		t.Errorf("%d flows lost", lost)
	}
	for name, was := range before {
		if now := after[name]; now > was+was/20+turnoverSlack {
			t.Errorf("%s: %d bytes resident, and %d a minute before", name, now, was)
		}
	}
}

func sum(all []*turnover, of func(*turnover) int) (n int) {
	for _, x := range all {
		x.ask <- func() { n += of(x) }
		<-x.asked
	}
	return n
}

// residentBytes is what of a part's process is in memory.
func residentBytes(t *testing.T, dir Dir, name string) int {
	t.Helper()
	id, ok := readPid(dir, name)
	if !ok {
		t.Fatalf("%s does not run", name)
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", id.PID))
	var size, resident int
	if err == nil {
		_, err = fmt.Sscan(string(data), &size, &resident)
	}
	if err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize()
}

// turnover begins flows in an instance at a steady pace: datagrams from one port after the
// other to the echo servers, by a raw socket, since a port is used for one datagram only.
type turnover struct {
	fd          int
	begun       int
	again, lost int
	ask         chan func()
	asked       chan struct{}
	over        chan error

	address [4]byte
	waiting []waiting // by place
	due     []int     // places, in the order in which they were sent
}

// waiting is a flow whose answer has not come yet.
type waiting struct {
	tries int // 0: it has
	sent  time.Time
}

const turnoverPorts = 60_000

var turnoverServers = []string{web, peer}

func startTurnover(t *testing.T, name, address string, rate int) *turnover {
	t.Helper()
	x := &turnover{
		ask: make(chan func()), asked: make(chan struct{}), over: make(chan error, 1),
		address: netip.MustParseAddr(address).As4(), waiting: make([]waiting, turnoverPorts*len(turnoverServers)),
	}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // its namespace is the thread's, and the thread ends with it
		x.over <- InNamespace(name, func() (err error) {
			x.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
			if err == nil {
				err = unix.SetsockoptInt(x.fd, unix.IPPROTO_IP, unix.IP_HDRINCL, 1)
			}
			if err == nil {
				err = unix.SetsockoptInt(x.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
			}
			ready <- err
			if err == nil {
				defer unix.Close(x.fd)
				x.run(rate)
			}
			return err
		})
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	return x
}

// run sends and receives until it is asked for nothing.
func (x *turnover) run(rate int) {
	begun, buf := time.Now(), make([]byte, 2048)
	for {
		select {
		case f := <-x.ask:
			if f == nil {
				return
			}
			f()
			x.asked <- struct{}{}
		default:
		}
		now := time.Now()
		for want := int(now.Sub(begun).Seconds() * float64(rate)); x.begun < want; x.begun++ {
			place := x.begun % len(x.waiting)
			x.waiting[place] = waiting{}
			x.send(place, now)
		}
		x.sendAgain(now)
		for {
			n, _, err := unix.Recvfrom(x.fd, buf, 0)
			if err != nil {
				break
			}
			if n == 36 { // IP, UDP and the place
				x.waiting[bin.BigEndian.Uint64(buf[28:])%uint64(len(x.waiting))].tries = 0
			}
		}
		time.Sleep(time.Millisecond)
	}
}

func (x *turnover) send(place int, now time.Time) {
	var p [36]byte
	to := netip.MustParseAddr(turnoverServers[place%len(turnoverServers)]).As4()
	p[0], p[3], p[8], p[9] = 0x45, byte(len(p)), 64, unix.IPPROTO_UDP
	copy(p[12:], x.address[:])
	copy(p[16:], to[:])
	bin.BigEndian.PutUint16(p[20:], uint16(1024+place/len(turnoverServers)))
	p[23], p[25] = 7, 16 // port and length; no checksum
	bin.BigEndian.PutUint64(p[28:], uint64(place))
	w := &x.waiting[place]
	w.tries, w.sent = w.tries+1, now
	x.due = append(x.due, place)
	unix.Sendto(x.fd, p[:], 0, &unix.SockaddrInet4{Addr: to}) // what the kernel does not take has no answer
}

// sendAgain looks at those that were sent turnoverRetry ago.
func (x *turnover) sendAgain(now time.Time) {
	for len(x.due) > 0 {
		w := &x.waiting[x.due[0]]
		if w.tries > 0 && now.Sub(w.sent) < turnoverRetry {
			return
		}
		place := x.due[0]
		x.due = x.due[1:]
		switch w.tries {
		case 0:
		case turnoverTries:
			x.lost++
			w.tries = 0
		default:
			x.again++
			x.send(place, now)
		}
	}
}

func (x *turnover) end(t *testing.T) {
	x.ask <- nil
	if err := <-x.over; err != nil {
		t.Error(err)
	}
}
