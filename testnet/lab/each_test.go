package lab

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	parts := make([]int, 3*buildersMax)
	for i := range parts {
		parts[i] = i
	}
	var ran atomic.Int64
	if err := Each(t.Context(), parts, func(int) error { ran.Add(1); return nil }); err != nil || int(ran.Load()) != len(parts) {
		t.Errorf("%d ran, %v", ran.Load(), err)
	}
	bad := errors.New("bad")
	if err := Each(t.Context(), parts, func(i int) error {
		if i%5 == 1 {
			return bad
		}
		return nil
	}); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Each(ctx, parts, func(int) error { t.Error("ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := Each[int](t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
}
