package internet

import (
	"net/netip"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/netsim"
)

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestAssign(t *testing.T) {
	tests := []struct {
		assignment string
		want       func(*netsim.Config) bool // nil: Assign must return an error
	}{
		{"loss-forward=0.25", func(c *netsim.Config) bool { return c.LossForward == 0.25 }},
		{"LossForward=1", func(c *netsim.Config) bool { return c.LossForward == 1 }},
		{"delay=120ms", func(c *netsim.Config) bool { return c.Delay == 120*time.Millisecond }},
		{"max-hops=20", func(c *netsim.Config) bool { return c.MaxHops == 20 }},
		{"seed=18446744073709551615", func(c *netsim.Config) bool { return c.Seed == 1<<64-1 }},
		{"delay=0.12", func(c *netsim.Config) bool { return c.Delay == 120*time.Millisecond }},
		{"policer=1.5k", func(c *netsim.Config) bool { return c.Policer == 1500 }},
		{assignment: "delay=2x"},
		{assignment: "policer=-1"},
		{assignment: "max-hops=1.5"},
		{assignment: "loss=0.1"},
		{assignment: "delay"},
		{assignment: ""},
	}
	for _, tt := range tests {
		cfg := netsim.Default()
		err := Assign(&cfg, tt.assignment)
		switch {
		case tt.want == nil && err == nil:
			t.Errorf("%q was taken", tt.assignment)
		case tt.want != nil && (err != nil || !tt.want(&cfg)):
			t.Errorf("%q: %v, %+v", tt.assignment, err, cfg)
		}
	}
}

func TestNew(t *testing.T) {
	for _, preset := range netsim.PresetNames() {
		if _, err := New(Veth, preset, nil, nil); err != nil {
			t.Errorf("%s: %v", preset, err)
		}
	}
	seed := uint64(7)
	o, err := New(Tun, "clean", &seed, []string{"max-hops=20"})
	if err != nil || o.Network.Seed != 7 || o.Network.MaxHops != 20 || o.Link != Tun {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := New(Veth, "nowhere", nil, nil); err == nil {
		t.Error("an unknown preset was accepted")
	}
	if _, err := New(Veth, "clean", nil, []string{"loss-forward=2"}); err == nil {
		t.Error("a share of 2 was taken")
	}
}
