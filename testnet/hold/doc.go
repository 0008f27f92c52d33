// Package hold keeps many connections open and says what becomes of them.
//
// A cell promises that its flows outlive its nodes. Whether one does shows only
// to who has had a connection open since before and uses it again. So a
// [Client] opens some ten thousand TCP connections and UDP flows from inside
// any number of namespaces, uses each of them at a steady pace, and judges
// every answer; a [Server] is the other end, many ports on an address, so that
// the flows spread over the slots of a cell.
//
//	Client                       the cell                      Server
//	┌───────────────┐                                     ┌───────────────┐
//	│ connection 17 │── id 17, seq 5, token ──▶ … ───────▶│ port 10042    │
//	│  judge, stall │◀─ the same + who you are to me ─────│  whose was it │
//	└───────────────┘                                     └───────────────┘
//
// What an answer may be:
//
//   - exact: it ends the exchange; the time since its first sending is a stall
//   - of a datagram sent twice, late: nothing
//   - of another connection, or from a server that has had data of another on
//     this one: misdelivered, the worst there is
//   - from a server to whom this connection now is another address or port: the
//     flow was lost and made anew, which UDP itself would not notice: broken
//
// A connection is also broken by a reset, an end, an error, or 30 s without an
// answer. A broken one is counted once, closed and not opened again.
//
// A stall is the longest time that one connection waited for one answer within
// a window. [Client.Run] takes marks that end one window and begin the next, so
// that each fault has its own. A few busy connections are used all the time:
// what they waited is how long the path itself stood still, while the stalls of
// the others tell what applications would notice.
//
// Why one thread and epoll at either end: ten thousand goroutines cost more
// than the two processors of a small machine have left, and would mix the
// scheduler's delays with the cell's.
//
// Invariants
//
//   - Per connection at most one exchange is under way.
//   - Every connection that was opened is at the end held or broken.
//
// Limits: see limits.go.
package hold
