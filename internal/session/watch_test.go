package session

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/sender"
)

// scripted is a monitor with given states.
type scripted struct {
	Monitor
	link link.State
	ways [2]link.State // IPv4, IPv6
	hop  net.HardwareAddr
}

func (s *scripted) State() link.State                        { return s.link }
func (s *scripted) Way(i int) (link.State, net.HardwareAddr) { return s.ways[i], s.hop }

// heard collects events.
type heard struct {
	observe.Nobody
	events []string
}

func (h *heard) Event(e observe.Event) { h.events = append(h.events, e.String()) }

// turning is a port whose next hop can change.
type turning struct {
	sender.Port
	hops []string
}

func (p *turning) SetNextHop(is4 bool, mac [6]byte) {
	p.hops = append(p.hops, fmt.Sprintf("%t %x", is4, mac))
}

// A run waits for its link and for both families, for a limited time. It goes on without one family,
// and takes over a new next hop.
func TestWatch(t *testing.T) {
	way := func(source string) link.Way {
		return link.Way{Path: link.Path{Name: "e0", Source: netip.MustParseAddr(source), NextHop: net.HardwareAddr{2, 0, 0, 0, 0, 1}}}
	}
	const (
		up, noRoute, noAddress, down, gone = link.Up, link.NoRoute, link.NoAddress, link.Down, link.Gone
	)
	type step struct {
		after   time.Duration // since the step before
		link    link.State
		ways    [2]link.State
		up      bool
		lost    string
		stopped error
		says    string
	}
	tests := []struct {
		name  string
		both  bool
		steps []step
	}{
		{"link back in time", false, []step{
			{0, up, [2]link.State{}, true, "", nil, ""},
			{1, down, [2]link.State{}, false, "", nil, "e0: down: the run waits, at most 5m0s"},
			{linkWait - 2, down, [2]link.State{}, false, "", nil, ""},
			{0, up, [2]link.State{}, true, "", nil, "e0: up: the run continues"},
			{linkWait, up, [2]link.State{}, true, "", nil, ""},
		}},
		{"link down for good", false, []step{
			{0, down, [2]link.State{}, false, "", nil, "e0: down: the run waits, at most 5m0s"},
			{linkWait, down, [2]link.State{}, false, "", sender.ErrDown, "e0: down: no change for 5m0s, the run ends"},
		}},
		{"gone", false, []step{{0, gone, [2]link.State{}, false, "", sender.ErrGone, "e0: gone: no more probes are sent"}}},
		{"another reason meanwhile", false, []step{
			{0, down, [2]link.State{}, false, "", nil, "e0: down: the run waits, at most 5m0s"},
			{linkWait - 1, up, [2]link.State{noAddress}, false, "", nil, "e0: source address removed: the run waits, at most 5m0s"},
			{1, up, [2]link.State{noAddress}, false, "", sender.ErrDown, "e0: source address removed: no change for 5m0s, the run ends"},
		}},
		{"one family of two", true, []step{
			{0, up, [2]link.State{up, noAddress}, false, "", nil, "e0: IPv6: source address removed: the run waits, at most 10s for this family alone"},
			{familyWait, up, [2]link.State{up, noAddress}, true, "6", nil, "e0: IPv6: source address removed: its probes are not sent"},
			{linkWait, up, [2]link.State{up, noAddress}, true, "6", nil, ""},
			{0, up, [2]link.State{up, up}, true, "", nil, "e0: IPv6: up: its probes are sent again"},
		}},
		{"routes of some targets", false, []step{
			{0, up, [2]link.State{link.Apart}, false, "", nil, "e0: some targets leave by another route now: the run waits, at most 5m0s"},
			{1, up, [2]link.State{}, true, "", nil, "e0: up: the run continues"},
		}},
		{"both families", true, []step{
			{0, up, [2]link.State{noRoute, noAddress}, false, "", nil, "e0: the route has changed: the run waits, at most 5m0s"},
			{linkWait, up, [2]link.State{noRoute, noAddress}, false, "", sender.ErrDown, "e0: the route has changed: no change for 5m0s, the run ends"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, o := &scripted{}, &heard{}
			s := &Session{Paths: new(Paths), Monitor: m}
			s.Paths.Add(way("192.0.2.1"))
			if tt.both {
				s.Paths.Add(way("2001:db8::1"))
			}
			var stopped error
			w := watch{Session: s, observe: o, stop: func(cause error) { stopped = cause }, families: make([]outage, len(s.Paths.ways))}
			now := time.Unix(1e9, 0)
			for i, step := range tt.steps {
				now = now.Add(step.after)
				m.link, m.ways, o.events = step.link, step.ways, nil
				next := w.look(now)
				lost := ""
				for name, is4 := range map[string]bool{"4": true, "6": false} {
					if s.Lost(is4) {
						lost += name
					}
				}
				if s.Up() != step.up || lost != step.lost || stopped != step.stopped {
					t.Errorf("step %d: up %t, lost %q, stopped %v; want %+v", i, s.Up(), lost, stopped, step)
				}
				if step.says != "" && !slices.Contains(o.events, step.says) || step.says == "" && len(o.events) > 0 {
					t.Errorf("step %d: says %q, want %q", i, o.events, step.says)
				}
				if waits := !step.up && stopped == nil; waits && !next.After(now) {
					t.Errorf("step %d: waits without end", i)
				}
			}
		})
	}
}

func TestWatchNextHop(t *testing.T) {
	m, o, port := &scripted{hop: net.HardwareAddr{2, 0, 0, 0, 0, 9}}, &heard{}, &turning{}
	s := &Session{Paths: new(Paths), Monitor: m, Ports: []sender.Port{port}}
	s.Paths.Add(link.Way{Path: link.Path{Name: "e0", Source: netip.MustParseAddr("192.0.2.1"), NextHop: net.HardwareAddr{2, 0, 0, 0, 0, 1}}})
	w := watch{Session: s, observe: o, stop: func(error) {}, families: make([]outage, 1)}
	for range 2 {
		w.look(time.Now())
	}
	if want := []string{"true 020000000009"}; !slices.Equal(port.hops, want) {
		t.Errorf("next hops %v, want %v", port.hops, want)
	}
	if want := []string{"e0: next hop of IPv4: now 02:00:00:00:00:09"}; !slices.Equal(o.events, want) {
		t.Errorf("said %q, want %q", o.events, want)
	}
}
