package receiver

import "time"

// Faults takes reports of faults of this machine, not of the network. Its methods are called from
// the goroutine that receives, before the sink learns of a time after the fault. Times are of the
// run, in ns.
type Faults interface {
	// Dropped reports that the kernel dropped frames between two times.
	Dropped(from, to int64)
	// Lagged reports that frames stamped between two times waited for longer than in a healthy
	// run until they were read: for MaxLag beside the time of a block. At the beginning of a run
	// that is only possible, not certain.
	Lagged(from, to int64)
}

// Drops counts the frames that were dropped since the capture began.
type Drops interface {
	Drops() (kernel, iface uint64, err error)
}

// MaxLag is the longest time that a frame waits in a healthy run after its block was retired, in ns.
// It is for a busy machine.
const MaxLag = 42 * int64(time.Millisecond)

// faultDetector looks for faults when the clock is read, a few hundred times a second at most.
type faultDetector struct {
	faults Faults // nil if no reports are wanted
	drops  Drops
	count  uint64 // of drops, as last read
}

// Watch makes Run report faults to f, with drops as d counts them. It must be called before Run.
func (r *Receiver) Watch(f Faults, d Drops) { r.faults = faultDetector{faults: f, drops: d} }

// begin ignores frames that were dropped before.
func (w *faultDetector) begin() { w.haveDropped() }

// haveDropped reports whether frames were dropped since its last call.
func (w *faultDetector) haveDropped() bool {
	if w.faults == nil {
		return false
	}
	kernel, _, err := w.drops.Drops()
	if err != nil || kernel == w.count { // a count that cannot be read now is read later
		return false
	}
	w.count = kernel
	return true
}

// checkLag checks the first frame of a block, by its stamp, the present time, and the time of a
// block. Frames before it, by up to that time, may have waited as long.
func (w *faultDetector) checkLag(stamp, now, block int64) {
	if lag := block + MaxLag; w.faults != nil && now-stamp > lag {
		w.faults.Lagged(stamp-block, now-lag)
	}
}
