package receiver

// Faults is told of what this machine, and not the network, did to frames, from
// the goroutine that receives, before the sink is told of a time behind it. Times
// are of the run, in ns.
type Faults interface {
	// Dropped says that the kernel dropped frames between two times.
	Dropped(from, to int64)
	// Lagged says that frames stamped between two times waited for more than
	// MaxLag until they were read, or, at the beginning, may have.
	Lagged(from, to int64)
}

// Drops counts the frames that were dropped since the capture began.
type Drops interface {
	Drops() (kernel, iface uint64, err error)
}

// MaxLag is how long a frame waits for us at most while all is well, in ns. A
// block is handed over after timeoutNS; the rest is for a machine that has other
// things to do.
const MaxLag = 5 * blockSlack

// watch looks for faults when the clock is read, some hundred times a second at
// most.
type faultDetector struct {
	faults Faults // nil for nobody who wants to know
	drops  Drops
	count  uint64 // as drops had it last
}

// Watch has f told of faults; d counts drops. It must be called before Run.
func (r *Receiver) Watch(f Faults, d Drops) { r.faults = faultDetector{faults: f, drops: d} }

// begin leaves out what was dropped before.
func (w *faultDetector) begin() { w.haveDropped() }

// lost reports whether frames were dropped since it was last asked.
func (w *faultDetector) haveDropped() bool {
	if w.faults == nil {
		return false
	}
	kernel, _, err := w.drops.Drops()
	if err != nil || kernel == w.count { // what cannot be read now is counted later
		return false
	}
	w.count = kernel
	return true
}

// read looks at the first frame of a block: stamped then, and read now. Frames
// since the last look, up to timeoutNS earlier, may have waited as long.
func (w *faultDetector) checkLag(stamp, now int64) {
	if w.faults != nil && now-stamp > MaxLag {
		w.faults.Lagged(stamp-timeoutNS, now-MaxLag)
	}
}
