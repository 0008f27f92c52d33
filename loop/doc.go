// Package loop runs a role: one thread polls all of its descriptors and runs
// each batch to completion.
//
// A hop between threads costs a wake-up, and so does a channel; one thread that
// reads, decides and sends has none inside. Everything that touches a worker's state happens
// on its loop, so the state needs no lock: other goroutines (admin pages, the
// state file's watcher) hand it a function by Do, which runs between two turns.
//
//	      ┌─────────────────────────────── one turn ───────────────────────────────┐
//	epoll │ jobs (Do) ▶ ready readers ▶ in-memory readers until quiet ▶ timers ▶ flush │ epoll …
//	      └──────────────────────────────────────────────── once a Tick ───────────┘
//
// A reader with a descriptor runs when the descriptor is readable; one without
// (in-memory carriers) runs every turn until no reader makes progress. What a
// reader queued is borrowed until the flush at the end of the turn.
//
// Where others want the processor, and small packets stream in, a turn waits a fraction
// of a millisecond for more of them, so that they leave in fewer messages
// (moderate.go); nothing else is ever held back.
//
// Time is monotonic since the loop was made (invariant I19) and is read once
// for all of a turn's work. Limits: see limits.go.
package loop
