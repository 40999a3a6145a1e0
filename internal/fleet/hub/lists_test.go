package hub

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// sendList sends a list in parts of that many bytes, as a submitter does.
func sendList(h *Hub, name string, text []byte, chunk int) error {
	for at := int64(0); ; {
		part := text[at:min(at+int64(chunk), int64(len(text)))]
		data, err := talk.Encode(&talk.List{Digest: job.Digest(text), Offset: at, Size: int64(len(text))}, part)
		if err != nil {
			return err
		}
		answer, err := h.list(name, data)
		if err != nil {
			return err
		}
		var reply talk.PutReply
		if _, err := talk.Decode(answer, &reply); err != nil {
			return err
		}
		if at = min(reply.Size, int64(len(text))); at == int64(len(text)) {
			return nil
		}
	}
}

// A list that several submitters send at once, and one of them twice, is one list for all of them.
// No part of it stays behind.
func TestListTwice(t *testing.T) {
	h := shown(t, nil)
	rng := effort.Rand(t)
	for round := range effort.Count(50, 2000) {
		text := bytes.Repeat(fmt.Appendf(nil, "192.0.2.%d %d\n", round%256, rng.Uint64()), 1+rng.IntN(100))
		var all sync.WaitGroup
		begin := make(chan struct{})
		for n := range 8 {
			name, chunk := []string{"alice", "bob", "carol"}[n%3], 1+rng.IntN(len(text))
			all.Go(func() {
				<-begin
				if err := sendList(h, name, text, chunk); err != nil {
					t.Errorf("round %d, %s: %v", round, name, err)
				}
			})
		}
		close(begin)
		all.Wait()
		if got, err := os.ReadFile(h.path("lists", job.Digest(text))); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("the list has %d bytes, %v; want %d", len(got), err, len(text))
		}
	}
	files, err := os.ReadDir(h.path("lists"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !validDigest.MatchString(f.Name()) {
			t.Errorf("%s is left behind", f.Name())
		}
	}
}

// fullOnce is a disk that cannot rename a file at first.
type fullOnce struct {
	ledger.OS
	left int
}

func (f *fullOnce) Rename(from, to string) error {
	if f.left--; f.left >= 0 {
		return syscall.ENOSPC
	}
	return f.OS.Rename(from, to)
}

// A list that is damaged on its way, or that the disk refuses, is reported as what it is. The next
// try succeeds.
func TestListRefused(t *testing.T) {
	h := shown(t, nil)
	text := []byte("192.0.2.0/24\n")
	data, err := talk.Encode(&talk.List{Digest: job.Digest(text), Size: int64(len(text))}, []byte("192.0.3.0/24\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.list("alice", data); !errors.Is(err, errList) {
		t.Errorf("a damaged list: %v", err)
	}
	h.cfg.Disk = &fullOnce{left: 1}
	if err := sendList(h, "alice", text, 100); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	for _, name := range []string{"alice", "bob", "alice"} {
		if err := sendList(h, name, text, 5); err != nil {
			t.Errorf("%s sends it again: %v", name, err)
		}
	}
	for _, q := range []talk.List{
		{Digest: "../../authority.pem"}, {Digest: job.Digest(text), Size: -1}, {Digest: job.Digest(text), Size: mostList + 1},
	} {
		data, err := talk.Encode(&q, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.list("alice", data); err == nil {
			t.Errorf("%+v is taken", q)
		}
	}
}
