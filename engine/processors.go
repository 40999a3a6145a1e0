package engine

import "runtime"

// AddProcessors has Go run senders goroutines more at a time: a sender keeps its
// processor while it sleeps (ratelimit.Sleeper). A program calls it once, before
// Scan or Trace; a process that runs several scans at a time decides for itself.
func AddProcessors(senders int) { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + senders) }
