package natgw

import "testing"

// An RST counts from 64 KB before the last acknowledgement up to 1 MB behind it, across the
// wrap too.
func TestExpects(t *testing.T) {
	const unit = 1 << 16
	for _, acked := range []uint32{0, 5*unit + 77, 0xffff0000, 0xffffffff, 0x80000000} {
		e := entry{ackOut: acked, traits: acksOut}
		for _, c := range []struct {
			ahead int64
			want  bool
		}{
			{0, true}, {unit - 1, true}, {-1, true}, {-unit, true}, {-unit - 1, false},
			{16 * unit, true}, {16*unit + 1, false}, {1 << 31, false}, {-1 << 31, false},
		} {
			if got := e.expects(acked + uint32(c.ahead)); got != c.want {
				t.Errorf("acknowledged %#x, %d ahead: %v", acked, c.ahead, got)
			}
		}
	}
	if e := (entry{ackOut: 5}); !e.expects(0x12345678) {
		t.Error("where nothing was acknowledged, an RST does not count")
	}
}
