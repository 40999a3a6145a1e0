// Package ledger keeps the results of a job, in files that alone decide which slices are done. They
// are in a Store: a folder (Open), or a bucket of an object store (package objects).
//
//	segments/UNIT.EPOCH.DIGEST.ndjson.zst   the records of a slice; never changes
//	manifest                                an entry for each slice that is done
//
// A slice is done when its segment is kept and its entry is in the manifest, in this order. After a
// crash between the two, a slice is done or it is not, and the segment of each entry is whole. An
// entry is only made for a slice that has none: that is the compare-and-swap.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"sync"
)

// Unit is a piece of work: a slice, for the agent that must do it.
type Unit struct {
	Agent string `json:"agent,omitempty"` // "" if any agent may do it
	Slice uint32 `json:"slice"`
}

// Entry is a line of the manifest.
type Entry struct {
	Unit
	By     string `json:"by"` // agent
	Epoch  uint64 `json:"epoch"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	// Counts of the summary of the segment.
	Targets  uint64 `json:"targets"`
	Sent     uint64 `json:"sent"`
	Answered uint64 `json:"answered"`
	// BeganNS is when the slice began, by the clock of the hub, ns since the Unix epoch.
	BeganNS int64 `json:"began_ns"`
	// OffsetNS is the clock of the agent minus that of the hub; the error is at most ErrorNS.
	OffsetNS int64 `json:"offset_ns"`
	ErrorNS  int64 `json:"error_ns"`
}

// Segment returns the name of the segment below the folder of the ledger, with slashes. Another
// content has another name.
func (e *Entry) Segment() string {
	name := fmt.Sprintf("%06d.%x.%.16s.ndjson.zst", e.Slice, e.Epoch, e.SHA256)
	if e.Agent != "" {
		name = e.Agent + "." + name
	}
	return path.Join("segments", name)
}

// Errors that callers distinguish.
var (
	ErrDone    = errors.New("the slice is done")
	ErrDigest  = errors.New("the segment is not what its digest is of")
	errBroken  = errors.New("the manifest cannot be written; restart the hub when its disk works")
	errCorrupt = errors.New("a line of the manifest is damaged")
)

// Store is where the results of one job are. Any goroutine may use it.
type Store interface {
	// Enter keeps the segment of e, whose content is the file at path, and then enters e unless the
	// unit has an entry. It returns the entry that the unit has then. Calls for one unit do not
	// overlap. The file at path may be gone afterwards. After an error nothing is decided: the
	// caller may try again.
	Enter(ctx context.Context, e Entry, path string) (Entry, error)
	// Segment opens the segment of an entry.
	Segment(ctx context.Context, e *Entry) (Segment, error)
	Close() error
}

// Segment is the open segment of an entry.
type Segment interface {
	io.ReaderAt
	io.Closer
}

// Ledger is the results of one job. Any goroutine may use it.
type Ledger struct {
	store Store
	mu    sync.RWMutex
	done  map[Unit]Entry
}

// New returns the ledger of a store with these entries.
func New(store Store, entries []Entry) *Ledger {
	l := &Ledger{store: store, done: make(map[Unit]Entry, len(entries))}
	for _, e := range entries {
		l.done[e.Unit] = e
	}
	return l
}

// Done returns the entry of a unit that is done.
func (l *Ledger) Done(u Unit) (e Entry, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, ok = l.done[u]
	return e, ok
}

// Len returns how many units are done.
func (l *Ledger) Len() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.done)
}

// All calls yield for each entry, in no order. Commit waits meanwhile.
func (l *Ledger) All(yield func(Entry) bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, e := range l.done {
		if !yield(e) {
			return
		}
	}
}

// Commit keeps the file at path, which has the records of e, and enters e in the manifest. ErrDone
// means that another entry came first, and ErrDigest that the file is damaged. After any other
// error nothing is decided: the caller may try again. Calls for one unit do not overlap.
func (l *Ledger) Commit(ctx context.Context, e Entry, path string) error {
	if _, ok := l.Done(e.Unit); ok {
		return ErrDone
	}
	now, err := l.store.Enter(ctx, e, path)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.done[e.Unit] = now
	l.mu.Unlock()
	if now.By != e.By || now.Epoch != e.Epoch || now.SHA256 != e.SHA256 {
		return ErrDone
	}
	return nil
}

// Segment opens the segment of an entry.
func (l *Ledger) Segment(ctx context.Context, e *Entry) (Segment, error) {
	return l.store.Segment(ctx, e)
}

// Close closes the store.
func (l *Ledger) Close() error { return l.store.Close() }
