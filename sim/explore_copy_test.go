package sim

import (
	"fmt"
	"hash/maphash"
	"reflect"
	"unsafe"

	"hyperplane/cellstate"
	"hyperplane/flowtrack"
	"hyperplane/membership"
	"hyperplane/natgw"
)

// The explorer copies a machine for every step and hashes it for every state. The
// machines offer neither, and should not: a field that a hand-written copy forgets
// would make the explorer prove things about another machine. So both follow the
// types, by way of a list of moves that is made once for each type.

// skip says what of a field the explorer leaves alone.
type skip uint8

const (
	inCopy skip = 1 << iota // each copy keeps its own: scratch that is empty between two events
	inHash                  // decides nothing, or follows from what is hashed
)

const everywhere = inCopy | inHash

// skipped lists such fields. All others are copied and hashed.
var skipped = map[reflect.Type]map[string]skip{
	reflect.TypeFor[natgw.Node](): {
		"queue": everywhere, "next": everywhere, "records": everywhere, "outbox": everywhere, "options": everywhere,
		"answers": everywhere, "drops": everywhere,
		"frags":   everywhere,                                  // no fragment is ever sent
		"decider": everywhere,                                  // no node has the role; the explorer plays it
		"budgets": inHash,                                      // never reached
		"Traffic": inHash, "Misses": inHash, "Signals": inHash, // counters
	},
	reflect.TypeFor[flowtrack.Master](): {
		"spare": everywhere, // written before it is read
		"Taken": inHash, "turned": inHash,
	},
	reflect.TypeFor[membership.Machine]():                            {"scratch": everywhere, "out": everywhere},
	fieldType(reflect.TypeFor[flowtrack.Master](), "current").Elem(): {"holders": inHash, "n": inHash}, // follow from the ballot
	fieldType(reflect.TypeFor[natgw.Node](), "asked"):                {"table": inHash, "ids": inHash, "fresh": everywhere},
}

// shared are pointers to what never changes.
var shared = map[reflect.Type]bool{reflect.TypeFor[*cellstate.State](): true}

func fieldType(t reflect.Type, name string) reflect.Type {
	f, ok := t.FieldByName(name)
	if !ok {
		panic(fmt.Sprintf("%v has no field %s; the explorer's list is out of date", t, name))
	}
	return f.Type
}

// move is one step of a copy or a hash, at an offset of the value.
type move struct {
	at   uintptr
	kind moveKind
	size uintptr // moveBytes: how many
	elem *layout // what a pointer or a slice leads to
	skip skip
}

type moveKind uint8

const (
	moveBytes   moveKind = iota
	moveString           // immutable
	moveShared           // a pointer that stays
	movePointer          // to a value of its own
	moveSlice            // of values without pointers
	moveSliceOf          // of values with pointers
)

// layout is how values of a type are copied and hashed.
type layout struct {
	typ   reflect.Type
	plain bool // it has no pointers
	moves []move
}

var layouts = map[reflect.Type]*layout{}

func layoutOf(t reflect.Type) *layout {
	if l := layouts[t]; l != nil {
		return l
	}
	l := &layout{typ: t, plain: true}
	layouts[t] = l
	l.add(t, 0, 0)
	for _, m := range l.moves {
		l.plain = l.plain && m.kind == moveBytes && m.skip == 0
	}
	return l
}

// add appends the moves of a value at an offset.
func (l *layout) add(t reflect.Type, at uintptr, s skip) {
	if s == everywhere {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			l.add(f.Type, at+f.Offset, s|skipped[t][f.Name])
		}
		for name := range skipped[t] {
			fieldType(t, name)
		}
	case reflect.Array:
		if sub := layoutOf(t.Elem()); sub.plain && sub.dense() {
			l.bytes(at, t.Size(), s)
			return
		}
		for i := range t.Len() {
			l.add(t.Elem(), at+uintptr(i)*t.Elem().Size(), s)
		}
	case reflect.String:
		l.moves = append(l.moves, move{at: at, kind: moveString, skip: s})
	case reflect.Pointer:
		if shared[t] {
			l.moves = append(l.moves, move{at: at, kind: moveShared, skip: s})
			return
		}
		l.moves = append(l.moves, move{at: at, kind: movePointer, elem: layoutOf(t.Elem()), skip: s})
	case reflect.Slice:
		m := move{at: at, kind: moveSliceOf, elem: layoutOf(t.Elem()), skip: s}
		if m.elem.plain && m.elem.dense() {
			m.kind = moveSlice
		}
		l.moves = append(l.moves, m)
	case reflect.Map, reflect.Func, reflect.Interface, reflect.Chan, reflect.UnsafePointer:
		panic(fmt.Sprintf("the explorer cannot copy a %v", t))
	default:
		l.bytes(at, t.Size(), s)
	}
}

// bytes appends bytes, to those before if nothing lies between: padding is not hashed.
func (l *layout) bytes(at, size uintptr, s skip) {
	if n := len(l.moves); n > 0 {
		if m := &l.moves[n-1]; m.kind == moveBytes && m.skip == s && m.at+m.size == at {
			m.size += size
			return
		}
	}
	l.moves = append(l.moves, move{at: at, kind: moveBytes, size: size, skip: s})
}

// dense reports whether a plain value is one run of bytes without padding.
func (l *layout) dense() bool {
	return len(l.moves) == 0 || len(l.moves) == 1 && l.moves[0].size == l.typ.Size()
}

func raw(p unsafe.Pointer, n uintptr) []byte { return unsafe.Slice((*byte)(p), n) }

// slice is a slice's header.
type slice struct {
	data     unsafe.Pointer
	len, cap int
}

// copy makes dst equal to src, in dst's own memory.
func (l *layout) copy(dst, src unsafe.Pointer) {
	for i := range l.moves {
		m := &l.moves[i]
		if m.skip&inCopy != 0 {
			continue
		}
		d, s := unsafe.Add(dst, m.at), unsafe.Add(src, m.at)
		switch m.kind {
		case moveBytes:
			copy(raw(d, m.size), raw(s, m.size))
		case moveString:
			*(*string)(d) = *(*string)(s)
		case moveShared:
			*(*unsafe.Pointer)(d) = *(*unsafe.Pointer)(s)
		case movePointer:
			to, from := *(*unsafe.Pointer)(d), *(*unsafe.Pointer)(s)
			if from == nil {
				*(*unsafe.Pointer)(d) = nil
				continue
			}
			if to == nil {
				to = reflect.New(m.elem.typ).UnsafePointer()
				*(*unsafe.Pointer)(d) = to
			}
			m.elem.copy(to, from)
		case moveSlice, moveSliceOf:
			to, from := (*slice)(d), (*slice)(s)
			if to.cap < from.len || to.data == nil && from.data != nil {
				to.data, to.cap = reflect.MakeSlice(reflect.SliceOf(m.elem.typ), from.cap, from.cap).UnsafePointer(), from.cap
			}
			to.len = from.len
			size := m.elem.typ.Size()
			if m.kind == moveSlice {
				copy(raw(to.data, uintptr(to.len)*size), raw(from.data, uintptr(from.len)*size))
				continue
			}
			for k := range uintptr(from.len) {
				m.elem.copy(unsafe.Add(to.data, k*size), unsafe.Add(from.data, k*size))
			}
		}
	}
}

// hash adds all that decides what happens next.
func (l *layout) hash(h *maphash.Hash, p unsafe.Pointer) {
	for i := range l.moves {
		m := &l.moves[i]
		if m.skip&inHash != 0 {
			continue
		}
		s := unsafe.Add(p, m.at)
		switch m.kind {
		case moveBytes:
			_, _ = h.Write(raw(s, m.size))
		case moveString:
			_, _ = h.WriteString(*(*string)(s))
		case movePointer:
			if to := *(*unsafe.Pointer)(s); to != nil {
				m.elem.hash(h, to)
			}
		case moveSlice, moveSliceOf:
			from := (*slice)(s)
			maphash.WriteComparable(h, from.len)
			size := m.elem.typ.Size()
			if m.kind == moveSlice {
				_, _ = h.Write(raw(from.data, uintptr(from.len)*size))
				continue
			}
			for k := range uintptr(from.len) {
				m.elem.hash(h, unsafe.Add(from.data, k*size))
			}
		}
	}
}
