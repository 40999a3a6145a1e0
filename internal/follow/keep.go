package follow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/follow/engine"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// state is the content of a state file, after stateMagic and a digest.
type state struct {
	Seed, Run string
	HasMark   bool // Mark is of the output
	Mark      outfile.Mark
	Engine    []byte
}

const stateMagic = "masstrace follow state 3\n"

// readState reads a state file; it returns nil if there is none.
func readState(path string) (*state, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) { // its folder must be there
		if _, missing := os.Stat(filepath.Dir(path)); missing != nil {
			return nil, err
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rest, ok := bytes.CutPrefix(b, []byte(stateMagic))
	if !ok || len(rest) < sha256.Size || sha256.Sum256(rest[sha256.Size:]) != [sha256.Size]byte(rest) {
		return nil, plan.Refuse("State", "%s is no state of masstrace follow, or is damaged", path)
	}
	s := new(state)
	if err := gob.NewDecoder(bytes.NewReader(rest[sha256.Size:])).Decode(s); err != nil {
		return nil, plan.Refuse("State", "%s: %v", path, err)
	}
	return s, nil
}

// state returns what is to be kept, nil if nothing is. The output is synced first: what the state does
// not know is cut off when the program goes on, and found again.
func (f *follower) state() (*state, error) {
	if f.cfg.State == "" {
		return nil, nil
	}
	s := state{Seed: f.plan.Seed, Run: f.plan.Run}
	var err error
	if err = f.writer.Flush(); err != nil {
		return nil, err
	}
	if s.Mark, err = f.file.Mark(); err == nil {
		s.HasMark = true
	} else if f.cfg.Output != "-" {
		return nil, err
	}
	if s.Engine, err = f.engine.Save(f.time.Now()); err != nil {
		return nil, err
	}
	return &s, nil
}

// save replaces the state file. It takes no lock: probes leave meanwhile.
func (s *state) save(path string) error {
	if s == nil {
		return nil
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(s); err != nil {
		return err
	}
	sum := sha256.Sum256(b.Bytes())
	return outfile.Replace(path, 0o600, append(append([]byte(stateMagic), sum[:]...), b.Bytes()...))
}

// keep saves the state, writes snapshots and reports progress until ctx ends.
func (f *follower) keep(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	began := time.Now()
	saved, shown := began, began
	var last uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var kept *state
		f.mu.Lock()
		if drops, _, err := f.session.Live.Drops(); err == nil && drops > f.drops {
			f.drops, f.dropped = drops, f.time.Now()
		}
		if time.Since(saved) >= saveEvery {
			var err error
			kept, err = f.state()
			f.check(err)
			saved = time.Now()
		}
		if every := f.cfg.SnapshotEvery; every > 0 && time.Since(shown) >= every {
			f.snapshot()
			shown = time.Now()
		}
		p := observe.Progress{Elapsed: time.Since(began), Sent: f.sent, RatePPS: float64(f.sent - last), Answered: f.answered, Drops: f.drops,
			AskedPPS: f.plan.RatePPS, Lasts: true, Changes: f.engine.Counts.Changes}
		p.Share = float64(f.engine.Counts.Traced) / float64(max(len(f.engine.Targets()), 1))
		last = f.sent
		p.Inbound = account.Load(&f.receive.Heard).Inbound
		f.mu.Unlock()
		if err := kept.save(f.cfg.State); err != nil {
			f.mu.Lock()
			f.check(err)
			f.mu.Unlock()
		}
		f.cfg.Observer.Progress(p)
	}
}

// snapshot writes the current path to each target as a trace.
func (f *follower) snapshot() {
	var hops []engine.Hop
	var t record.Trace
	for i, target := range f.engine.Targets() {
		p := f.engine.Path(i, hops)
		hops = p.Hops
		if !p.Traced {
			continue
		}
		t.Reset()
		f.fill(&t, target, &p)
		if err := f.writer.Write(&t); err != nil {
			f.check(err)
			return
		}
	}
	f.check(f.writer.Flush())
}

// fill makes a trace of a path.
func (f *follower) fill(t *record.Trace, target probe.Addr, p *engine.Path) {
	c := f.session.Codec
	is4 := target.Is4()
	t.Head = record.Head{
		Target: target, Source: c.Source(is4), Method: f.cfg.Plan.Method, Flow: c.Flow(target, 0),
		DstPort: f.cfg.Plan.DstPort, TOS: f.cfg.Plan.TOS, ProbeSize: c.Size(is4),
	}
	t.FirstTTL, t.MaxTTL, t.Attempts, t.Wait = f.cfg.Plan.MinTTL, f.cfg.Plan.MaxTTL, 1, f.cfg.Plan.Wait
	t.GapLimit, t.Bare = engine.DefaultGap, true
	for _, h := range p.Hops {
		hop := record.Hop{Sent: h.Sent, RTT: int64(h.RTT)}
		hop.TTL, hop.Target, hop.Responder, hop.Kind, hop.Valid = h.TTL, target, h.Addr, probe.KindTTLExceeded, probe.Strong
		hop.Lacks = record.LacksKind | record.LacksAttempt | record.LacksExt | record.LacksValid
		t.Hops = append(t.Hops, hop)
		if t.Start == 0 || h.Sent < t.Start {
			t.Start = h.Sent
		}
		t.End = h.TTL
	}
	t.ProbeCount, t.Answered = len(p.Hops), len(p.Hops)
	t.StopReason = record.StopGapLimit
	switch {
	case p.Reached:
		t.StopReason, t.Reached, t.Distance = record.StopCompleted, true, p.End
	case p.End != 0:
		t.StopReason = record.StopUnreach
	}
}
