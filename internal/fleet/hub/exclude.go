package hub

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/intake"
)

// exclusion is the exclusion list of the hub.
type exclusion struct {
	text   []byte // in canonical form
	digest string
	since  time.Time // when the hub saw it
	size   int64
	change time.Time
}

// readExclude reads the exclusion list if its file has changed. A list that cannot be read changes
// nothing.
func (h *Hub) readExclude() (changed bool, err error) {
	path := h.path("exclude")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.exclude.digest != "" {
			return false, nil // a list whose file was removed stays in force
		}
		h.exclude.digest = job.Digest(nil)
		return false, h.keepList(h.exclude.digest, nil)
	}
	if err != nil {
		return false, err
	}
	h.mu.Lock()
	last := h.exclude
	h.mu.Unlock()
	if info.Size() == last.size && info.ModTime().Equal(last.change) {
		return false, nil
	}
	now := exclusion{since: time.Now(), size: info.Size(), change: info.ModTime()}
	keep := last
	keep.size, keep.change = now.size, now.change // a wrong list is reported once
	lists, err := intake.Read(h.ctx, intake.Config{Args: []string{path}})
	if err == nil {
		for part := range lists.Lines.Text(1 << 20) {
			now.text = append(now.text, part...)
		}
		now.digest = job.Digest(now.text)
		err = h.keepList(now.digest, now.text)
	}
	if err == nil {
		keep = now
	}
	h.mu.Lock()
	h.exclude = keep
	h.mu.Unlock()
	return err == nil && now.digest != last.digest, err
}

// applied notes that an agent honours an exclusion list.
func (h *Hub) applied(name string, q *talk.Applied) (*nothing, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.agents[name]; a != nil && q.Exclude == h.exclude.digest && a.excluded != q.Exclude {
		a.excluded = q.Exclude
		a.state.AppliedMS = float64(time.Since(h.exclude.since).Microseconds()) / 1000
	}
	return &nothing{}, nil
}
