package gather

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/matcher"
)

// kept is a writer that keeps the records that it is given.
type kept struct {
	traces  []record.Trace
	replies []record.Reply
}

func (k *kept) Write(r record.Record) error {
	switch r := r.(type) {
	case *record.Trace:
		k.traces = append(k.traces, *r)
	case *record.Reply:
		k.replies = append(k.replies, *r)
	}
	return nil
}

func (*kept) Flush() error { return nil }

var target = probe.AddrFrom(netip.MustParseAddr("192.0.2.9"))

// begin is the time of the first probe, ns.
const begin = int64(1_000_000_000)

func newGatherer(kinds record.Kinds, wait time.Duration) (*Gatherer, *kept) {
	k := new(kept)
	return New(Config{Writer: k, Kinds: kinds, Table: matcher.NewExactTable(), Keep: trace.KeepFlows, Wait: wait}), k
}

func head() *record.Head { return &record.Head{Target: target, Method: probe.UDP, DstPort: 33434} }

// send sends a probe at a TTL and a time.
func send(g *Gatherer, ttl uint8, at int64) *matcher.Seen {
	name := NameOf(&probe.Probe{Target: target, Flow: 5, TTL: ttl})
	g.Sent(head(), &name, ttl, 0, at, at)
	return g.Find(&name)
}

// hop is a reply to the probe at a TTL.
func hop(ttl uint8, stamp int64, valid probe.Validity, kind probe.Kind) *record.Hop {
	h := new(record.Hop)
	h.Probe, h.Responder, h.Stamp = probe.Probe{Target: target, Flow: 5, TTL: ttl}, target, stamp
	h.Valid, h.Kind = valid, kind
	return h
}

// Each reply is in one count, and in a record that shows which.
func TestAnswered(t *testing.T) {
	const wait = time.Second
	tests := []struct {
		name  string
		hops  []*record.Hop
		want  account.Account
		check func(last *record.Reply) bool
	}{
		{"strong", []*record.Hop{hop(3, begin+7, probe.Strong, probe.KindTTLExceeded)},
			account.Account{Probes: account.Probes{Answered: 1}, Inbound: account.Inbound[uint64]{Strong: 1}},
			func(r *record.Reply) bool { return r.RTT == 7 && r.Hop.Sent == begin && !r.Late }},
		{"weak", []*record.Hop{hop(3, begin+7, probe.Weak, probe.KindTTLExceeded)},
			account.Account{Probes: account.Probes{Answered: 1}, Inbound: account.Inbound[uint64]{Weak: 1}}, nil},
		{"without the key", []*record.Hop{hop(3, begin+7, probe.Unverified, probe.KindTTLExceeded)},
			account.Account{Probes: account.Probes{Answered: 1}, Inbound: account.Inbound[uint64]{Unverified: 1}}, nil},
		{"stamped before the probe", []*record.Hop{hop(3, begin-7, probe.Strong, probe.KindTTLExceeded)},
			account.Account{Probes: account.Probes{Answered: 1}, Inbound: account.Inbound[uint64]{Strong: 1}},
			func(r *record.Reply) bool { return r.RTT == 0 }},
		{"twice", []*record.Hop{hop(3, begin+7, probe.Strong, probe.KindTTLExceeded), hop(3, begin+9, probe.Strong, probe.KindTTLExceeded)},
			account.Account{Probes: account.Probes{Answered: 1}, Inbound: account.Inbound[uint64]{Strong: 1, Duplicates: 1}},
			func(r *record.Reply) bool { return r.Dup == 1 }},
		{"late", []*record.Hop{hop(3, begin+int64(wait)+1, probe.Strong, probe.KindTTLExceeded)},
			account.Account{Inbound: account.Inbound[uint64]{Late: 1}},
			func(r *record.Reply) bool { return r.Late }},
		{"a datagram of the target", []*record.Hop{hop(0, begin+7, probe.Strong, probe.KindUDPReply)},
			account.Account{Inbound: account.Inbound[uint64]{Strong: 1, UDPReplies: 1}}, nil},
		{"an ACK of the target", []*record.Hop{hop(0, begin+7, probe.Weak, probe.KindPureACK)},
			account.Account{Inbound: account.Inbound[uint64]{Weak: 1, PureACKs: 1}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, k := newGatherer(record.Replies, wait)
			seen := send(g, 3, begin)
			for _, h := range tt.hops {
				if err := g.Answered(seen, h); err != nil {
					t.Fatal(err)
				}
			}
			tt.want.Sent = 1
			if !reflect.DeepEqual(g.Sum, tt.want) {
				t.Errorf("counted %+v, want %+v", g.Sum, tt.want)
			}
			if len(k.replies) != len(tt.hops) || tt.check != nil && !tt.check(&k.replies[len(k.replies)-1]) {
				t.Errorf("records %+v", k.replies)
			}
		})
	}
}

// Replies without a probe of their own count too. The probe may be unseen or forgotten, or the
// reply may show only the flow to which it belongs.
func TestWithoutProbe(t *testing.T) {
	g, k := newGatherer(record.Both, 0)
	if err := g.Implied(head(), hop(4, begin, probe.Unverified, probe.KindTTLExceeded)); err != nil {
		t.Fatal(err)
	}
	g.Late()
	if err := g.Answered(g.Alone(head()), hop(0, begin, probe.Strong, probe.KindUDPReply)); err != nil {
		t.Fatal(err)
	}
	want := account.Account{Probes: account.Probes{Sent: 1, Answered: 1},
		Inbound: account.Inbound[uint64]{Late: 1, Strong: 1, Unverified: 1, UDPReplies: 1}}
	if !reflect.DeepEqual(g.Sum, want) || len(k.replies) != 2 {
		t.Errorf("counted %+v, want %+v; %d records, want 2", g.Sum, want, len(k.replies))
	}
}

// A trace is written once nothing can come for it, and its probes are forgotten then.
func TestSweep(t *testing.T) {
	g, k := newGatherer(record.Traces, time.Second)
	if err := g.Answered(send(g, 3, begin), hop(3, begin+7, probe.Strong, probe.KindTTLExceeded)); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after  int64 // since begin
		swept  bool
		traces int
	}{
		{0, false, 0}, {matcher.Forgotten / 2, false, 0}, {matcher.Forgotten, true, 0}, {matcher.Forgotten + 1, false, 0},
		{3 * matcher.Forgotten, true, 1},
	} {
		swept, err := g.Sweep(begin + step.after)
		if err != nil || swept != step.swept || len(k.traces) != step.traces {
			t.Errorf("after %d ns: swept %t, %v, %d traces; want %t, %d", step.after, swept, err, len(k.traces), step.swept, step.traces)
		}
	}
	send(g, 4, begin+4*matcher.Forgotten)
	if err := g.Finish(); err != nil || len(k.traces) != 2 {
		t.Errorf("at the end %v, %d traces; want 2", err, len(k.traces))
	}
	if len(k.replies) > 0 {
		t.Errorf("%d records of replies, which were not asked for", len(k.replies))
	}
	sum := g.Summary(account.Heard[uint64]{})
	if sum.Targets != 2 || sum.Sent != 2 || sum.Answered != 1 || sum.Silent != 1 || sum.SilentBy.Unknown != 1 || !sum.Complete {
		t.Errorf("summary %+v", sum)
	}
}
