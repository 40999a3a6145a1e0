package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

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
	w, err := h.find(q.Job)
	if err == nil {
		if t := w.tables[w.Job.Spec.Owner(name)]; t == nil || t.Check(name, q.Lease) != nil {
			err = errNotWanted
		}
	}
	h.mu.Unlock()
	if err != nil {
		return nil, err
	}
	w.commit.Lock()
	defer w.commit.Unlock()
	size, err := appendPart(h.incoming(w, name, q.Lease), q.Offset, body)
	if err != nil {
		return nil, h.refusedWrite(w, err)
	}
	return talk.Encode(&talk.PutReply{Size: size}, nil)
}

// errNotWanted answers a part of a segment that would be refused.
var errNotWanted = errors.New("the slice is done, or has a newer lease")

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
	err = fmt.Errorf("the store of the hub refuses writes: %w", err)
	h.mu.Lock()
	news := w.trouble != err.Error()
	w.trouble = err.Error()
	h.mu.Unlock()
	if news {
		h.cfg.Event(err.Error())
	}
	return err
}

// commit enters a segment in the ledger. A message that comes again gets the same answer.
func (h *Hub) commit(name string, data []byte) ([]byte, error) {
	var q talk.Commit
	body, err := talk.Decode(data, &q)
	if err != nil {
		return nil, err
	}
	reply, err := h.enter(name, &q, body)
	if err != nil {
		return nil, err
	}
	return talk.Encode(reply, nil)
}

// enter decides on a segment. An error means that the agent should try again later.
func (h *Hub) enter(name string, q *talk.Commit, body []byte) (*talk.CommitReply, error) {
	e := q.Entry
	h.mu.Lock()
	w, err := h.find(q.Job)
	if err != nil {
		h.mu.Unlock()
		return &talk.CommitReply{Refused: err.Error()}, nil
	}
	e.By, e.Unit = name, w.Job.Spec.Unit(name, e.Slice)
	l := lease.Lease{Slice: e.Slice, Epoch: e.Epoch}
	t := w.tables[w.Job.Spec.Owner(name)]
	h.mu.Unlock()
	if t == nil {
		return &talk.CommitReply{Refused: "the job is not for this agent"}, nil
	}
	w.commit.Lock()
	defer w.commit.Unlock()
	if was, ok := w.ledger.Done(e.Unit); ok && was.By == name && was.Epoch == e.Epoch {
		return &talk.CommitReply{Taken: true}, nil // the answer was lost
	}
	h.mu.Lock()
	err = t.Check(name, l)
	h.mu.Unlock()
	path := h.incoming(w, name, l)
	if err != nil {
		_ = os.Remove(path) // parts that nobody needs; an error costs room alone
		return &talk.CommitReply{Refused: err.Error()}, nil
	}
	if len(body) > 0 {
		if _, err := appendPart(path, 0, body); err != nil {
			return nil, h.refusedWrite(w, err)
		}
	}
	switch err := w.ledger.Commit(e, path); {
	case errors.Is(err, ledger.ErrDone):
		return &talk.CommitReply{Refused: err.Error()}, nil
	case errors.Is(err, ledger.ErrDigest):
		return nil, errors.Join(err, os.Remove(path)) // the agent sends it again
	case err != nil:
		return nil, h.refusedWrite(w, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.Complete(now(), name, l) != nil { // a newer lease came meanwhile, and comes to nothing
		t.SetDone(e.Slice)
	}
	w.count(&e)
	if w.over() {
		h.askToTell()
		h.cfg.Event(fmt.Sprintf("job %s is done: %d slices", w.Job.Spec.Name, w.done))
	}
	return &talk.CommitReply{Taken: true}, nil
}

// validDigest and validSegment are the names of files that others may read.
var (
	validDigest  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	validSegment = regexp.MustCompile(`^segments/[a-z0-9.-]+$`)
)

// get answers with a part of a list, or of a segment for submitters.
func (h *Hub) get(name string, data []byte) ([]byte, error) {
	var q talk.Get
	if _, err := talk.Decode(data, &q); err != nil {
		return nil, err
	}
	path := ""
	h.mu.Lock()
	switch {
	case validDigest.MatchString(q.List):
		path = h.path("lists", q.List)
	case validSegment.MatchString(q.Segment) && h.people[name].Role == "submitter":
		if w, err := h.find(q.Job); err == nil && w.Job.Submitter == name {
			path = w.ledger.Path(filepath.FromSlash(q.Segment))
		}
	}
	h.mu.Unlock()
	if path == "" {
		return nil, errors.New("no such file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the hub has lost a file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	part := make([]byte, min(max(info.Size()-q.Offset, 0), talk.Chunk))
	if _, err := f.ReadAt(part, q.Offset); err != nil && len(part) > 0 {
		return nil, err
	}
	return talk.Encode(&talk.GetReply{Size: info.Size()}, part)
}
