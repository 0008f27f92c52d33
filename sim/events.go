package sim

import "time"

// eventKind says what is to happen. who and what of an event depend on it.
type eventKind uint8

const (
	evArrive   eventKind = iota // datagram what reaches place who
	evTick                      // process who is due by its clock; what is its incarnation
	evTurn                      // process who has something to do; what is its incarnation
	evFault                     // fault who begins
	evHeal                      // fault who ends
	evRestart                   // process who takes step what of reload.go
	evApply                     // process who reads version what of the state
	evClient                    // client who acts
	evTimer                     // a timer of connection who; what is its token
	evServer                    // a timer of the server's side of connection who
	evOutside                   // packet what reaches the internet
	evInside                    // packet what reaches edge who from the internet
	evCheck                     // the checks that are not made at every step
	evStopping                  // faults end
	evRepaired                  // the stated time after it is over
)

// event is one thing to happen. Events at the same time happen in the order in
// which they were scheduled.
type event struct {
	at   time.Duration
	seq  uint64
	who  int32
	what int32
	kind eventKind
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// events is a heap of four children per node, the next event first.
type events struct {
	heap []event
	seq  uint64
}

func (q *events) push(at time.Duration, kind eventKind, who, what int32) {
	q.seq++
	e := event{at: at, seq: q.seq, kind: kind, who: who, what: what}
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

func (q *events) pop() (event, bool) {
	if len(q.heap) == 0 {
		return event{}, false
	}
	top := q.heap[0]
	last := len(q.heap) - 1
	e := q.heap[last]
	q.heap = q.heap[:last]
	if last == 0 {
		return top, true
	}
	i := 0
	for {
		least := 4*i + 1
		if least >= last {
			break
		}
		for c := least + 1; c < min(4*i+5, last); c++ {
			if q.heap[c].before(&q.heap[least]) {
				least = c
			}
		}
		if !q.heap[least].before(&e) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = e
	return top, true
}
