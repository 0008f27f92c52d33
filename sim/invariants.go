package sim

import "fmt"

// Invariant names what a checker guards: the I-numbers of the design, and the
// promises about connections.
type Invariant string

// What is checked.
const (
	I1       Invariant = "I1: one live flow per outside tuple"
	I3       Invariant = "I3: a translation does not change"
	I4       Invariant = "I4: two nodes hold what has left"
	I5       Invariant = "I5: an older epoch is never obeyed"
	I6       Invariant = "I6: a port rests before it is used again"
	I7       Invariant = "I7: no packet comes to another"
	I8       Invariant = "I8: every packet is accounted for"
	I9       Invariant = "I9: what comes out is valid"
	I10      Invariant = "I10: outputs per input are bounded"
	I13      Invariant = "I13: nothing passes its limit"
	I15      Invariant = "I15: same view, same members"
	I18      Invariant = "I18: two copies again in time"
	Mapping  Invariant = "M1: an endpoint has one public port, which is nobody else's"
	Survival Invariant = "P1: the loss of one node breaks no connection"
	Stall    Invariant = "P1: the loss of one node stalls no connection"
	Opening  Invariant = "P1: new connections open"
	Panic    Invariant = "no panic"
	Itself   Invariant = "simulator"
)

// whateverComes are those that hold even where flipped bits are delivered.
var whateverComes = map[Invariant]bool{I8: true, I9: true, I10: true, I13: true, Panic: true, Itself: true}

// Failure is a broken invariant.
type Failure struct {
	Invariant Invariant
	Text      string
	Step      uint64
	At        string // the world's time
	Conn      uint16 // the connection that it is about; 0: none
	Diagram   string // the last events, in mermaid; only of a traced run
	Followed  string // the same of the connection alone
	follow    []string
}

// violate notes the first violation, which ends the run.
func (w *World) violate(i Invariant, text string) {
	if w.failure != nil || w.plan.DeliverCorrupt && !whateverComes[i] {
		return
	}
	w.failure = &Failure{Invariant: i, Text: text, Step: w.steps, At: w.now.String()}
	w.note(fmt.Sprintf("%s: %s", i, text))
}

// violateBy is violate about one connection.
func (w *World) violateBy(x *conn, i Invariant, text string) {
	if w.failure != nil {
		return
	}
	if w.violate(i, fmt.Sprintf("connection %d (%v as %v), open for %v: %s", x.id, x.inside, x.outside, w.now-x.opened, text)); w.failure != nil {
		w.failure.Conn = x.id
		w.failure.follow = []string{fmt.Sprintf("#%d ", x.id), x.inside.WithVNI(0).String()}
		if x.outside.Src != 0 {
			w.failure.follow = append(w.failure.follow, x.outside.String(), x.outside.Reverse().String())
		}
	}
}

func (w *World) fail(where, text string) { w.violate(Itself, where+": "+text) }
