package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/lease"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// hostile is an agent that keeps to no rule but those of the connection.
type hostile struct {
	*talk.Conn
	sent int64
}

// dialHostile connects an agent and says hello.
func dialHostile(t *testing.T, f *fleet, name string) *hostile {
	t.Helper()
	a := &hostile{sent: 1}
	until(t, name+" is known", func() (ok bool) {
		var err error
		a.Conn, err = talk.Dial(f.files[name], "", talk.Once, talk.Events{})
		return err == nil
	})
	a.SetPatience(time.Minute) // the machine may be busy
	t.Cleanup(a.Close)
	hello := talk.Own(software)
	hello.SentNS = a.sent
	if _, err := a.Ask(t.Context(), talk.VerbHello, &hello, nil, &talk.Hello{}); err != nil {
		t.Fatal(err)
	}
	return a
}

// commit asks to enter a slice, and reports whether the hub has taken it.
func (a *hostile) commit(t *testing.T, job, token string, l lease.Lease) bool {
	t.Helper()
	e := ledger.Entry{Unit: ledger.Unit{Slice: l.Slice}, Epoch: l.Epoch, SHA256: sumOfX, Size: 1, Targets: 1}
	var reply talk.CommitReply
	if _, err := a.Ask(t.Context(), talk.VerbCommit, &talk.Commit{Job: job, Entry: e, Token: token}, []byte("x"), &reply); err != nil {
		t.Fatal(err)
	}
	return reply.Taken
}

// sumOfX is the SHA-256 of the letter x.
const sumOfX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

// A hub that has begun anew has no leases. An agent takes the slices of others, and slices that nobody
// has had, with the epochs of before: it has no token for them. A slice that was leased before the
// hub began anew can be committed with the token alone.
func TestFleetForgedLeases(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris", "mallory")
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 4))
	prober, inside, resume := held()
	f.start("paris", prober, nil)
	<-inside // slice 0
	bad := dialHostile(t, f, "mallory")
	var own talk.Work
	if _, err := bad.Ask(t.Context(), talk.VerbAsk, &talk.Ask{SentNS: 2}, nil, &own); err != nil || own.Lease.Slice != 1 || own.Token == "" {
		t.Fatalf("mallory has %+v, %v", own, err)
	}
	f.stopHub()
	resume <- struct{}{} // the slice ends while there is no hub
	until(t, "the segment is stored", func() bool {
		files, _ := os.ReadDir(filepath.Join(f.dir, "paris", "segments"))
		return len(files) == 2
	})
	f.stop("paris")
	f.startHub()
	bad = dialHostile(t, f, "mallory")
	var beat talk.Beat
	for slice := range uint32(4) {
		for _, epoch := range []uint64{0, 1, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1<<32 + 2, 1<<32 + 3, 2 << 32, 2<<32 + 1, 1<<64 - 1} {
			l := lease.Lease{Slice: slice, Epoch: epoch}
			for _, token := range []string{"", own.Token, strings.Repeat("0", 32), own.Key} {
				if l == own.Lease && token == own.Token {
					continue
				}
				if bad.commit(t, j.ID, token, l) {
					t.Fatalf("a forged lease was taken: %v, %q", l, token)
				}
				put := talk.Put{Job: j.ID, Lease: l, Token: token}
				if _, err := bad.Ask(t.Context(), talk.VerbPut, &put, []byte("x"), &talk.PutReply{}); err == nil {
					t.Fatalf("a part of a forged lease was taken: %v, %q", l, token)
				}
				beat.Holds = append(beat.Holds, talk.Held{Job: j.ID, Lease: l, Token: token})
			}
		}
	}
	beat.SentNS = 3
	var answer talk.BeatReply
	if _, err := bad.Ask(t.Context(), talk.VerbBeat, &beat, nil, &answer); err != nil || len(answer.Lost) != len(beat.Holds) {
		t.Fatalf("%d of %d forged leases are lost: %v", len(answer.Lost), len(beat.Holds), err)
	}
	if files, err := os.ReadDir(filepath.Join(f.dir, "hub", "jobs", j.ID, "incoming")); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	if !bad.commit(t, j.ID, own.Token, own.Lease) {
		t.Error("a slice that was leased before the hub began anew was refused")
	}
	f.start("paris", &simulated{}, nil)
	if s := await(t, c, j.ID); s.ByAgent["paris"].Done != 3 || s.ByAgent["mallory"].Done != 1 || s.Targets != 3*64+1 {
		t.Errorf("state %+v", s)
	}
	reply, err := c.Entries(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range reply.Entries {
		if before := e.Epoch < 2<<32; before != (e.Slice < 2) {
			t.Errorf("slice %d is of epoch %x", e.Slice, e.Epoch)
		}
	}
}
