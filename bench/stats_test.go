package bench

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSummarize(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   Stat
	}{
		{nil, Stat{}},
		{[]float64{3}, Stat{Median: 3, Min: 3, Max: 3, Count: 1}},
		{[]float64{4, 1}, Stat{Median: 2.5, Min: 1, Max: 4, Count: 2}},
		{[]float64{9, 1, 2}, Stat{Median: 2, Min: 1, Max: 9, Count: 3}},
	} {
		if got := summarize(c.values, 0); got != c.want {
			t.Errorf("%v: got %+v, want %+v", c.values, got, c.want)
		}
	}
}

func TestSummarizeKeepsItsInputAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e9, 1e9), 1, 20).Draw(t, "values")
		before := slices.Clone(values)
		s := summarize(values, 1)
		if !slices.Equal(values, before) {
			t.Fatal("the input was changed")
		}
		if s.Min > s.Median || s.Median > s.Max || s.Count != len(values) || s.Noisy != 1 {
			t.Fatalf("%+v", s)
		}
		below, above := 0, 0
		for _, v := range values {
			if v < s.Median {
				below++
			}
			if v > s.Median {
				above++
			}
		}
		if below > len(values)/2 || above > len(values)/2 {
			t.Fatalf("%d below and %d above the median of %d", below, above, len(values))
		}
	})
}
