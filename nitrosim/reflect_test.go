package nitrosim

import (
	"testing"
	"time"

	"hyperplane/flowtable"
	"hyperplane/packet"
)

func reflected(port uint16) packet.Tuple {
	return packet.MakeTuple(100, packet.ProtoTCP, 0x0a00010a, port, 0xcb00710a, 80)
}

// A reflection lasts as long as it is used, and goes when it is idle.
func TestReflectionsExpire(t *testing.T) {
	r := newReflections(flowtable.Seed{1, 2})
	r.idle = time.Minute
	r.learn(0, reflected(1), 7)
	r.learn(0, reflected(2), 7)
	for now := time.Duration(0); now <= 2*time.Minute; now += time.Second {
		r.expire(now)
		if s, ok := r.lookup(now, reflected(1)); !ok || s != 7 {
			t.Fatalf("at %v: the one in use is gone", now)
		}
	}
	if _, ok := r.lookup(2*time.Minute, reflected(2)); ok {
		t.Error("the idle one is still there")
	}
	if r.byTuple.Len() != 1 || r.free.Len() != 1 {
		t.Errorf("%d tuples and %d records in use, want 1 of each", r.byTuple.Len(), r.free.Len())
	}
}

// The newest service counts, and a full table refuses without forgetting.
func TestReflectionsLearn(t *testing.T) {
	r := newReflections(flowtable.Seed{1, 2})
	r.learn(0, reflected(1), 7)
	r.learn(1, reflected(1), 8)
	if s, _ := r.lookup(1, reflected(1)); s != 8 {
		t.Errorf("service %d, want the newest, 8", s)
	}
	for i := range reflectionsMax {
		tuple := reflected(uint16(i))
		tuple.Src += packet.Addr4(1 + i>>16)
		r.learn(1, tuple, 9)
	}
	if r.Refused != 1 {
		t.Errorf("%d refused, want 1: the table holds %d", r.Refused, reflectionsMax)
	}
	if s, ok := r.lookup(2, reflected(1)); !ok || s != 8 {
		t.Error("a full table forgot what it held")
	}
}
