package objects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/objects/objectstest"
)

func open(t *testing.T, s *objectstest.Server, prefix string) *Bucket {
	t.Helper()
	b, err := New(Config{URL: s.URLOf(prefix), Credentials: s.Credentials, Patience: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ledgerOf(t *testing.T, b *Bucket) *ledger.Ledger {
	t.Helper()
	l, err := b.Open(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// offer writes a segment to a file, and returns its entry and path.
func offer(t *testing.T, slice uint32, epoch uint64, text string) (ledger.Entry, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	return ledger.Entry{
		Unit: ledger.Unit{Slice: slice}, By: "a", Epoch: epoch, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(text)), BeganNS: 5,
	}, path
}

// content returns the segment of an entry.
func content(t *testing.T, l *ledger.Ledger, e *ledger.Entry) string {
	t.Helper()
	in, err := l.Segment(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.NewSectionReader(in, 0, e.Size)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// An entry is taken once, by any hub, and lasts.
func TestCompareAndSwap(t *testing.T) {
	t.Parallel()
	s := objectstest.New(t)
	b := open(t, s, "fleet")
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	one, other := ledgerOf(t, b), ledgerOf(t, open(t, s, "fleet"))
	first, path := offer(t, 7, 1, strings.Repeat("first ", 1000))
	if err := one.Commit(t.Context(), first, path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the parts of the segment stay")
	}
	second, path := offer(t, 7, 2, "second")
	if err := other.Commit(t.Context(), second, path); !errors.Is(err, ledger.ErrDone) {
		t.Errorf("the second entry: %v", err)
	}
	for i, l := range []*ledger.Ledger{one, other, ledgerOf(t, b)} {
		e, ok := l.Done(first.Unit)
		if !ok || e != first {
			t.Fatalf("ledger %d has %+v", i, e)
		}
		if got := content(t, l, &e); got != strings.Repeat("first ", 1000) {
			t.Errorf("ledger %d: segment %.20q", i, got)
		}
	}
}

// Of hubs that enter at the same time, one succeeds for each slice.
func TestRace(t *testing.T) {
	t.Parallel()
	s := objectstest.New(t)
	hubs, slices := 4, effort.Count(8, 200)
	taken := make([]int, slices)
	var mu sync.Mutex
	var all sync.WaitGroup
	for h := range hubs {
		l := ledgerOf(t, open(t, s, ""))
		for n := range slices {
			e, path := offer(t, uint32(n), uint64(h+1), fmt.Sprint("segment ", n, " of ", h))
			all.Go(func() {
				err := l.Commit(t.Context(), e, path)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					taken[n]++
				case !errors.Is(err, ledger.ErrDone):
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	l := ledgerOf(t, open(t, s, ""))
	for n, times := range taken {
		e, ok := l.Done(ledger.Unit{Slice: uint32(n)})
		if times != 1 || !ok {
			t.Errorf("slice %d was taken %d times", n, times)
		}
		if got, want := content(t, l, &e), fmt.Sprint("segment ", n, " of ", e.Epoch-1); got != want {
			t.Errorf("slice %d has %q, want %q", n, got, want)
		}
	}
}

// A store that fails decides nothing, names its fault, and takes the result later.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault objectstest.Fault
		want  string
	}{
		{"refused", objectstest.Refuse, "refuses writes: Access Denied (AccessDenied)"},
		{"full", objectstest.Full, "free drive threshold (XMinioStorageFull)"},
		{"hangs", objectstest.Hang, "no answer within"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := objectstest.New(t)
			b := open(t, s, "x")
			b.patience = time.Second / 4
			l := ledgerOf(t, b)
			e, path := offer(t, 1, 1, "text")
			s.Fail(tt.fault, -1)
			err := l.Commit(t.Context(), e, path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
				t.Fatalf("Commit = %v", err)
			}
			if _, ok := l.Done(e.Unit); ok {
				t.Error("the slice is done")
			}
			s.Fail(objectstest.None, 0)
			b.patience = time.Minute
			if err := l.Commit(t.Context(), e, path); err != nil {
				t.Errorf("later: %v", err)
			}
		})
	}
}

// If answers are lost, each slice has one whole entry still.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, lost := range []int{1, 2, 5} { // a client tries three times
		s := objectstest.New(t)
		l := ledgerOf(t, open(t, s, "x"))
		e, path := offer(t, 1, 1, "text")
		s.Fail(objectstest.Lose, lost)
		var err error
		for range 9 {
			if err = l.Commit(t.Context(), e, path); err == nil {
				break
			}
		}
		if e2, ok := l.Done(e.Unit); err != nil || !ok || e2 != e || content(t, l, &e) != "text" {
			t.Errorf("%d answers lost: %+v, %v", lost, e2, err)
		}
	}
	s := objectstest.New(t)
	l := ledgerOf(t, open(t, s, "x"))
	e, path := offer(t, 1, 1, "text")
	if err := os.WriteFile(path, []byte("tex1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(t.Context(), e, path); !errors.Is(err, ledger.ErrDigest) {
		t.Errorf("a damaged segment: %v", err)
	}
}

// A store without conditions is refused.
func TestConditions(t *testing.T) {
	t.Parallel()
	s := objectstest.New(t)
	b := open(t, s, "")
	s.Fail(objectstest.Ignore, -1)
	if err := b.Check(t.Context()); !errors.Is(err, ErrConditions) {
		t.Errorf("Check = %v", err)
	}
	e, path := offer(t, 1, 1, "text")
	if err := ledgerOf(t, b).Commit(t.Context(), e, path); !errors.Is(err, ErrConditions) {
		t.Errorf("Commit = %v", err)
	}
}

// Wrong requests are refused, with a reason that has no secret.
func TestRefusedConfigs(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "")
	t.Setenv("HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[default]\naws_access_key_id = key\naws_secret_access_key = hidden\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{URL: "https://s3.example.net/bucket/a/b", Credentials: file}); err != nil {
		t.Errorf("a good request: %v", err)
	}
	if b, err := New(Config{URL: "s3://bucket/a", Credentials: file}); err != nil || b.name != "bucket" || b.prefix != "a" {
		t.Errorf("Amazon: %+v, %v", b, err)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ url, file, want string }{
		{"https://key:hidden@s3.example.net/b", file, "has credentials"},
		{"ftp://s3.example.net/b", file, "is https://"},
		{"https://s3.example.net", file, "is https://"},
		{"https://s3.example.net/b?x=1", file, "is https://"},
		{"s3://", file, "is https://"},
		{"https://s3.example.net/b", "", "AWS_ACCESS_KEY_ID"},
		{"https://s3.example.net/b", file + ".none", "no such file"},
		{"https://s3.example.net/b", open, "chmod 600"},
	} {
		_, err := New(Config{URL: tt.url, Credentials: tt.file})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v, want %q", tt.url, err, tt.want)
		}
	}
}

// A store that is away is named when a hub begins.
func TestAway(t *testing.T) {
	t.Parallel()
	s := objectstest.New(t)
	b := open(t, s, "x")
	s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := b.Open(ctx, "job"); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("Open = %v", err)
	}
}
