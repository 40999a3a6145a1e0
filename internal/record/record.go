package record

// Record is one record of a result file: *CycleStart, *Run, *Resume, *Trace, *Multipath, *Reply, *PathChange,
// *Followed, *Summary or *CycleStop. A file begins with a CycleStart and a Run, has Traces and
// Replies in any order, and ends with a Summary and a CycleStop.
type Record interface{ record() }

func (*CycleStart) record() {}
func (*CycleStop) record()  {}
func (*Run) record()        {}
func (*Resume) record()     {}
func (*Trace) record()      {}
func (*Multipath) record()  {}
func (*PathChange) record() {}
func (*Followed) record()   {}
func (*Reply) record()      {}
func (*Summary) record()    {}

// CycleStart is the begin of a pass over a target list.
type CycleStart struct{ Cycle }

// CycleStop is the end of a pass over a target list.
type CycleStop struct{ Cycle }

// Reply is one reply and the probe that it answers. Every authenticated reply is one:
// duplicates, late ones and those that show no hop too.
type Reply struct {
	Head
	Hop
}
