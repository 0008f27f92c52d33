package testnet

import (
	"encoding/json"
	"flag"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// rewrite renews the picture in the documents.
var rewrite = flag.Bool("rewrite", false, "write docs/results/failover-traffic.svg anew")

const (
	// sampleEvery is the pause between two looks at a node's counters.
	sampleEvery = 100 * time.Millisecond

	// moreTrafficMax is how much more nodes may say to each other in the busiest
	// second after a loss than in the busiest one before it: room for a busy
	// machine, not for a storm.
	moreTrafficMax = 1.1
)

// A loss makes the nodes that are left say less to each other, not more: what
// the dead one said is missing, and nobody catches up with anything.
func TestChaosTraffic(t *testing.T) {
	dir := bringUp(t, DefaultTopology)
	c := &chaos{dir: dir}
	held := startHolding(t, dir, "blue-1,blue-2,green-1", 2000, 100)
	held.round(t)
	c.whole(t)
	before, after := 2*time.Second, 4*time.Second
	if long() {
		before, after = 5*time.Second, 15*time.Second
	}
	const victim = "node-2"
	held.mark(t, "kill -9 "+victim)
	stop := sampleTraffic(t, dir, "node-1", "node-2", "node-3")
	time.Sleep(before + 2*sampleEvery) // what is measured, not what is waited for
	killed := time.Now()
	killHard(t, dir, victim)
	time.Sleep(after - time.Since(killed))
	m := measured{Victim: victim, Held: 2100, Nodes: stop(killed)}
	held.round(t)
	w := held.mark(t, "end")
	if m.Stall = w.Stall.Max; !w.Intact() {
		t.Errorf("%v", w)
	}

	m.rate(-before, after)
	m.write(t, filepath.Join(t.ArtifactDir(), "traffic.json"), m.writeJSON)
	m.write(t, filepath.Join(t.ArtifactDir(), "traffic.svg"), m.writeSVG)
	if *rewrite {
		m.write(t, "../docs/results/failover-traffic.svg", m.writeSVG)
	}
	t.Logf("datagrams a second: mean %.0f before and %.0f after, busiest second %.0f before and %.0f after; longest stall %v ms",
		m.MeanBefore, m.MeanAfter, m.BusiestBefore, m.BusiestAfter, m.Stall)
	if m.MeanBefore == 0 || m.BusiestAfter > moreTrafficMax*m.BusiestBefore {
		t.Errorf("in the busiest second the nodes sent each other %.0f datagrams after the loss, %.0f before", m.BusiestAfter, m.BusiestBefore)
	}
}

// measured is what the nodes told each other around a loss.
type measured struct {
	Victim string                     `json:"victim"`
	Held   int                        `json:"connections"`
	Stall  float64                    `json:"longest_stall_ms"`
	Nodes  map[string][]trafficSample `json:"samples"` // counters
	Rates  map[string][]trafficSample `json:"rates"`   // per second; of the sum under ""

	MeanBefore    float64 `json:"datagrams_per_second_before"`
	MeanAfter     float64 `json:"datagrams_per_second_after"`
	BusiestBefore float64 `json:"busiest_second_before"`
	BusiestAfter  float64 `json:"busiest_second_after"`
}

// trafficSample is one look at a node.
type trafficSample struct {
	At        float64 `json:"at"`        // seconds after the loss
	Datagrams float64 `json:"datagrams"` // of hellos, messages and answers to probes, and packets along the chain
	Messages  float64 `json:"messages"`
	Misses    float64 `json:"misses"`
}

// sampleTraffic looks at nodes until stop is called.
func sampleTraffic(t *testing.T, dir Dir, names ...string) (stop func(zero time.Time) map[string][]trafficSample) {
	t.Helper()
	type look struct {
		at time.Time
		m  Metrics
	}
	looks := make([][]look, len(names))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			ticker := time.NewTicker(sampleEvery)
			defer ticker.Stop()
			for {
				select {
				case <-done:
					return
				case <-ticker.C:
				}
				// The counters are of a moment between these two.
				begun := time.Now()
				m, err := Scrape(t.Context(), dir, name)
				if err == nil { // the dead one does not answer
					looks[i] = append(looks[i], look{begun.Add(time.Since(begun) / 2), m})
				}
			}
		})
	}
	return func(zero time.Time) map[string][]trafficSample {
		close(done)
		wg.Wait()
		all := map[string][]trafficSample{}
		for i, name := range names {
			for _, l := range looks[i] {
				all[name] = append(all[name], trafficSample{
					At:        l.at.Sub(zero).Seconds(),
					Datagrams: l.m["control_datagrams_sent_total"] + l.m["chain_packets_sent_total"],
					Messages:  l.m["chain_messages_sent_total"], Misses: l.m["misses_total"],
				})
			}
		}
		return all
	}
}

// rate fills in the rates, on one grid of times for all nodes.
func (m *measured) rate(from, to time.Duration) {
	m.Rates = map[string][]trafficSample{}
	n := int((to - from) / sampleEvery)
	sum := make([]trafficSample, n)
	for name, samples := range m.Nodes {
		m.Rates[name] = make([]trafficSample, n)
		for i := range n {
			a := (from + time.Duration(i)*sampleEvery).Seconds()
			b := a + sampleEvery.Seconds()
			x, y := counterAt(samples, a), counterAt(samples, b)
			r := trafficSample{
				At:        (a + b) / 2,
				Datagrams: (y.Datagrams - x.Datagrams) / (b - a), Messages: (y.Messages - x.Messages) / (b - a), Misses: (y.Misses - x.Misses) / (b - a),
			}
			m.Rates[name][i] = r
			sum[i].At = r.At
			sum[i].Datagrams += r.Datagrams
			sum[i].Messages += r.Messages
			sum[i].Misses += r.Misses
		}
	}
	m.Rates[""] = sum
	before := int(-from / sampleEvery)
	m.MeanBefore, m.BusiestBefore = meanAndBusiest(sum[:before])
	m.MeanAfter, m.BusiestAfter = meanAndBusiest(sum[before:])
}

// counterAt is what counters stood at between two looks, by a straight line;
// before the first look and after the last one they stood still.
func counterAt(samples []trafficSample, at float64) trafficSample {
	for i, b := range samples {
		if b.At < at {
			continue
		}
		if i == 0 {
			return b
		}
		a := samples[i-1]
		share := (at - a.At) / (b.At - a.At)
		between := func(x, y float64) float64 { return x + share*(y-x) }
		return trafficSample{at, between(a.Datagrams, b.Datagrams), between(a.Messages, b.Messages), between(a.Misses, b.Misses)}
	}
	return samples[len(samples)-1]
}

// meanAndBusiest returns the mean rate and that of the busiest whole second.
func meanAndBusiest(rates []trafficSample) (mean, busiest float64) {
	second := int(time.Second / sampleEvery)
	for i := range rates {
		mean += rates[i].Datagrams / float64(len(rates))
		if i+second > len(rates) {
			continue
		}
		in := 0.0
		for _, r := range rates[i : i+second] {
			in += r.Datagrams / float64(second)
		}
		busiest = max(busiest, in)
	}
	return mean, busiest
}

func (m *measured) write(t *testing.T, path string, how func(io.Writer) error) {
	t.Helper()
	f, err := os.Create(path)
	if err == nil {
		if err = how(f); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func (m *measured) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(m)
}

func (m *measured) writeSVG(w io.Writer) error {
	canvas := vgsvg.New(20*vg.Centimeter, 20*vg.Centimeter)
	if err := m.draw(draw.New(canvas)); err != nil {
		return err
	}
	_, err := canvas.WriteTo(w)
	return err
}

// draw draws the rates: datagrams, what is in them, and the packets without an entry
// that were the cause of some.
func (m *measured) draw(canvas draw.Canvas) error {
	upper, middle, lower := plot.New(), plot.New(), plot.New()
	upper.Title.Text = fmt.Sprintf("What nodes send each other when %s is killed at 0 s, with %d connections in use", m.Victim, m.Held)
	upper.Y.Label.Text = "datagrams / s"
	middle.Y.Label.Text = "messages in them / s"
	lower.Y.Label.Text = "misses / s"
	lower.X.Label.Text = "seconds"
	for _, l := range []struct {
		on    *plot.Plot
		name  string
		node  string
		value func(trafficSample) float64
		color color.Color
		width vg.Length
	}{
		{upper, "all nodes", "", func(s trafficSample) float64 { return s.Datagrams }, color.Black, 1.5},
		{upper, "node-1", "node-1", func(s trafficSample) float64 { return s.Datagrams }, color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff}, 1},
		{upper, "node-2", "node-2", func(s trafficSample) float64 { return s.Datagrams }, color.RGBA{R: 0xd6, G: 0x27, B: 0x28, A: 0xff}, 1},
		{upper, "node-3", "node-3", func(s trafficSample) float64 { return s.Datagrams }, color.RGBA{R: 0x2c, G: 0xa0, B: 0x2c, A: 0xff}, 1},
		{middle, "all nodes", "", func(s trafficSample) float64 { return s.Messages }, color.Black, 1.5},
		{lower, "all nodes", "", func(s trafficSample) float64 { return s.Misses }, color.Black, 1.5},
	} {
		var points plotter.XYs
		for _, s := range m.Rates[l.node] {
			points = append(points, plotter.XY{X: s.At, Y: l.value(s)})
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.Color, line.Width = l.color, l.width
		l.on.Add(line)
		l.on.Legend.Add(l.name, line)
	}
	for _, p := range []*plot.Plot{upper, middle, lower} {
		p.Y.Min = 0
		step := math.Pow10(max(int(math.Log10(max(p.Y.Max, 10)))-1, 0))
		p.Y.Max = step * math.Ceil(1.3*p.Y.Max/step) // round, with room for the legend
		loss, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 0, Y: p.Y.Max}})
		if err != nil {
			return err
		}
		loss.Color, loss.Dashes = color.Gray{0x80}, []vg.Length{3, 3}
		grid := plotter.NewGrid()
		grid.Vertical.Color = nil
		p.Add(loss, grid)
		p.Legend.Top = true
	}
	rows := [][]*plot.Plot{{upper}, {middle}, {lower}}
	for i, row := range plot.Align(rows, draw.Tiles{Rows: 3, Cols: 1, PadY: 8, PadTop: 4, PadBottom: 4, PadLeft: 4, PadRight: 8}, canvas) {
		rows[i][0].Draw(row[0])
	}
	return nil
}
