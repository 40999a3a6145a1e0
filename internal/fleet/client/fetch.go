package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// Segments are the records of a job on this machine.
type Segments struct {
	Job talk.EntriesReply
	// Files are the segments of each vantage point, by name; in mode split they are all below "".
	Files map[string][]string
	// Missing is how many slices are not done.
	Missing int
}

// ErrEmpty means that no slice of a job is done.
var ErrEmpty = errors.New("no slice of the job is done yet")

// Download writes the segments of a job into a folder. Segments that are already there, from a
// fetch that was interrupted, are not sent again. progress is called for each segment.
func (c *Client) Download(ctx context.Context, name, dir string, progress func(done, all int)) (*Segments, error) {
	reply, err := c.Entries(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(reply.Entries) == 0 {
		return nil, ErrEmpty
	}
	s := &Segments{Job: *reply, Files: map[string][]string{}}
	owners := max(len(reply.Job.Members), 1)
	s.Missing = reply.Slices*owners - len(reply.Entries)
	for i, e := range reply.Entries {
		path := filepath.Join(dir, filepath.Base(e.Segment()))
		if err := c.download(ctx, &reply.Job, &e, path); err != nil {
			return nil, fmt.Errorf("slice %d of %s: %w", e.Slice, e.By, err)
		}
		s.Files[e.Agent] = append(s.Files[e.Agent], path)
		progress(i+1, len(reply.Entries))
	}
	return s, nil
}

// download writes one segment to a file.
func (c *Client) download(ctx context.Context, j *job.Job, e *ledger.Entry, path string) error {
	if text, err := os.ReadFile(path); err == nil && job.Digest(text) == e.SHA256 {
		return nil
	}
	text, err := c.Segment(ctx, j.ID, e)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
