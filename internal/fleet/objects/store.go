package objects

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/masstrace/masstrace/internal/fleet/ledger"
)

// store is the ledger.Store of a job. Its entries are objects, so it keeps nothing itself.
type store struct {
	*Bucket
	job string // prefix of its objects
}

// Open returns the ledger of a job.
func (b *Bucket) Open(ctx context.Context, id string) (*ledger.Ledger, error) {
	s := &store{b, b.object("jobs", id)}
	entries, err := s.entries(ctx)
	if err != nil {
		return nil, b.fault("cannot be read", err)
	}
	return ledger.New(s, entries), nil
}

// readers is how many entries are read at a time.
const readers = 16

// entries reads all entries of the manifest.
func (s *store) entries(ctx context.Context) (entries []ledger.Entry, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	var all sync.WaitGroup
	room := make(chan struct{}, readers)
	list := s.client.Client.ListObjects(ctx, s.name, minio.ListObjectsOptions{Prefix: path.Join(s.job, "manifest") + "/", Recursive: true})
	for o := range list {
		if o.Err != nil {
			cancel(o.Err)
			break
		}
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			e, err := s.entry(ctx, o.Key)
			if err != nil {
				cancel(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			entries = append(entries, e)
		})
	}
	all.Wait()
	return entries, context.Cause(ctx)
}

// mostEntry bounds the size of an entry, in bytes.
const mostEntry = 64 << 10

// entry reads an entry.
func (s *store) entry(ctx context.Context, name string) (e ledger.Entry, err error) {
	ctx, cancel := s.limit(ctx)
	defer cancel()
	o, _, _, err := s.client.GetObject(ctx, s.name, name, minio.GetObjectOptions{})
	if err != nil {
		return e, err
	}
	defer o.Close()
	text, err := io.ReadAll(io.LimitReader(o, mostEntry))
	if err != nil {
		return e, err
	}
	if e, err = decode(text); err == nil && s.manifest(e.Unit) != name {
		err = errors.New("it is of another slice")
	}
	if err != nil {
		return e, fmt.Errorf("%s is damaged: %w", name, err)
	}
	return e, nil
}

// stored is an entry as an object has it: with a checksum, so that damage of the store is noticed.
type stored struct {
	ledger.Entry
	Sum string `json:"crc32"` // of the entry alone, as JSON
}

// encode returns the text of an entry.
func encode(e *ledger.Entry) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(&stored{*e, fmt.Sprintf("%08x", crc32.ChecksumIEEE(text))})
}

// decode reads the text of an entry.
func decode(text []byte) (e ledger.Entry, err error) {
	var o stored
	if err := json.Unmarshal(text, &o); err != nil {
		return e, err
	}
	again, err := json.Marshal(&o.Entry)
	if err == nil && o.Sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE(again)) {
		err = errors.New("its checksum is wrong")
	}
	return o.Entry, err
}

// manifest returns the name of the entry of a unit.
func (s *store) manifest(u ledger.Unit) string {
	name := fmt.Sprintf("%06d", u.Slice)
	if u.Agent != "" {
		name = u.Agent + "." + name
	}
	return path.Join(s.job, "manifest", name)
}

// Enter implements ledger.Store. A request whose answer was lost may be sent again: the name of a
// segment has its digest, and the caller compares the entry that is there.
func (s *store) Enter(ctx context.Context, e ledger.Entry, file string) (ledger.Entry, error) {
	if !s.checked.Load() {
		if err := s.Check(ctx); err != nil {
			return e, err
		}
	}
	if err := s.keep(ctx, &e, file); err != nil {
		return e, err
	}
	text, err := encode(&e)
	if err != nil {
		return e, err
	}
	err = s.put(ctx, s.manifest(e.Unit), text)
	if errors.Is(err, errExists) {
		now, err := s.entry(ctx, s.manifest(e.Unit))
		return now, s.fault("cannot be read", err)
	}
	if err != nil {
		return e, s.fault("refuses writes", err)
	}
	// An error leaves a file that the next hub removes.
	_ = os.Remove(file)
	return e, nil
}

// keep puts the segment of an entry, unless an earlier try has done so.
func (s *store) keep(ctx context.Context, e *ledger.Entry, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := e.Check(f); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	ctx, cancel := s.limit(ctx)
	defer cancel()
	_, err = s.client.Client.PutObject(ctx, s.name, path.Join(s.job, e.Segment()), f, e.Size, minio.PutObjectOptions{
		ContentType: "application/zstd", DisableMultipart: true,
	})
	return s.fault("refuses writes", err)
}

// put writes an object that must not be there: errExists.
func (b *Bucket) put(ctx context.Context, name string, text []byte) error {
	ctx, cancel := b.limit(ctx)
	defer cancel()
	o := minio.PutObjectOptions{ContentType: "application/json", DisableMultipart: true, SendContentMd5: true}
	o.SetMatchETagExcept("*")
	_, err := b.client.Client.PutObject(ctx, b.name, name, bytes.NewReader(text), int64(len(text)), o)
	// 409 is the answer to one of two that come at the same time.
	if code := minio.ToErrorResponse(err).StatusCode; err != nil && code == 412 {
		return errExists
	}
	return err
}

// Segment implements ledger.Store.
func (s *store) Segment(ctx context.Context, e *ledger.Entry) (ledger.Segment, error) {
	return &segment{ctx: ctx, store: s, name: path.Join(s.job, e.Segment()), size: e.Size}, nil
}

// segment reads parts of an object. Each is a request of its own.
type segment struct {
	ctx   context.Context
	store *store
	name  string
	size  int64
}

// ReadAt implements io.ReaderAt.
func (g *segment) ReadAt(b []byte, at int64) (int, error) {
	if at >= g.size || len(b) == 0 {
		return 0, io.EOF
	}
	ctx, cancel := g.store.limit(g.ctx)
	defer cancel()
	var o minio.GetObjectOptions
	last := min(at+int64(len(b)), g.size) - 1
	if err := o.SetRange(at, last); err != nil {
		return 0, err
	}
	in, _, _, err := g.store.client.GetObject(ctx, g.store.name, g.name, o)
	if err != nil {
		return 0, g.store.fault("cannot be read", err)
	}
	defer in.Close()
	n, err := io.ReadFull(in, b[:last-at+1])
	if err == nil && n < len(b) {
		return n, io.EOF
	}
	return n, g.store.fault("cannot be read", err)
}

// Close implements io.Closer.
func (g *segment) Close() error { return nil }

// Close implements ledger.Store.
func (s *store) Close() error { return nil }
