package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/lease"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/outfile"
)

// Endings of the files of a finished slice. The claim is written last: a segment without one was
// not finished.
const (
	dataEnding  = ".ndjson.zst"
	claimEnding = ".json"
)

func (a *Agent) path(parts ...string) string {
	return filepath.Join(append([]string{a.cfg.Dir}, parts...)...)
}

// clean removes what a killed agent has left: slices that were not finished.
func (a *Agent) clean() error {
	if err := errors.Join(os.RemoveAll(a.path("running")), os.MkdirAll(a.path("running"), 0o700)); err != nil {
		return err
	}
	claims, err := a.claims()
	if err != nil {
		return err
	}
	for _, name := range claims {
		c, err := a.claim(name)
		if err != nil {
			return err
		}
		a.stored[name] = heldBy(c)
	}
	files, err := os.ReadDir(a.path("segments"))
	if err != nil {
		return err
	}
	for _, f := range files {
		name, isData := strings.CutSuffix(f.Name(), dataEnding)
		if !isData && strings.HasSuffix(f.Name(), claimEnding) || isData && slices.Contains(claims, name) {
			continue
		}
		if err := os.Remove(a.path("segments", f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// claims returns the names of finished slices, the oldest first.
func (a *Agent) claims() (names []string, err error) {
	files, err := os.ReadDir(a.path("segments"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), claimEnding); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// claim reads the claim of a finished slice.
func (a *Agent) claim(name string) (*talk.Commit, error) {
	text, err := os.ReadFile(a.path("segments", name+claimEnding))
	if err != nil {
		return nil, err
	}
	c := new(talk.Commit)
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// heldBy returns the lease of a finished slice.
func heldBy(c *talk.Commit) talk.Held {
	return talk.Held{
		Job: c.Job, Lease: lease.Lease{Slice: c.Entry.Slice, Epoch: c.Entry.Epoch}, Token: c.Token, Sent: c.Entry.Sent, Answered: c.Entry.Answered, Share: 1,
	}
}

// keep stores a finished slice: its records are on the disk before its claim is.
func (a *Agent) keep(name, output string, c *talk.Commit) error {
	f, err := os.Open(output)
	if err != nil {
		return err
	}
	sum := sha256.New()
	c.Entry.Size, err = io.Copy(sum, f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	c.Entry.SHA256 = hex.EncodeToString(sum.Sum(nil))
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.Rename(output, a.path("segments", name+dataEnding)); err != nil {
		return err
	}
	a.mu.Lock()
	a.stored[name] = heldBy(c) // before the upload can begin
	a.mu.Unlock()
	// Replace syncs the folder, and so the name of the records as well.
	if err := outfile.Replace(a.path("segments", name+claimEnding), 0o600, text); err != nil {
		a.mu.Lock()
		delete(a.stored, name)
		a.mu.Unlock()
		return err
	}
	nudge(a.sent)
	return nil
}

// uploads sends finished slices to the hub until ctx ends.
func (a *Agent) uploads(ctx context.Context) {
	for {
		wait := a.cfg.Timing.Idle
		names, err := a.claims()
		for _, name := range names {
			if err == nil {
				err = a.upload(ctx, name)
			}
		}
		if err != nil {
			if _, refused := errors.AsType[talk.Refusal](err); refused || !isOffline(err) {
				a.report("send results: " + err.Error())
			}
			wait = a.cfg.Timing.Wrong
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			return
		case <-a.sent:
		case <-timer.C:
		}
		timer.Stop()
		if err != nil && !pause(ctx, a.cfg.Timing.Idle) {
			return
		}
	}
}

// isOffline reports whether an error is of the connection, which reports itself.
func isOffline(err error) bool {
	_, isPath := errors.AsType[*fs.PathError](err)
	return !isPath
}

// upload sends one finished slice. Only after the hub has it, or does not want it, is it deleted.
func (a *Agent) upload(ctx context.Context, name string) error {
	c, err := a.claim(name)
	if err != nil {
		return err
	}
	f, err := os.Open(a.path("segments", name+dataEnding))
	if err != nil {
		return err
	}
	defer f.Close()
	var body []byte
	if c.Entry.Size <= talk.Chunk {
		if body, err = io.ReadAll(f); err != nil {
			return err
		}
	} else if err := a.putParts(ctx, f, c); err != nil {
		return err
	}
	var reply talk.CommitReply
	if _, err := a.conn.Ask(ctx, talk.VerbCommit, c, body, &reply); err != nil {
		return err
	}
	if reply.Refused != "" {
		a.cfg.Event(fmt.Sprintf("the hub does not want slice %d: %s", c.Entry.Slice, reply.Refused))
	}
	// The claim goes first: records without a claim are removed when an agent begins.
	if err := errors.Join(os.Remove(a.path("segments", name+claimEnding)), os.Remove(f.Name())); err != nil {
		return err
	}
	a.mu.Lock()
	delete(a.stored, name)
	if strings.HasPrefix(a.trouble, "send results") {
		a.trouble = ""
	}
	a.mu.Unlock()
	return nil
}

// putParts sends a segment in parts. It goes on where the hub is.
func (a *Agent) putParts(ctx context.Context, f *os.File, c *talk.Commit) error {
	part := make([]byte, talk.Chunk)
	for at := int64(0); at < c.Entry.Size; {
		n, err := f.ReadAt(part, at)
		if err != nil && err != io.EOF {
			return err
		}
		put := talk.Put{Job: c.Job, Token: c.Token, Offset: at}
		put.Slice, put.Epoch = c.Entry.Slice, c.Entry.Epoch
		var reply talk.PutReply
		_, err = a.conn.Ask(ctx, talk.VerbPut, &put, part[:n], &reply)
		if _, refused := errors.AsType[talk.Refusal](err); refused && strings.Contains(err.Error(), "newer lease") {
			return nil // the answer to the commit is the same
		}
		if err != nil {
			return err
		}
		at = min(reply.Size, c.Entry.Size)
	}
	return nil
}

// fetchList returns a list of the hub, and keeps it.
func (a *Agent) fetchList(ctx context.Context, digest string) ([]byte, error) {
	path := a.path("lists", digest)
	if text, err := os.ReadFile(path); err == nil && job.Digest(text) == digest {
		return text, nil
	}
	text, err := a.conn.Fetch(ctx, talk.Get{List: digest})
	if err != nil {
		return nil, err
	}
	if job.Digest(text) != digest {
		return nil, errors.New("a list of the hub is damaged")
	}
	return text, outfile.Replace(path, 0o600, text)
}
