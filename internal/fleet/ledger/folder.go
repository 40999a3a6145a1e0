package ledger

import (
	"bufio"
	"bytes"
	"context"
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
	"sync"
)

// folder is a Store in a folder. Its manifest is a file with a line for each entry. The order of
// the steps is: sync the segment, rename it, sync the folder, append and sync the line.
type folder struct {
	disk     Disk
	dir      string
	mu       sync.Mutex // guards what follows
	manifest File
	size     int64 // of the whole lines of the manifest
	dirty    bool  // the manifest may have more than size
}

// Open opens the ledger in a folder that has a folder segments. It cuts a line off that a crash has
// left incomplete at the end of the manifest.
func Open(disk Disk, dir string) (*Ledger, error) {
	d := &folder{disk: disk, dir: dir}
	f, err := disk.Open(d.manifestPath(), os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	d.manifest = f
	entries, err := d.read()
	if err == nil {
		err = errors.Join(d.trim(), f.Sync(), disk.SyncDir(dir))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return New(d, entries), nil
}

func (d *folder) manifestPath() string { return filepath.Join(d.dir, "manifest") }

// read reads the lines of the manifest.
func (d *folder) read() (entries []Entry, err error) {
	r := bufio.NewReader(d.manifest)
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			d.dirty = len(line) > 0
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		e, ok := decode(line)
		if !ok {
			if _, err := r.Peek(1); err == io.EOF { // a crash may leave zeros or parts of it
				d.dirty = true
				return entries, nil
			}
			return nil, fmt.Errorf("%s, byte %d: %w", d.manifestPath(), d.size, errCorrupt)
		}
		d.size += int64(len(line))
		entries = append(entries, e)
	}
}

// trim cuts off what a failed write has left.
func (d *folder) trim() error {
	if !d.dirty {
		return nil
	}
	if err := d.manifest.Truncate(d.size); err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	d.dirty = false
	return nil
}

// Enter implements Store. The folder belongs to this process alone, so the unit has no entry unless
// the ledger has it.
func (d *folder) Enter(_ context.Context, e Entry, path string) (Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.trim(); err != nil {
		return e, err
	}
	if err := d.settle(&e, path, d.path(&e)); err != nil {
		return e, err
	}
	line, err := encode(&e)
	if err != nil {
		return e, err
	}
	d.dirty = true
	if _, err := d.manifest.Write(line); err != nil {
		return e, errors.Join(err, d.trim())
	}
	if err := d.manifest.Sync(); err != nil {
		return e, errors.Join(err, d.trim())
	}
	d.dirty = false
	d.size += int64(len(line))
	return e, nil
}

// path returns the path of the segment of an entry.
func (d *folder) path(e *Entry) string {
	return filepath.Join(d.dir, filepath.FromSlash(e.Segment()))
}

// settle syncs the segment and gives it its name. An earlier try may have done so.
func (d *folder) settle(e *Entry, path, to string) error {
	from := path
	f, err := d.disk.Open(from, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		from = to
		f, err = d.disk.Open(from, os.O_RDONLY)
	}
	if err != nil {
		return err
	}
	err = e.Check(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if from != to {
		if err := d.disk.Rename(from, to); err != nil {
			return err
		}
	}
	return d.disk.SyncDir(filepath.Dir(to))
}

// Check returns ErrDigest if a content is not that of the segment.
func (e *Entry) Check(in io.Reader) error {
	sum := sha256.New()
	n, err := io.Copy(sum, in)
	if err == nil && (n != e.Size || hex.EncodeToString(sum.Sum(nil)) != e.SHA256) {
		err = ErrDigest
	}
	return err
}

// Segment implements Store.
func (d *folder) Segment(_ context.Context, e *Entry) (Segment, error) {
	return os.Open(d.path(e))
}

// Close implements Store.
func (d *folder) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.manifest.Close()
}

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
