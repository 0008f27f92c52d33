// Package demo shows a testnet at work: it lays one out, drives traffic in the
// instances' namespaces and draws a live picture of it in the terminal.
//
// Everything that decides what is seen is pure: a Snapshot says what was
// observed at one moment, Compute turns two of them into rates, Draw paints
// the result on a Canvas of any size, and the model only keeps the newest of
// each. The shells around it are thin: drivers (sockets opened inside the
// namespaces), the observer (HTTP to the parts' admin sockets), the terminal,
// and Run, which takes everything down again whatever happened.
//
//	drivers ──Meter──▶ ┌──────────┐          ┌─────────┐        ┌──────┐
//	holder ───Held───▶ │ observer │─Snapshot▶│ Compute │─Scene─▶│ Draw │──▶ terminal, or text
//	/metrics, /flows ─▶└──────────┘          └─────────┘        └──────┘
//	of every part                            rates, history     a Canvas
//
// What it is there to show: a cell loses a node, by a key or from another
// terminal, and breaks no connection. The holder keeps hundreds of them open
// from all instances to many ports, so that every node owns some and has copies
// of others, and uses all of them all the time (package hold). Whenever a node
// goes away the figures count anew: how many connections broke since, and the
// longest that one of them waited. What broke is not opened again, so that it
// cannot be overlooked, and the demo fails. With one copy of each flow
// (copies: 1) a kill breaks connections, as it does when more nodes go away at a
// time than a cell survives; that is told, and is no failure.
//
// A node's box says how many flows it decides about and how many others it has
// records of: copies, and a few that have ended or that it keeps for a while
// after another node has taken them over. How the cell is, is the word of the
// node with the newest view that a majority stands behind.
//
// All instances use the same local ports and echo identifier on purpose: two
// instances of different VPCs with the same private address then have equal
// 5-tuples at the same time, and the picture shows how they are kept apart
// (I7). A page says which public address it saw, and the driver compares that
// with the instance's own gateway: an answer through another tenant's gateway
// is a failure that the demo's exit code tells.
//
// Invariants
//
//   - After Run nothing is left: no traffic, no testnet, and the terminal is as
//     it was; also after a panic in any goroutine of the demo.
//   - Draw never paints outside the canvas and needs no size in particular.
//   - Every driver ends when its context ends, within dialWaitMax.
//   - No meaning is in a colour alone.
//
// Limits: see limits.go. The bulk transfers go as fast as the machine can.
package demo
