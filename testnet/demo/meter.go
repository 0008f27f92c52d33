package demo

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Meter counts what one task did. Its driver writes it, anyone may read it.
type Meter struct {
	Task  Task
	bytes atomic.Uint64 // moved by a bulk transfer, as it goes on

	mu sync.Mutex // guards what follows
	a  Activity
}

// Activity is what a Meter showed at one moment.
type Activity struct {
	Task   Task
	OK     uint64        // pages, echoes, names or transfers that were right
	Failed uint64        // those that were not
	Bytes  uint64        // moved by bulk transfers
	Took   time.Duration // the newest that was right
	Broken bool          // the newest was not right
	Error  string        // why the newest that failed did
	Public string        // address and port that the other end saw
	// Foreign says that an answer came that was another tenant's. It stays.
	Foreign string
}

func newMeter(t Task) *Meter { return &Meter{Task: t, a: Activity{Task: t}} }

func (m *Meter) ok(took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.a.OK++
	m.a.Took, m.a.Broken = took, false
}

func (m *Meter) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.a.Failed++
	m.a.Broken, m.a.Error = true, strings.ReplaceAll(err.Error(), "\n", " ")
}

// saw notes which address the other end saw.
func (m *Meter) saw(public string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.a.Public = public
}

// foreign notes an answer that was meant for another tenant.
func (m *Meter) foreign(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.a.Foreign = what
}

// Read returns what there is by now.
func (m *Meter) Read() Activity {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.a
	a.Bytes = m.bytes.Load()
	return a
}
