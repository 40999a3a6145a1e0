// Package ledger keeps the results of a job, in files that alone decide which slices are done.
//
//	segments/UNIT.EPOCH.ndjson.zst   the records of a slice; never changes
//	manifest                         a line for each slice that is done
//
// A slice is done when its segment is on the disk and its line is in the manifest. The order of the
// steps is: write and sync the segment, rename it, sync the folder, append and sync the line. After
// a crash between any two of them, a slice is done or it is not, and the segment of each line is
// whole. A line is only written for a slice that has none: that is the compare-and-swap.
package ledger

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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

// Segment returns the name of the segment below the folder of the ledger.
func (e *Entry) Segment() string {
	name := fmt.Sprintf("%06d.%x.ndjson.zst", e.Slice, e.Epoch)
	if e.Agent != "" {
		name = e.Agent + "." + name
	}
	return filepath.Join("segments", name)
}

// Errors that callers distinguish.
var (
	ErrDone    = errors.New("the slice is done")
	ErrDigest  = errors.New("the segment is not what its digest is of")
	errBroken  = errors.New("the manifest cannot be written; restart the hub when its disk works")
	errCorrupt = errors.New("a line of the manifest is damaged")
)

// Ledger is the results of one job. It belongs to one goroutine.
type Ledger struct {
	disk     Disk
	dir      string
	manifest File
	size     int64 // of the whole lines of the manifest
	dirty    bool  // the manifest may have more than size
	done     map[Unit]Entry
}

// Open opens the ledger in a folder that has a folder segments. It cuts a line off that a crash has
// left incomplete at the end of the manifest.
func Open(disk Disk, dir string) (*Ledger, error) {
	l := &Ledger{disk: disk, dir: dir, done: map[Unit]Entry{}}
	f, err := disk.Open(l.manifestPath(), os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	l.manifest = f
	if err := l.read(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := errors.Join(l.trim(), f.Sync(), disk.SyncDir(dir)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func (l *Ledger) manifestPath() string { return filepath.Join(l.dir, "manifest") }

// read reads the lines of the manifest.
func (l *Ledger) read() error {
	r := bufio.NewReader(l.manifest)
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			l.dirty = len(line) > 0
			return nil
		}
		if err != nil {
			return err
		}
		e, ok := decode(line)
		if !ok {
			if _, err := r.Peek(1); err == io.EOF { // a crash may leave zeros or parts of it
				l.dirty = true
				return nil
			}
			return fmt.Errorf("%s, byte %d: %w", l.manifestPath(), l.size, errCorrupt)
		}
		l.size += int64(len(line))
		l.done[e.Unit] = e
	}
}

// trim cuts off what a failed write has left.
func (l *Ledger) trim() error {
	if !l.dirty {
		return nil
	}
	if err := l.manifest.Truncate(l.size); err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	l.dirty = false
	return nil
}

// Done returns the entry of a unit that is done.
func (l *Ledger) Done(u Unit) (e Entry, ok bool) {
	e, ok = l.done[u]
	return e, ok
}

// Len returns how many units are done.
func (l *Ledger) Len() int { return len(l.done) }

// All calls yield for each entry, in no order.
func (l *Ledger) All(yield func(Entry) bool) {
	for _, e := range l.done {
		if !yield(e) {
			return
		}
	}
}

// Path returns the path of a file of the ledger.
func (l *Ledger) Path(name string) string { return filepath.Join(l.dir, name) }

// Commit moves the file at path, which has the records of e, to its place, and enters e in the
// manifest. ErrDone means that another entry came first, and ErrDigest that the file is damaged.
// After any other error nothing is decided: the caller may try again.
func (l *Ledger) Commit(e Entry, path string) error {
	if _, ok := l.done[e.Unit]; ok {
		return ErrDone
	}
	if err := l.trim(); err != nil {
		return err
	}
	to := l.Path(e.Segment())
	if err := l.settle(&e, path, to); err != nil {
		return err
	}
	line, err := encode(&e)
	if err != nil {
		return err
	}
	l.dirty = true
	if _, err := l.manifest.Write(line); err != nil {
		return errors.Join(err, l.trim())
	}
	if err := l.manifest.Sync(); err != nil {
		return errors.Join(err, l.trim())
	}
	l.dirty = false
	l.size += int64(len(line))
	l.done[e.Unit] = e
	return nil
}

// settle syncs the segment and gives it its name. An earlier try may have done so.
func (l *Ledger) settle(e *Entry, path, to string) error {
	from := path
	f, err := l.disk.Open(from, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		from = to
		f, err = l.disk.Open(from, os.O_RDONLY)
	}
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if n != e.Size || hex.EncodeToString(sum.Sum(nil)) != e.SHA256 {
		return ErrDigest
	}
	if from != to {
		if err := l.disk.Rename(from, to); err != nil {
			return err
		}
	}
	return l.disk.SyncDir(filepath.Dir(to))
}

// Close closes the manifest.
func (l *Ledger) Close() error { return l.manifest.Close() }

// encode returns a line of the manifest: a checksum, and the entry as JSON.
func encode(e *Entry) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(text), text), nil
}

// decode reads a line of the manifest.
func decode(line []byte) (e Entry, ok bool) {
	sum, text, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	if !ok || fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) != string(sum) {
		return e, false
	}
	return e, json.Unmarshal(text, &e) == nil
}
