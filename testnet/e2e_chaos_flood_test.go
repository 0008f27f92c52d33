package testnet

import (
	bin "encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"hyperplane/cellstate"
	"hyperplane/testnet/hold"
)

const (
	// carriedRate is the flood, in packets a second, that has to be carried without
	// anybody noticing; at floodRate a small machine is short of processors for the
	// flood itself, so what then happens is only reported.
	carriedRate = 10_000
	floodRate   = 100_000
	floodBatch  = 64 // packets in one call

	// openEvery is the pace of new flows that are timed; openWaitMax is when one
	// counts as failed: after three SYNs.
	openEvery   = 10 * time.Millisecond
	openWaitMax = 8 * time.Second
)

// A scan of one tenant's public address from everywhere breaks no connection, and
// another tenant opens flows meanwhile.
func TestChaosFlood(t *testing.T) { flooded(t, carriedRate, true) }

// The same at a rate at which every processor is busy. What becomes of the
// connections is a measurement, not a promise.
func TestChaosFloodBeyond(t *testing.T) {
	needLong(t)
	for _, rate := range []int{30_000, floodRate} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) { flooded(t, rate, false) })
	}
}

func flooded(t *testing.T, rate int, promised bool) {
	c := newChaos(t, DefaultTopology)
	length := 3 * time.Second
	if long() {
		length = 10 * time.Second
	}
	state, err := readState(c.dir.State())
	if err != nil {
		t.Fatal(err)
	}
	var r floodReport
	var windows []hold.Window
	window := func(name string, f func()) {
		c.held.mark(t, name)
		f()
		c.held.round(t)
		windows = append(windows, c.held.mark(t, "between"))
	}
	window("quiet", func() { r.Before = openNewFlows(t, "green-1", web+":7", length) })
	before := scrapeAll(t, c.dir)
	window(fmt.Sprintf("%d SYNs a second", rate), func() {
		flood := startFlood(t, state, "198.51.100.1", rate, length)
		r.During = openNewFlows(t, "green-1", web+":7", length)
		r.Sent, r.Seconds = flood()
	})
	r.count(before, scrapeAll(t, c.dir))
	window("quiet again", func() { r.After = openNewFlows(t, "green-1", web+":7", length) })
	c.windows = windows
	data, err := json.MarshalIndent(r, "", " ")
	if err == nil {
		err = os.WriteFile(filepath.Join(t.ArtifactDir(), "flood.json"), data, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
	t.Logf("%s", data)
	if float64(r.Sent) < 0.5*float64(rate)*r.Seconds || r.AtEdges == 0 || r.Nodes["unsolicited"]+r.Nodes["miss_budget"]+r.Nodes["rebuilding"] == 0 {
		t.Error("the flood did not arrive")
	}
	if !promised {
		return
	}
	for _, w := range windows {
		if !w.Intact() {
			t.Errorf("%s: %v", w.Name, w)
		}
	}
	if r.Before.Failed+r.During.Failed+r.After.Failed > 0 {
		t.Errorf("flows that did not open within %v: %d before, %d during the flood, %d after it", openWaitMax, r.Before.Failed, r.During.Failed, r.After.Failed)
	}
}

// floodReport is what the flood was and did. Counts are packets.
type floodReport struct {
	Sent     int                `json:"sent"`
	Seconds  float64            `json:"seconds"`
	AtEdges  float64            `json:"received_by_edges"`
	TUNs     map[string]float64 `json:"lost_in_tun_queues"`
	Overflow map[string]float64 `json:"lost_in_socket_buffers"` // messages, which may hold several packets
	Edges    map[string]float64 `json:"dropped_by_edges"`
	Misses   float64            `json:"sent_down_the_chain"`
	Nodes    map[string]float64 `json:"dropped_by_nodes"`
	Hosts    map[string]float64 `json:"dropped_by_hosts"`

	Before opened `json:"before"`
	During opened `json:"during"`
	After  opened `json:"after"`
}

// scrapeAll reads the metrics of all roles.
func scrapeAll(t *testing.T, dir Dir) map[string]samples {
	t.Helper()
	top, err := running(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]samples{}
	for _, p := range roles(top) {
		all[p.Name] = scrape(t, dir, p.Name)
		if p.Role == RoleEdge {
			all[p.Name][tunLost] = tunOverflow(t, p.Name)
		}
	}
	return all
}

// tunLost stands among the metrics for what an edge's kernel dropped because the
// queue of the TUN was full.
const tunLost = "lost in the TUN's queue"

func tunOverflow(t *testing.T, edge string) (n float64) {
	t.Helper()
	err := InNamespace(edge, func() error {
		link, err := netlink.LinkByName("internet0")
		if err == nil {
			n = float64(link.Attrs().Statistics.TxDropped)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// count says what happened between two looks at all roles.
func (r *floodReport) count(before, now map[string]samples) {
	r.Overflow, r.TUNs = map[string]float64{}, map[string]float64{}
	r.Edges, r.Nodes, r.Hosts = map[string]float64{}, map[string]float64{}, map[string]float64{}
	for name, s := range now {
		grown := func(metric string) float64 { return s[metric] - before[name][metric] }
		if n := grown("wire_overflow_total"); n > 0 {
			r.Overflow[name] = n
		}
		if n := grown(tunLost); n > 0 {
			r.TUNs[name] = n
		}
		drops := r.Nodes
		switch {
		case strings.HasPrefix(name, "edge"):
			r.AtEdges += grown("received_packets_total{side=tun}")
			drops = r.Edges
		case strings.HasPrefix(name, "host"):
			drops = r.Hosts
		}
		r.Misses += grown("misses_total")
		for metric := range s {
			reason, ok := strings.CutPrefix(metric, "dropped_packets_total{reason=")
			if n := grown(metric); ok && n > 0 {
				drops[strings.TrimSuffix(reason, "}")] += n
			}
		}
	}
}

// startFlood lets SYNs to random ports of an address, from random sources, come in
// at the edges, for some time, and returns how to wait for its end: how many were
// sent, in how many seconds.
//
// They begin at the router's links to the edges, each at one by chance, as the router
// spreads flows. Sent from a server, and forwarded by the router, each costs twice the
// processor time; on a small machine that time is the cell's.
func startFlood(t *testing.T, state *cellstate.State, to string, rate int, length time.Duration) (wait func() (int, float64)) {
	t.Helper()
	address := netip.MustParseAddr(to).As4()
	fd := -1
	var links []unix.RawSockaddrLinklayer
	err := InNamespace(routerName, func() (err error) {
		for _, edge := range state.Edges {
			link, err := net.InterfaceByName(edge.Name)
			if err != nil {
				return err
			}
			near, err := netlink.NeighList(link.Index, netlink.FAMILY_V4) // the edge alone
			if err != nil || len(near) == 0 {
				return fmt.Errorf("who is at the other end of %s: %w", edge.Name, err)
			}
			to := unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Protocol: bin.NativeEndian.Uint16([]byte{8, 0}), Ifindex: int32(link.Index), Halen: 6}
			copy(to.Addr[:], near[0].HardwareAddr)
			links = append(links, to)
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
			err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("flood: seed %d", seed)
	type result struct {
		sent    int
		seconds float64
	}
	ended := make(chan result)
	go func() {
		runtime.LockOSThread()
		defer unix.Close(fd)
		f := newFlood(fd, links, address, seed)
		begun := time.Now()
		for sent := 0; ; {
			passed := time.Since(begun)
			if passed >= length {
				ended <- result{sent, passed.Seconds()}
				return
			}
			if float64(sent) >= float64(rate)*passed.Seconds() {
				time.Sleep(200 * time.Microsecond)
				continue
			}
			sent += f.send()
		}
	}()
	return func() (int, float64) {
		r := <-ended
		return r.sent, r.seconds
	}
}

// flood is a batch of SYNs.
type flood struct {
	fd       int
	random   *rand.Rand
	links    []unix.RawSockaddrLinklayer
	packets  [floodBatch][40]byte
	vectors  [floodBatch]unix.Iovec
	messages [floodBatch]struct {
		hdr unix.Msghdr
		n   uint32
		_   [4]byte
	}
}

func newFlood(fd int, links []unix.RawSockaddrLinklayer, to [4]byte, seed uint64) *flood {
	f := &flood{fd: fd, random: rand.New(rand.NewPCG(seed, 0)), links: links}
	for i := range f.packets {
		p := f.packets[i][:]
		p[0], p[3], p[8], p[9] = 0x45, 40, 64, unix.IPPROTO_TCP
		copy(p[16:], to[:])
		p[32], p[33] = 5<<4, 2 // SYN
		p[34] = 0x40           // window
		f.vectors[i].Base = &p[0]
		f.vectors[i].SetLen(len(p))
		f.messages[i].hdr.Namelen = unix.SizeofSockaddrLinklayer
		f.messages[i].hdr.Iov = &f.vectors[i]
		f.messages[i].hdr.SetIovlen(1)
	}
	return f
}

// send makes the batch anew and sends it; it returns how many the kernel took.
func (f *flood) send() int {
	for i := range f.packets {
		p := f.packets[i][:]
		a, b := f.random.Uint64(), f.random.Uint64()
		f.messages[i].hdr.Name = (*byte)(unsafe.Pointer(&f.links[b>>33%uint64(len(f.links))]))
		bin.BigEndian.PutUint32(p[12:], uint32(a))
		p[12] = 11 + byte(a>>24)%89 // 11.0.0.0 to 99.255.255.255: none of this testnet's
		bin.BigEndian.PutUint32(p[20:], uint32(a>>32))
		bin.BigEndian.PutUint32(p[24:], uint32(b))
		p[10], p[11] = 0, 0
		bin.BigEndian.PutUint16(p[10:], checksum(0, p[:20]))
		p[36], p[37] = 0, 0
		bin.BigEndian.PutUint16(p[36:], checksum(unix.IPPROTO_TCP+20, p[12:]))
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(f.fd), uintptr(unsafe.Pointer(&f.messages)), floodBatch, 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

func checksum(sum uint32, b []byte) uint16 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// opened is how long new flows took to open, in milliseconds.
type opened struct {
	Flows  int     `json:"flows"`
	Failed int     `json:"failed"`
	Late   int     `json:"after_a_second"` // their first SYN was lost
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	Max    float64 `json:"max_ms"`
}

// openNewFlows opens TCP connections from a part at a steady pace, whether those
// before have opened or not, and closes each when it is open.
func openNewFlows(t *testing.T, name, to string, length time.Duration) (o opened) {
	t.Helper()
	server := netip.MustParseAddrPort(to)
	var took []time.Duration
	err := InNamespace(name, func() error {
		type opening struct {
			fd    int
			begun time.Time
		}
		var open []opening
		var polled []unix.PollFd
		begun := time.Now()
		for n := 0; ; {
			now := time.Now()
			if due := begun.Add(time.Duration(n) * openEvery); now.Sub(begun) < length && !now.Before(due) {
				n++
				fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
				if err != nil {
					return err
				}
				unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // close by RST
				if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: server.Addr().As4(), Port: int(server.Port())}); err != unix.EINPROGRESS {
					unix.Close(fd)
					return err
				}
				open, polled = append(open, opening{fd, now}), append(polled, unix.PollFd{Fd: int32(fd), Events: unix.POLLOUT})
			}
			if len(open) == 0 && now.Sub(begun) >= length {
				return nil
			}
			if _, err := unix.Poll(polled, 1); err != nil && err != unix.EINTR {
				return err
			}
			now = time.Now()
			for i := 0; i < len(open); {
				x := open[i]
				if polled[i].Revents == 0 && now.Sub(x.begun) < openWaitMax {
					i++
					continue
				}
				if e, err := unix.GetsockoptInt(x.fd, unix.SOL_SOCKET, unix.SO_ERROR); polled[i].Revents == 0 || err != nil || e != 0 {
					o.Failed++
				} else {
					took = append(took, now.Sub(x.begun))
				}
				unix.Close(x.fd)
				open, polled = slices.Delete(open, i, i+1), slices.Delete(polled, i, i+1)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(took) == 0 {
		t.Fatalf("no flow from %s opened, %d failed", name, o.Failed)
	}
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[min(int(share*float64(len(took))), len(took)-1)].Microseconds()) / 1000
	}
	o.Flows, o.P50, o.P99, o.Max = len(took), at(0.5), at(0.99), at(1)
	for _, d := range took {
		if d > 900*time.Millisecond {
			o.Late++
		}
	}
	return o
}
