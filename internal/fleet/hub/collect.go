package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/lease"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// incoming returns the path of the parts of a segment.
func (h *Hub) incoming(w *work, name string, l lease.Lease) string {
	return h.path("jobs", w.Job.ID, "incoming", fmt.Sprintf("%s.%d.%x", name, l.Slice, l.Epoch))
}

// put takes a part of a segment. It answers how much it has: a part that is not the next one is not
// taken.
func (h *Hub) put(name string, data []byte) ([]byte, error) {
	var q talk.Put
	body, err := talk.Decode(data, &q)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	w, err := h.numbered(q.Job)
	if err == nil {
		if t := w.tables[w.Job.Spec.Owner(name)]; t == nil || !w.proofs.Proves(q.Token, name, q.Lease) || t.Check(name, q.Lease) != nil {
			err = errNotWanted
		}
	}
	h.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if q.Offset+int64(len(body)) > mostSegment {
		return nil, fmt.Errorf("a segment may have %d bytes: submit the job with more slices", mostSegment)
	}
	w.parts.Lock()
	defer w.parts.Unlock()
	if q.Offset == 0 {
		h.sweep(w, name)
	}
	size, err := appendPart(h.incoming(w, name, q.Lease), q.Offset, body)
	if err != nil {
		return nil, h.refusedWrite(w, errDisk(err))
	}
	return talk.Encode(&talk.PutReply{Size: size}, nil)
}

// sweep removes the parts that an agent has sent for leases that it does not have any more. An
// error costs room alone. The caller holds the mutex of the parts.
func (h *Hub) sweep(w *work, name string) {
	files, _ := filepath.Glob(h.path("jobs", w.Job.ID, "incoming", name+".*"))
	h.mu.Lock()
	defer h.mu.Unlock()
	t := w.tables[w.Job.Spec.Owner(name)]
	for _, path := range files {
		var l lease.Lease
		_, err := fmt.Sscanf(strings.TrimPrefix(filepath.Base(path), name+"."), "%d.%x", &l.Slice, &l.Epoch)
		if err != nil || t == nil || t.Check(name, l) != nil {
			_ = os.Remove(path)
		}
	}
}

// mostSegment bounds a segment, in bytes, so that an agent cannot fill the disk of the hub by one
// slice.
const mostSegment = 1 << 30

// Errors of segments that the hub does not want: that of a part, and that of a commit without a proof.
var (
	errNotWanted = errors.New("the slice is done, or has a newer lease, or its lease is not of this agent")
	errNoLease   = errors.New("this agent has had no such lease: its token is missing or wrong")
)

// appendPart appends the part at offset to the file at path, and returns the size of the file.
func appendPart(path string, offset int64, part []byte) (size int64, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() != offset {
		return info.Size(), nil
	}
	if _, err := f.WriteAt(part, offset); err != nil {
		return offset, errors.Join(err, f.Truncate(offset))
	}
	return offset + int64(len(part)), nil
}

// refusedWrite notes that the store does not take results.
func (h *Hub) refusedWrite(w *work, err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.trouble != err.Error() {
		w.trouble = err.Error()
		h.mu.report(w.trouble)
	}
	return err
}

// errDisk is of the folder of the hub.
func errDisk(err error) error { return fmt.Errorf("the disk of the hub refuses writes: %w", err) }

// enter decides on a segment. An error means that the agent should try again later.
func (h *Hub) enter(w *work, name string, e ledger.Entry, body []byte) (*talk.CommitReply, error) {
	l := lease.Lease{Slice: e.Slice, Epoch: e.Epoch}
	h.mu.Lock()
	t := w.tables[w.Job.Spec.Owner(name)]
	h.mu.Unlock()
	if t == nil {
		return &talk.CommitReply{Refused: "the job is not for this agent"}, nil
	}
	if was, ok := w.ledger.Done(e.Unit); ok && was.By == name && was.Epoch == e.Epoch {
		return &talk.CommitReply{Taken: true}, nil // the answer was lost
	}
	h.mu.Lock()
	err := t.Check(name, l)
	h.mu.Unlock()
	path := h.incoming(w, name, l)
	if err != nil {
		_ = os.Remove(path) // parts that nobody needs; an error costs room alone
		return &talk.CommitReply{Refused: err.Error()}, nil
	}
	if len(body) > 0 {
		w.parts.Lock()
		_, err := appendPart(path, 0, body)
		w.parts.Unlock()
		if err != nil {
			return nil, h.refusedWrite(w, errDisk(err))
		}
	}
	switch err := w.ledger.Commit(h.ctx, e, path); {
	case errors.Is(err, ledger.ErrDone):
		if won, ok := w.ledger.Done(e.Unit); ok {
			h.complete(w, won)
		}
		return &talk.CommitReply{Refused: err.Error()}, nil
	case errors.Is(err, ledger.ErrDigest):
		return nil, errors.Join(err, os.Remove(path)) // the agent sends it again
	case err != nil && h.cfg.Results == nil:
		return nil, h.refusedWrite(w, errDisk(err))
	case err != nil:
		return nil, h.refusedWrite(w, err)
	}
	h.complete(w, e)
	return &talk.CommitReply{Taken: true}, nil
}

// complete counts an entry of the ledger, once. Of a unit that another hub has entered, this hub
// hears here.
func (h *Hub) complete(w *work, e ledger.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := w.tables[e.Agent]
	if t == nil || t.IsDone(e.Slice) {
		return
	}
	if t.Complete(now(), e.By, lease.Lease{Slice: e.Slice, Epoch: e.Epoch}) != nil {
		// A newer lease came meanwhile, and comes to nothing.
		t.SetDone(e.Slice)
	}
	w.count(&e)
	h.makeKnown(w, e)
	if w.over() {
		h.askToTell()
		h.mu.report(fmt.Sprintf("job %s is done: %d slices", w.Job.Spec.Name, w.done))
	}
}

// validDigest is the form of names of lists.
var validDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// get answers with a part of a list, or of a segment for submitters.
func (h *Hub) get(name string, data []byte) ([]byte, error) {
	var q talk.Get
	if _, err := talk.Decode(data, &q); err != nil {
		return nil, err
	}
	in, size, err := h.open(name, &q)
	switch {
	case errors.Is(err, errNoFile):
		return nil, err
	case err != nil:
		return nil, h.unreadable(&q, err)
	case q.Offset < 0:
		return nil, errNoFile
	}
	defer in.Close()
	part := make([]byte, min(max(size-q.Offset, 0), talk.Chunk))
	if len(part) > 0 {
		if _, err := in.ReadAt(part, q.Offset); err != nil {
			return nil, h.unreadable(&q, err)
		}
	}
	return talk.Encode(&talk.GetReply{Size: size}, part)
}

// unreadable reports an error of the store to the owner of the hub, and returns the one for others.
func (h *Hub) unreadable(q *talk.Get, err error) error {
	what := "list " + q.List
	if q.Unit != nil {
		what = fmt.Sprintf("slice %d of job %s", q.Unit.Slice, q.Job)
	}
	h.cfg.Event(fmt.Sprintf("the file of %s cannot be read, or is too short: %v", what, err))
	return errors.New("the hub cannot read this file: its owner sees why")
}

var errNoFile = errors.New("no such file")

// openFile opens a file of the hub.
func openFile(path string) (in ledger.Segment, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// open opens a list, the paths to the targets of a slice, or a segment of a job of the submitter.
func (h *Hub) open(name string, q *talk.Get) (in ledger.Segment, size int64, err error) {
	if validDigest.MatchString(q.List) {
		return openFile(h.path("lists", q.List))
	}
	h.mu.Lock()
	w, err := h.numbered(q.Job)
	ours := err == nil && h.people[name].Role == creds.Submitter && w.Job.Submitter == name
	known := err == nil && q.Known && w.sharing != nil && w.tables[name] != nil
	h.mu.Unlock()
	if known {
		return openFile(h.knownPath(w, q.Slice))
	}
	if !ours || q.Unit == nil {
		return nil, 0, errNoFile
	}
	e, ok := w.ledger.Done(*q.Unit)
	if !ok {
		return nil, 0, errNoFile
	}
	in, err = w.ledger.Segment(h.ctx, &e)
	if err != nil {
		return nil, 0, err
	}
	return in, e.Size, nil
}
