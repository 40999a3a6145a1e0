// Package record holds the results of a run as plain values: traces with their hops,
// replies, the run and its summary. It encodes nothing: each format has a folder of its own
// below internal/format.
//
// A Trace is filled by an assembler or a reader and read by a writer. It is built
// to be filled again: its slices keep their room, so that a steady stream of
// traces allocates nothing.
package record
