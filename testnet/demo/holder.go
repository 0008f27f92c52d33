package demo

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"hyperplane/testnet"
	"hyperplane/testnet/hold"
)

// holder keeps connections open while the demo runs and uses all of them.
type holder struct {
	options hold.Options
	reserve func() error // keeps the kernel from choosing the drivers' ports
	mu      sync.Mutex   // guards what follows
	held    Held
	last    []Wait // the windows of silentAfter
}

// newHolder holds connections from the instances that have tasks to the hosts
// that these talk to.
func newHolder(tasks []Task) *holder {
	var o hold.Options
	for _, t := range tasks {
		if ns := (testnet.Part{Name: t.Instance}).Namespace(); !slices.Contains(o.From, ns) {
			o.From = append(o.From, ns)
		}
		if !slices.Contains(o.Servers, t.Host.Address) {
			o.Servers = append(o.Servers, t.Host.Address)
		}
	}
	o.TCP = heldConns
	return &holder{options: o, held: Held{Want: o.TCP}, reserve: func() error {
		for _, t := range tasks {
			if err := inNamespace(t.Instance)(reservePorts); err != nil {
				return err
			}
		}
		return nil
	}}
}

// reservePorts keeps the drivers' local ports free in the namespace that the
// thread is in: a connection that is held would keep one of them for good.
func reservePorts() error {
	const file = "/proc/sys/net/ipv4/ip_local_reserved_ports"
	return os.WriteFile(file, fmt.Appendf(nil, "%d,%d,%d,%d-%d", namePort, pagePort, peerPagePort, bulkPort, bulkPort+1), 0o644)
}

// run opens the connections, again until that works, and then uses them until
// ctx ends. What broke is not opened again.
func (h *holder) run(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := h.open(ctx)
		if err == nil {
			defer c.Close()
			h.note(h.use(ctx, c))
			return
		}
		if ctx.Err() == nil {
			h.note(err)
			pause(ctx, retryEvery)
		}
	}
}

func (h *holder) open(ctx context.Context) (*hold.Client, error) {
	if err := h.reserve(); err != nil {
		return nil, err
	}
	return hold.Open(ctx, h.options)
}

// use uses the connections in short runs of the client. Each tells of its own
// time, and of all of it since they were opened.
func (h *holder) use(ctx context.Context, c *hold.Client) error {
	for {
		var w hold.Window
		run, cancel := context.WithTimeout(ctx, holdRun)
		all, err := c.Run(run, nil, func(e hold.Event) {
			if e.Event == hold.EventStop {
				w = *e.Window
			}
		})
		cancel()
		if err != nil {
			return err
		}
		h.add(w, all)
		if ctx.Err() != nil {
			return nil
		}
	}
}

func (h *holder) note(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.held.Error = strings.ReplaceAll(err.Error(), "\n", " ")
	}
}

// add takes in a run's figures and those since the opening.
func (h *holder) add(w, all hold.Window) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wait := Wait{millis(w.Stall.Max), time.Duration(w.Seconds * float64(time.Second)), 0}
	for _, b := range w.Stall.Buckets {
		if millis(b.UpTo) >= wait.Window {
			wait.All += b.Count // to the precision of a bucket
		}
	}
	h.last = append(h.last, wait)
	h.last = h.last[max(0, len(h.last)-int(silentAfter/holdRun)):]
	windows := append(h.held.Windows, wait)
	h.held = Held{
		Want: h.held.Want, Open: true, Held: all.TCP, Broken: all.Broken, Misdelivered: all.Misdelivered, Silent: silent(h.last),
		Longest: millis(all.Stall.Max), Causes: causes(all.Causes),
		Windows: windows[max(0, len(windows)-windowsMax):],
	}
}

// read returns what there is by now.
func (h *holder) read() Held {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.held
	h.held.Windows = nil
	return now
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func causes(n map[string]int) string {
	var list []string
	for _, why := range slices.Sorted(maps.Keys(n)) {
		list = append(list, fmt.Sprintf("%s %d", why, n[why]))
	}
	return strings.Join(list, ", ")
}

// held reports whether a flow is one of the connections held.
func (f *Flow) held() bool {
	a, err := netip.ParseAddrPort(f.Remote)
	return err == nil && f.Protocol == "tcp" && a.Port() >= hold.FirstPort && a.Port() < hold.FirstPort+hold.Ports
}
