package plan

import (
	"math"
	"math/bits"
	"sort"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/sender"
)

// Bounds of a window (all in probing time, but for fewestTargets).
const (
	windowTime    = time.Second
	windowMost    = 60 * time.Second
	fewestTargets = 4
)

// sizeWindows cuts the order into windows: as many targets as one second of probing
// takes, within bounds of targets, time and memory. A resumed run keeps its windows:
// a checkpoint counts in them.
func (p *Plan) sizeWindows(c *Config, began Began) error {
	perTarget := float64(p.ProbesPerTarget())
	rate := p.RatePPS
	if rate == 0 {
		rate = 1e6 // about the rate of a fast link: memory is the limit
	}
	if c.AutoRate {
		rate /= 4 // the found rate is lower
	}
	n := rate * windowTime.Seconds() / perTarget
	n = max(n, min(fewestTargets, rate*windowMost.Seconds()/perTarget))
	p.memory = p.targetOctets(c)
	shared := uint64(p.Shape.SharedOctets())
	inMemory := (max(c.Memory/window.Live, shared) - shared) / p.memory
	if inMemory == 0 {
		return Refuse("Memory", "%d bytes are too few: the %d windows need at least %d bytes",
			c.Memory, window.Live, window.Live*(shared+p.memory))
	}
	n = min(n, float64(inMemory), float64(max(p.Order.Len(), 1)), math.MaxInt32/perTarget)
	p.Shape.Targets, p.Shape.First = grow(max(int(n), 1))
	if began.Params != nil {
		p.Shape.Targets, p.Shape.First = began.Params.Shape.Targets, began.Params.Shape.First
		p.Shape.OnDemand = began.Params.Shape.OnDemand
	}
	if p.CountWindows(); began.Params == nil {
		p.addSlots(c)
	}
	p.Shape.ExtensionOctets = MaxExtensionOctets(p.Shape)
	if c.Records&record.Replies != 0 {
		p.Shape.Unlinked = Unlinked(p.Shape)
	}
	if hi, lo := bits.Mul64(p.Order.Len(), p.ProbesPerTarget()*uint64(p.Shape.Attempts)); hi != 0 || lo >= 1<<53 {
		return Refuse("Targets", "%d targets × %d probes are more than 2⁵³: use shards, or fewer targets", p.Order.Len(), p.ProbesPerTarget())
	}
	return nil
}

// addSlots gives the targets of windows on demand more slots, as many as fit in the memory. Repeats, and
// flows that are allocated together, need them where many targets meet wide balancers.
func (p *Plan) addSlots(c *Config) {
	if !p.Shape.IsOnDemand() {
		return
	}
	least := p.Shape.OnDemand
	more := sort.Search(max(0, window.MaxOnDemand-least), func(more int) bool { // the fewest that are too many
		p.Shape.OnDemand = least + more + 1
		p.memory = p.targetOctets(c)
		return p.Memory() > c.Memory
	})
	p.Shape.OnDemand = least + more
	p.memory = p.targetOctets(c)
}

// grow returns the targets of a window, at most n, and those of the first one: a 64th part, but
// not fewer than fewestTargets.
func grow(n int) (targets, first int) {
	doublings := 0
	for doublings < 6 && n>>(doublings+1) >= fewestTargets {
		doublings++
	}
	first = n >> doublings
	return first << doublings, first
}

// ProbesPerTarget is how many probes the first attempt has for one target.
func (p *Params) ProbesPerTarget() uint64 {
	return uint64(p.Shape.TTLs()) * uint64(p.Shape.RequestedFlows())
}

// targetOctets is an upper bound of the memory for one target, in bytes.
func (p *Plan) targetOctets(c *Config) uint64 {
	s := p.Shape
	n := p.scheduleOctets() + uint64(s.OctetsPerTarget()) + extensionOctets(1, s) +
		uint64(p.Senders)*sender.PreparedOctets(s)
	if c.Records&record.Replies != 0 {
		n += uint64(window.EntryOctets * unlinked(1, s))
	}
	return n
}

// extensionOctets is room in a window for extension structures: MPLS on a fourth of the
// hops.
func extensionOctets(targets int, s window.Shape) uint64 {
	return uint64(targets) * uint64(hops(s)) * 4
}

// MaxExtensionOctets is the room in a window for extension structures, in bytes.
func MaxExtensionOctets(s window.Shape) int { return int(extensionOctets(s.Targets, s)) + 4096 }

func unlinked(targets int, s window.Shape) int { return targets * hops(s) / 4 }

// hops is how many hops of a target are expected to need further room, at most.
func hops(s window.Shape) int {
	if s.IsOnDemand() {
		return s.OnDemand
	}
	return s.TTLs() * s.Flows
}

// Unlinked is room in a window for copies and late replies, where they are recorded.
func Unlinked(s window.Shape) int { return unlinked(s.Targets, s) + 1024 }

// CountWindows works out how many windows of the shape all targets take.
func (p *Plan) CountWindows() {
	cut := p.Shape.Cut()
	p.Windows = cut.Count(p.Order.Len())
}

// TargetsBefore returns how many targets the windows below number id have.
func (p *Plan) TargetsBefore(id uint64) uint64 {
	if id >= p.Windows {
		return p.Order.Len()
	}
	cut := p.Shape.Cut()
	return cut.Begin(id)
}

// Memory returns the bytes that the live windows may come to take.
func (p *Plan) Memory() uint64 {
	return min(p.Windows, window.Live) * (uint64(p.Shape.Targets)*p.memory + uint64(p.Shape.SharedOctets()))
}

// Probes returns how many probes the first attempt has.
func (p *Plan) Probes() uint64 { return p.Order.Len() * p.ProbesPerTarget() }

// Duration returns how long all attempts take at most.
func (p *Plan) Duration() time.Duration {
	attempts := float64(p.Shape.Attempts)
	s := p.Wait().Seconds() * attempts
	if p.RatePPS > 0 {
		s += float64(p.Probes()) * attempts / p.RatePPS
	}
	return time.Duration(min(s*float64(time.Second), math.MaxInt64/2))
}

// OpenWindow makes the cleared w the live window number id of set, with its targets.
func (p *Plan) OpenWindow(set *window.Set, w *window.Window, id uint64) {
	w.Open(id)
	last := p.TargetsBefore(id + 1)
	for i := w.Position; i < last; i++ {
		w.Append(p.Order.At(i))
	}
	set.Put(w)
}

// AddNever adds to sum the targets of the windows from number done on, which were not
// probed, or not to the end.
func (p *Plan) AddNever(sum *account.Account, done uint64) {
	never := p.Order.Len() - p.TargetsBefore(done)
	sum.Targets += never
	sum.TTLs, sum.Flows = uint64(p.Shape.TTLs()), uint64(p.Shape.RequestedFlows())
	sum.Skipped.Interrupted += never * p.ProbesPerTarget()
}
