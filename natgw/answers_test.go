package natgw

import (
	"testing"
	"time"

	"hyperplane/packet"
	"hyperplane/wire"
)

// Answers are bounded by rate and by turn, and what one turn made stays apart.
func TestAnswersAreBounded(t *testing.T) {
	n := &Node{answers: newAnswers()}
	vni := uint32(7)
	made := func(now time.Duration, want int) {
		t.Helper()
		got := 0
		for {
			p := &wire.Packet{Tunnel: packet.Tunnel{VNI: vni}}
			b := n.answers.room(now, p)
			if b == nil {
				break
			}
			b[0] = byte(got)
			n.answer(p, b[:1])
			got++
		}
		if got != want {
			t.Errorf("at %v: %d answers, want %d", now, got, want)
		}
		for i, a := range n.Answers() {
			if a.Data[0] != byte(i) || a.Tunnel.VNI != vni {
				t.Errorf("answer %d was overwritten", i)
			}
		}
		if again := n.Answers(); len(again) != 0 {
			t.Errorf("%d answers were given twice", len(again))
		}
		n.answers.reset()
	}
	left := answersBurst
	for left >= answersPerTurnMax {
		made(0, answersPerTurnMax)
		left -= answersPerTurnMax
	}
	made(0, left)
	made(0, 0)
	if n.answers.Suppressed == 0 {
		t.Error("what was not made is not counted")
	}
	made(time.Second/answersPerSecond*10, 10)
	vni = 0 // the internet has a budget of its own
	made(0, answersPerTurnMax)
	if got, want := int(n.Traffic.Generated), answersBurst+10+answersPerTurnMax; got != want {
		t.Errorf("%d counted as generated, want %d", got, want)
	}
}
