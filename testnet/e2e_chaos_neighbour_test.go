package testnet

import (
	"slices"
	"testing"
	"time"
)

// While one tenant is flooded the other's download keeps its pace. A flood costs the
// machine that makes it, so the comparison is with one as large that no gateway has
// anything to do with; the rounds are interleaved, and the medians compared.
func TestChaosNeighbour(t *testing.T) {
	needLong(t)
	const rounds, length, unharmed = 5, 3 * time.Second, 0.9
	dir := bringUp(t, DefaultTopology)
	state, err := readState(dir.State())
	if err != nil {
		t.Fatal(err)
	}
	b := startBulk(t, "green-1")
	defer b.stop()
	b.moves(t)
	pace := func(flood func()) float64 { // in Gbit/s
		before, begun := b.bytes.Load(), time.Now()
		flood()
		return float64(b.bytes.Load()-before) * 8 / time.Since(begun).Seconds() / 1e9
	}
	floodOf := func(to string) func() {
		return func() {
			end := startFlood(t, state, to, carriedRate, length)
			end()
		}
	}
	var quiet, nobody, blue []float64
	for range rounds {
		quiet = append(quiet, pace(func() { time.Sleep(length) }))
		nobody = append(nobody, pace(floodOf("198.51.100.99")))
		blue = append(blue, pace(floodOf("198.51.100.1")))
	}
	median := func(of []float64) float64 {
		slices.Sort(of)
		return of[len(of)/2]
	}
	t.Logf("green's download in Gbit/s, medians of %d (spread): quiet %.2f (%.2f), %d SYNs a second for nobody %.2f (%.2f), for blue %.2f (%.2f)",
		rounds, median(quiet), quiet, carriedRate, median(nobody), nobody, median(blue), blue)
	if share := median(blue) / median(nobody); share < unharmed {
		t.Errorf("%.2f of its pace is left, want %.2f", share, unharmed)
	}
}
