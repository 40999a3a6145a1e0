package scan

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/faulty"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// internet is a link to the simulated Internet, on the virtual clock of a bubble. No frame is lost or
// late, however slow the machine is.
type internet struct {
	*faulty.Link
	mu      sync.Mutex
	sim     *netsim.Sim
	frames  []frame // on their way
	arrived []frame
	packets [sender.MaxBatch][codec.MaxSize]byte
	truth   map[spot]answer
	reached map[probe.Addr]uint8 // the lowest TTL at which a target answered
}

// frame is a frame on its way to us.
type frame struct {
	due    int64
	octets []byte
}

// spot is a target at a TTL.
type spot struct {
	to  probe.Addr
	ttl uint8
}

// answer is the answer that a probe got.
type answer struct {
	from  probe.Addr
	short bool // its quotation ends before the second tag
}

func newInternet(t *testing.T, cfg netsim.Config) *internet {
	t.Helper()
	sim, err := netsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &internet{Link: new(faulty.Link), sim: sim, truth: map[spot]answer{}, reached: map[probe.Addr]uint8{}}
}

func (n *internet) Packet(i int, _ bool) []byte { return n.packets[i][:] }

// Send passes probes to the network.
func (n *internet) Send(sizes []int, from, to int) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now().UnixNano()
	for i := from; i < to; i++ {
		b := n.packets[i][:sizes[i]]
		length := 0
		rec := n.sim.Handle(now, b, func(due int64, b []byte) {
			n.emit(due, b)
			length = len(b)
		})
		if rec.Fate != netsim.Answered || rec.Answer == netsim.ChallengeACK { // which is no hop
			continue
		}
		a := answer{probe.AddrFrom(rec.Dst()), rec.Answer.IsError() && b[0]>>4 == 6 && rec.Protocol != probe.ProtoTCP && length <= 40+8+40+8}
		to := spot{a.from, rec.TTL}
		if !rec.Target {
			a.from = probe.AddrFrom(n.sim.Truth().Router(rec))
		} else if end := n.reached[to.to]; end == 0 || rec.TTL < end {
			n.reached[to.to] = rec.TTL
		}
		n.truth[to] = a
	}
	return to - from, nil
}

func (n *internet) emit(due int64, b []byte) {
	n.frames = append(n.frames, frame{due, bytes.Clone(b)})
}

// Next returns the frames that have come, by time.
func (n *internet) Next() (b []byte, stamp int64, err error) {
	if len(n.arrived) == 0 {
		time.Sleep(2 * time.Millisecond)
		n.arrive()
	}
	if len(n.arrived) == 0 {
		return nil, 0, receiver.ErrIdle
	}
	f := n.arrived[0]
	n.arrived = n.arrived[1:]
	return f.octets, f.due, nil
}

func (n *internet) arrive() {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now().UnixNano()
	n.sim.Tick(now, n.emit)
	n.arrived = n.arrived[:0]
	n.frames = slices.DeleteFunc(n.frames, func(f frame) bool {
		if f.due <= now {
			n.arrived = append(n.arrived, f)
		}
		return f.due <= now
	})
	slices.SortStableFunc(n.arrived, func(a, b frame) int { return cmp.Compare(a.due, b.due) })
}

func (n *internet) LinkType() int                  { return faulty.LinkType }
func (n *internet) Drops() (uint64, uint64, error) { return 0, 0, nil }
func (n *internet) Close() error                   { return nil }

// live is the receiving end of an internet.
type live struct{ *internet }

func (live) Close() {}

var (
	guessed4 = netip.MustParseAddr("5.10.20.30")
	guessed6 = netip.MustParseAddr("2a01:5:6::30")
)
