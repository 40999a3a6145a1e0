// Package engine decides what to ask of a list of targets, again and again, to find changes of their
// paths, and what the answers mean. It uses no network and no clock: its owner asks it for the next
// probe, and brings the answers.
//
// Each target has one flow that never changes, so its path changes only if a route or a balancer
// does. At first every path is traced once. Then each probe asks one TTL of one target (routine.go).
// An answer from another address than before raises a doubt, and an inquiry begins (inquiry.go):
//
//	confirm   the same TTL again: does the other address answer in a row?
//	widen     the TTLs around it, until both sides have the path as it was
//	flows     other flows at the first hop that differs: is the old hop still a branch there?
//	spread    neighbours of the target that had the same hop (event.go): did they move, too?
//
// The record of the change has everything that was found. An old hop that comes back while the
// inquiry goes on shows a balancer that shares its load packet by packet: that is no change, and the
// TTL is not asked any more. Silence is no change: it is loss, a limit, or a silent router.
//
// An Engine belongs to one goroutine, or to a lock of its owner.
package engine
