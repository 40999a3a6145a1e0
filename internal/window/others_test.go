package window

import (
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// others returns the paths of another vantage point to some targets, over one router.
func others(salt uint64, router probe.Addr, targets ...probe.Addr) *Others {
	const span = 1 << 40
	var places []uint64
	for _, a := range targets {
		places = append(places, PlaceOf(WayHash(router, a), span))
	}
	return NewOthers(span, places, salt)
}

// A pair of interface and target is known, and not with another target.
func TestOthers(t *testing.T) {
	router := interfaceNo(1)
	var targets []probe.Addr
	for i := range 1000 {
		targets = append(targets, interfaceNo(1<<24+i))
	}
	o := others(1, router, targets[:500]...)
	audited := 0
	for i, a := range targets {
		if o.Has(router, a) != (i < 500) || o.Has(interfaceNo(2), a) {
			t.Errorf("target %d", i)
		}
		if o.Audits(a) == o.Spares(a) {
			t.Errorf("target %d is audited and spared", i)
		}
		if o.Audits(a) {
			audited++
		}
	}
	if mean := len(targets) / auditEvery; audited < mean/2 || audited > 2*mean {
		t.Errorf("%d of %d targets are audited, want about %d", audited, len(targets), mean)
	}
	var none *Others
	if none.Has(router, targets[0]) || none.Spares(targets[0]) || none.Audits(targets[0]) {
		t.Error("without another vantage point nothing is spared")
	}
}

// A path joins that of another vantage point at an interface which that one met on its way to this
// target. Answers with one tag do not count, nor do the audited targets.
func TestJoined(t *testing.T) {
	target := probe.AddrFrom(netip.MustParseAddr("198.51.100.9"))
	router := probe.AddrFrom(netip.MustParseAddr("203.0.113.1"))
	spared, audited := uint64(0), uint64(0)
	for salt := range uint64(1000) {
		if o := others(salt, router, target); o.Spares(target) {
			spared = salt
		} else {
			audited = salt
		}
	}
	tests := []struct {
		name  string
		set   *Others
		valid probe.Validity
		from  probe.Addr
		want  uint8
	}{
		{"known", others(spared, router, target), probe.Strong, router, 5},
		{"no paths", nil, probe.Strong, router, 0},
		{"other interface", others(spared, router, target), probe.Strong, probe.AddrFrom(netip.MustParseAddr("203.0.113.2")), 0},
		{"other target", others(spared, router, probe.AddrFrom(netip.MustParseAddr("198.51.101.9"))), probe.Strong, router, 0},
		{"one tag", others(spared, router, target), probe.Weak, router, 0},
		{"audited", others(audited, router, target), probe.Strong, router, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			known := NewStopSet(64)
			known.Heed(tt.set)
			w := New(Shape{Targets: 1, FirstTTL: 1, LastTTL: 10, Flows: 1, Attempts: 1})
			w.Open(0)
			w.Append(target)
			for _, ttl := range []uint8{7, 5} {
				slot := Slot{TTL: ttl}
				w.Stamp(slot, 1)
				r := &probe.Reply{}
				r.Target, r.TTL, r.Kind, r.Responder, r.Valid, r.HasQuote = target, ttl, probe.KindTTLExceeded, tt.from, tt.valid, true
				w.Answer(slot, r)
				w.Learn(0, &r.Facts, known)
			}
			if got := w.State(0, 0); got.Joined() != tt.want || tt.valid == probe.Strong && got.Heard() != 7 {
				t.Errorf("joined at %d, state %x", got.Joined(), uint64(got))
			}
		})
	}
}
