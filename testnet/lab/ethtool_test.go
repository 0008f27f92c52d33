package lab

import "testing"

func TestFeatureRequestSetsBits(t *testing.T) {
	known := make([]string, 40)
	known[1], known[35] = "one", "thirty-five"
	b := featureRequest(known, []string{"one", "thirty-five", "unknown"}, true)
	if len(b) != 8+2*8 || b[4] != 2 {
		t.Fatalf("request of %d bytes, %d words", len(b), b[4])
	}
	for i, want := range map[int]byte{8: 2, 12: 2, 16: 8, 20: 8} {
		if b[i] != want {
			t.Errorf("byte %d is %d, want %d", i, b[i], want)
		}
	}
}
