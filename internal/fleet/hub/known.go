package hub

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/known"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
)

// In a job of mode every with strategy topology, each slice has a pathfinder: one of the agents,
// in turn. From its results the hub makes the paths that spare the other agents probes (package
// known). So a router that spares probes is in the results, and an agent that lies spoils no more
// than the slices of which it is the pathfinder.

// sharing is how far the paths to the targets of a slice are.
type sharing uint8

const (
	unshared sharing = iota // the pathfinder has not done the slice
	making                  // the hub makes the paths
	shared                  // the paths are there
	lost                    // the paths will not come
)

// pathfinder returns the agent whose paths to the targets of a slice spare the others.
func (k *kept) pathfinder(slice uint32) string {
	return k.Job.Members[int(slice)%len(k.Job.Members)]
}

// knownPath returns the file of the paths to the targets of a slice.
func (h *Hub) knownPath(w *work, slice uint32) string {
	return h.path("jobs", w.Job.ID, "known", strconv.FormatUint(uint64(slice), 10))
}

// isPathfinder reports whether an entry has paths for other agents.
func (w *work) isPathfinder(e *ledger.Entry) bool {
	return w.sharing != nil && e.Agent == w.pathfinder(e.Slice)
}

// loadKnown finds the paths that an earlier hub has made.
func (h *Hub) loadKnown(w *work) error {
	if !w.Job.Shares() {
		return nil
	}
	w.sharing = make([]sharing, w.Slices)
	for e := range w.ledger.All {
		if !w.isPathfinder(&e) || int(e.Slice) >= w.Slices {
			continue
		}
		w.sharing[e.Slice] = lost
		if _, err := os.Stat(h.knownPath(w, e.Slice)); err == nil {
			w.sharing[e.Slice] = shared
		}
	}
	return os.MkdirAll(h.path("jobs", w.Job.ID, "known"), 0o700)
}

// makeKnown makes the paths of a slice that its pathfinder has done. The caller holds the mutex.
func (h *Hub) makeKnown(w *work, e ledger.Entry) {
	if !w.isPathfinder(&e) {
		return
	}
	w.sharing[e.Slice] = making
	h.done.Go(func() {
		err := h.writeKnown(w, &e)
		h.mu.Lock()
		defer h.mu.Unlock()
		w.sharing[e.Slice] = shared
		if err != nil { // the others probe the slice in full
			w.sharing[e.Slice] = lost
			h.mu.report("paths of slice " + strconv.FormatUint(uint64(e.Slice), 10) + ": " + err.Error())
		}
	})
}

// mostRatio and leastResults bound the results that are read: they are compressed, and an agent may
// send a bomb.
const (
	mostRatio    = 64
	leastResults = 1 << 20
)

// writeKnown reads the results of a slice, and writes its paths. One is read at a time. The file is
// not synced: if it is damaged, agents ignore it.
func (h *Hub) writeKnown(w *work, e *ledger.Entry) error {
	h.reading.Lock()
	defer h.reading.Unlock()
	if err := h.ctx.Err(); err != nil {
		return err
	}
	f, err := w.ledger.Segment(h.ctx, e)
	if err != nil {
		return err
	}
	defer f.Close()
	in, _, err := outfile.Decompress(io.NewSectionReader(f, 0, e.Size))
	if err != nil {
		return err
	}
	defer in.Close()
	var paths known.Paths
	paths.Read(ndjson.NewReader(io.LimitReader(in, leastResults+mostRatio*e.Size)))
	to := h.knownPath(w, e.Slice)
	temp := filepath.Join(filepath.Dir(to), "new")
	if err := os.WriteFile(temp, paths.Encode(), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, to)
}

// later reports whether an agent should do a slice later, because its pathfinder is about to do it.
// A pathfinder never waits for another agent, so no agents wait for each other.
func (h *Hub) later(w *work, agent string, slice uint32, now time.Time) bool {
	if w.sharing == nil {
		return false
	}
	switch first := w.pathfinder(slice); {
	case first == agent, w.sharing[slice] == shared, w.sharing[slice] == lost:
		return false
	case w.sharing[slice] == making:
		return true
	default:
		return h.isExpected(w, first, now)
	}
}

// isExpected reports whether an agent is at work on a job, or may soon begin: it is connected, and the
// job is new.
func (h *Hub) isExpected(w *work, name string, now time.Time) bool {
	a := h.agents[name]
	if a == nil || now.Sub(a.state.Seen) >= gone || w.refusals[name] != "" {
		return false
	}
	return now.Sub(w.active[name]) < gone || now.Sub(w.opened) < gone
}
